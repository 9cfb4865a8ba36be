"""What a trained network gets of the utterances of a data directory, in blocks that jobs share out among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from speechlib.io.tables import RandomAccessTable

# Utterances are taken in blocks of this many, which the jobs share out among them. What is computed together is
# decided within a block, so that it does not depend on the number of jobs: the numbers are the same bit for bit.
BLOCK = 64

Prepare = Callable[[np.ndarray, np.ndarray | None], np.ndarray]  # features and voicing decisions to inputs


class ModelInputs:
    """The utterances of a data directory, taken through the front end of a network.

    Args:
        path: the data directory.
        prepare: the front end: from (frames, dim) features and (frames,) voicing decisions, None without `vad`, to
            (frames', input dim).
        unusable: the error that `prepare` raises for an utterance of which nothing is left.
        output_dim: from the dimension of stored features to that behind the front end.
        vad: whether the front end selects voiced frames.
        say: is told about utterances that are left out.

    Attributes:
        scripts: the files that say where features and decisions are.
        num_left_out: utterances of which nothing was left so far.
        num_frames: behind the front end so far.

    Raises:
        FileNotFoundError: features or decisions are not there.
    """

    def __init__(
        self, path: str, prepare: Prepare, unusable: type[ValueError], output_dim: Callable[[int], int], vad: bool,
        say: Callable[[str], None],
    ):  # fmt: skip
        self.path, self.vad, self._output_dim = path, vad, output_dim
        self._prepare, self._unusable, self._say = prepare, unusable, say
        self.scripts = [os.path.join(path, name) for name in ("feats.scp", "vad.scp")[: 1 + vad]]
        for script, step in zip(self.scripts, ("make_feats.sh", "compute_vad.sh"), strict=False):
            if not os.path.isfile(script):
                raise FileNotFoundError(f"{script}: no such file: run steps/{step} first")
        self.features = RandomAccessTable(f"scp:{self.scripts[0]}", kind="matrix")
        self.decisions = RandomAccessTable(f"scp:{self.scripts[1]}", kind="vector") if vad else {}
        self.num_left_out = self.num_frames = 0

    def blocks(self, job: int, num_jobs: int) -> Iterator[list[str]]:
        """Names by block, those of one job."""
        names = list(self.features)
        for first in range((job - 1) * BLOCK, len(names), num_jobs * BLOCK):
            yield names[first : first + BLOCK]

    def read(self, names: Sequence[str], model_dir: str, input_dim: int) -> Iterator[tuple[str, np.ndarray]]:
        """Names and (frames, input_dim) model inputs of the utterances of which something is left.

        Raises:
            ValueError: features of another dimension than the model's, that are not finite, or that do not fit the
                decisions; names the file and the utterance.
        """
        for name in names:
            features = self.features[name]
            dim = self._output_dim(features.shape[1])
            if len(features) and dim != input_dim:
                raise ValueError(
                    f"{self.scripts[0]}: {name} has features of dimension {features.shape[1]} ({dim} behind the front "
                    f"end), but the network in {model_dir} takes {input_dim}: make them as for its training"
                )
            if self.vad and name not in self.decisions:
                self._leave_out(name, f"is not in {self.scripts[1]}")
                continue
            try:
                ready = self._prepare(features, self.decisions.get(name))
            except self._unusable as error:
                self._leave_out(name, str(error))
                continue
            except ValueError as error:
                raise ValueError(f"{self.path}: utterance {name}: {error}") from None
            if not np.isfinite(ready).all():
                raise ValueError(f"{self.scripts[0]}: {name} holds NaN or infinity: make its features again")
            self.num_frames += len(ready)
            yield name, ready

    def kept_frames(self, name: str) -> np.ndarray:
        """(frames',) which frames of the features the network gets of an utterance that `read` gave."""
        if self.vad:
            return np.flatnonzero(self.decisions[name])
        return np.arange(len(self.features[name]))

    def _leave_out(self, name: str, reason: str) -> None:
        self._say(f"warning: utterance {name} {reason}: left out")
        self.num_left_out += 1
