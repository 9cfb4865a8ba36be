"""Frames of a layer with their times, utterance by utterance, as steps/extract_frames.sh writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.tables import RandomAccessTable


class LayerFrames:
    """The frames of one layer of one network.

    Args:
        path: folder with frames.scp and times.scp.

    Attributes:
        script: its frames.scp.

    Raises:
        OSError: they are not there.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.script = self.path / "frames.scp"
        for script in (self.script, self.path / "times.scp"):
            if not script.is_file():
                raise FileNotFoundError(f"{script}: no such file: run steps/extract_frames.sh first")
        self._frames = RandomAccessTable(f"scp:{self.script}", "matrix")
        self._times = RandomAccessTable(f"scp:{self.path}/times.scp", "vector")

    def __contains__(self, name: str) -> bool:
        return name in self._frames

    def frames(self, name: str) -> np.ndarray:
        """(frames, units) of an utterance."""
        return self._frames[name]

    def lacking(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        """Tell of utterances of a list that have no frames; `read` passes them over."""
        lacking = [name for name in names if name not in self]
        if lacking:
            say(f"warning: {len(lacking)} of {len(names)} utterances have no frames in {self.script}, such as "
                f"{lacking[0]}: left out")  # fmt: skip

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, frames and times of the utterances of a list that are there.

        Raises:
            ValueError: frames and times differ in number.
        """
        for name in names:
            if name in self._frames:
                frames, times = self._frames[name], self._times[name]
                if len(frames) != len(times):
                    raise ValueError(
                        f"{self.path}: utterance {name} has {len(frames)} frames but {len(times)} times: "
                        "extract them again"
                    )
                yield name, frames, times

    def longest_times(self, count: int = 16) -> np.ndarray:
        """Times of the longest of the first utterances, to tell the step from."""
        first = [self._times[name] for name, _ in zip(self._times, range(count), strict=False)]
        if not first:
            raise ValueError(f"{self.path}/times.scp: no utterance in it")
        return max(first, key=len)
