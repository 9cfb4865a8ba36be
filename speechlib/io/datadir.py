"""A data directory (Kaldi's contract: wav.scp, segments, utt2spk, ...) as one object, and its validator."""

import os
from functools import cached_property
from pathlib import Path

from speechlib.io.datadir_checks import validate
from speechlib.io.datadir_report import Problem
from speechlib.io.maps import read_lists, read_map, split_blanks, utt2spk_to_spk2utt

__all__ = ["DataDir", "Problem", "validate"]


class DataDir:
    """The files of a data directory, each read when first asked for; `None` for a file that is not there.

    Args:
        path: the directory.

    Raises:
        FileNotFoundError: there is no such directory; `utt2spk` and what derives from it: no such file.
        ValueError: a line that cannot be read, with file:line.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        if not self.path.is_dir():
            raise FileNotFoundError(f"{self.path}: no such data directory")

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.path / name).is_file()

    def map(self, name: str) -> dict[str, str] | None:
        """Any two-column file by name, e.g. `utt2emotion`, `spk2age`, `feats.scp`."""
        return read_map(self.path / name, allow_empty=name == "text") if self.has(name) else None

    def utterances(self) -> list[str]:
        """All utterances in LC_ALL=C order."""
        return sorted(self.utt2spk)

    def speakers(self) -> list[str]:
        """All speakers in LC_ALL=C order."""
        return sorted(self.spk2utt)

    @cached_property
    def utt2spk(self) -> dict[str, str]:
        """Speaker by utterance."""
        if not self.has("utt2spk"):
            raise FileNotFoundError(
                f"{self.path}/utt2spk: no such file; every data directory has one: <utterance> <speaker>"
            )
        return read_map(self.path / "utt2spk")

    @cached_property
    def spk2utt(self) -> dict[str, list[str]]:
        """Utterances by speaker; worked out from utt2spk where there is no spk2utt."""
        if self.has("spk2utt"):
            return read_lists(self.path / "spk2utt")
        return utt2spk_to_spk2utt(self.utt2spk)

    @cached_property
    def wav_scp(self) -> dict[str, str] | None:
        """Path or `command |` by recording (by utterance where there is no segments file)."""
        return self.map("wav.scp")

    @cached_property
    def segments(self) -> dict[str, tuple[str, float, float]] | None:
        """(recording, start, end) by utterance in seconds; end -1 is the recording's. See `channels`."""
        table = self.map("segments")
        return None if table is None else {utt: self._segment(utt, value) for utt, value in table.items()}

    @cached_property
    def channels(self) -> dict[str, int]:
        """The fifth column of segments by utterance, a channel counted from 0; of the utterances that have one."""
        fields = ((utterance, split_blanks(value)) for utterance, value in (self.map("segments") or {}).items())
        found = {utterance: values[3] for utterance, values in fields if len(values) == 4}
        for utterance, channel in found.items():
            if not (channel.isascii() and channel.isdigit()):
                raise ValueError(
                    f"{self.path}/segments:{self._line('segments', utterance)}: expected a channel from 0 on in the "
                    f"fifth column, found '{channel}'"
                )
        return {utterance: int(channel) for utterance, channel in found.items()}

    @cached_property
    def text(self) -> dict[str, str] | None:
        """Transcript by utterance."""
        return self.map("text")

    @cached_property
    def feats_scp(self) -> dict[str, str] | None:
        """Extended file name of the features by utterance."""
        return self.map("feats.scp")

    @cached_property
    def vad_scp(self) -> dict[str, str] | None:
        """Extended file name of the voicing decisions by utterance."""
        return self.map("vad.scp")

    @cached_property
    def cmvn_scp(self) -> dict[str, str] | None:
        """Extended file name of the CMVN statistics by speaker (or utterance)."""
        return self.map("cmvn.scp")

    @cached_property
    def spk2gender(self) -> dict[str, str] | None:
        """`m` or `f` by speaker."""
        return self.map("spk2gender")

    @cached_property
    def utt2dur(self) -> dict[str, float] | None:
        """Seconds by utterance."""
        return self._numbers("utt2dur", float)

    @cached_property
    def reco2dur(self) -> dict[str, float] | None:
        """Seconds by recording."""
        return self._numbers("reco2dur", float)

    @cached_property
    def utt2num_frames(self) -> dict[str, int] | None:
        """Frames by utterance."""
        return self._numbers("utt2num_frames", int)

    def _segment(self, utterance: str, value: str) -> tuple[str, float, float]:
        fields = split_blanks(value)
        try:
            recording, start, end = fields[:3] if len(fields) == 4 else fields
            return recording, float(start), float(end)
        except ValueError:
            raise ValueError(
                f"{self.path}/segments:{self._line('segments', utterance)}: expected '<utterance> <recording> <start> "
                f"<end>' with times in seconds, found '{utterance} {value}'"
            ) from None

    def _numbers(self, name: str, number: type) -> dict | None:
        table = self.map(name)
        if table is None:
            return None
        numbers = {}
        for key, value in table.items():
            try:
                numbers[key] = number(value)
            except ValueError:
                raise ValueError(
                    f"{self.path}/{name}:{self._line(name, key)}: expected '{key} <{number.__name__}>', found '{value}'"
                ) from None
        return numbers

    def _line(self, name: str, key: str) -> int:
        with open(self.path / name, "rb") as file:
            return next(number for number, line in enumerate(file, 1) if line.split(None, 1)[0] == key.encode())
