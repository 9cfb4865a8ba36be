"""The recordings of a corpus while it is prepared: usable ones with their values of wav.scp, bad ones to be counted."""

import shlex
import shutil
from pathlib import Path

import numpy as np

from local.conversation_dirs import Recording
from local.corpus_tables import CorpusTables
from speechlib.io.atomic import write_text
from speechlib.io.audio import BadAudio, Info, audio_info, read_audio, write_wav


class AudioFiles:
    """Recordings by name; all have the sampling rate of the first, others are bad.

    Attributes:
        info: what the headers say.
        bad: (name, reason, message) of what cannot be used.
    """

    def __init__(self) -> None:
        self.info: dict[str, Info] = {}
        self.bad: list[tuple[str, str, str]] = []
        self._entries: dict[str, str] = {}

    @property
    def rate(self) -> int:
        """Samples a second."""
        return next(iter(self.info.values())).rate

    def add(self, name: str, path: Path) -> None:
        """Add a recording, or note why it cannot be used."""
        try:
            entry, info = _open(path)
            if self.info and info.rate != self.rate:
                message = f"{info.rate} samples a second, the other recordings have {self.rate}"
                raise BadAudio("wrong-rate", path, message, "resample it")
            if info.samples == 0:
                raise BadAudio("empty", path, "no samples", "fetch it again")
        except BadAudio as error:
            self.bad.append((name, error.reason, str(error)))
            return
        self.info[name], self._entries[name] = info, entry

    def finish(self, program: str, max_bad: int, root: Path) -> None:
        """Check what is bad as `CorpusTables.check_bad` does, and write `<root>/sample_rate` (it chooses features)."""
        tables = CorpusTables()
        tables.bad, tables.utt2spk = self.bad, dict.fromkeys(self.info, "")
        tables.check_bad(program, max_bad, root / "log" / "bad.1.tsv")
        write_text(root / "sample_rate", f"{self.rate}\n")

    def recordings(self) -> dict[str, Recording]:
        """All that can be used; a mixture of channels is made by `mixed`."""
        return {name: Recording(entry, self.info[name].duration, entry) for name, entry in self._entries.items()}

    def mixed(self, names: list[str], folder: Path) -> dict[str, Recording]:
        """Recordings whose `mono` is a file in `folder`, the mean of all channels, where they have several."""
        every = self.recordings()
        recordings = {}
        for name in names:
            recording = recordings[name] = every[name]
            if self.info[name].channels > 1:
                folder.mkdir(parents=True, exist_ok=True)
                path = folder.absolute() / f"{name}.wav"
                _mix(recording.entry, self.info[name].channels, path)
                recordings[name] = Recording(recording.entry, recording.seconds, str(path))
        return recordings


def _open(path: Path) -> tuple[str, Info]:
    """The value of wav.scp and the header; SPHERE files that are compressed go through sph2pipe where there is one."""
    try:
        return str(path), audio_info(path)
    except BadAudio as error:
        if error.reason != "unsupported-codec" or path.suffix.lower() != ".sph" or not shutil.which("sph2pipe"):
            raise
    entry = f"sph2pipe -f wav -p {shlex.quote(str(path))} |"
    return entry, audio_info(entry)


def _mix(entry: str, channels: int, path: Path) -> None:
    total, rate = read_audio(entry, channel=0)
    total = total.astype(np.float64)
    for channel in range(1, channels):
        total += read_audio(entry, channel=channel)[0]
    write_wav(path, total / channels, rate)
