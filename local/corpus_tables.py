"""A corpus' audio files, and a data directory while they are collected: usable ones get in, bad ones are counted."""

import sys
from collections.abc import Mapping
from pathlib import Path

from speechlib.io.audio import BadAudio, audio_info, write_bad_list
from speechlib.io.datadir import DataDir
from speechlib.io.maps import utt2spk_to_spk2utt, write_lists, write_map

_SHOWN_BAD = 5
_SUFFIXES = (".WAV", ".wav", ".flac", ".FLAC")
_OPTIONAL = ("text", "spk2gender", "spk2age", "utt2session")


def utterance_files(corpus: Path, part: DataDir) -> dict[str, Path]:
    """Audio file by utterance, sorted, of a part of a corpus that comes with Kaldi's files.

    Args:
        corpus: what wav.scp's paths are relative to.
        part: the folder with wav.scp and utt2spk.

    Returns:
        The files that wav.scp names, under another suffix where it is that which is there (WAV for wav, flac).

    Raises:
        FileNotFoundError: no wav.scp.
        ValueError: commands or pieces of recordings in place of files, or utterances without speaker or audio.
    """
    if part.has("segments"):
        raise ValueError(f"{part.path}/segments: expected a file for each utterance, not pieces of recordings")
    wav_scp = part.wav_scp
    if wav_scp is None:
        raise FileNotFoundError(f"{part.path}/wav.scp: no such file; each part of the corpus has one")
    unknown = sorted(set(part.utt2spk) ^ set(wav_scp))
    if unknown:
        raise ValueError(
            f"{part.path}: {len(unknown)} utterances are in only one of wav.scp and utt2spk, e.g. {unknown[0]}: "
            "fetch the corpus again"
        )
    return {utterance: _file(corpus, part, utterance, value) for utterance, value in sorted(wav_scp.items())}


def _file(corpus: Path, part: DataDir, utterance: str, value: str) -> Path:
    if value.endswith("|"):
        raise ValueError(f"{part.path}/wav.scp: utterance {utterance}: a command is no file of the corpus: {value}")
    path = (corpus / value).absolute()
    twins = (path.with_suffix(suffix) for suffix in _SUFFIXES)
    return next((candidate for candidate in (path, *twins) if candidate.is_file()), path)


class CorpusTables:
    """Utterances by their ids: audio, speaker and duration.

    Args:
        rate: samples a second that the corpus has; other audio is bad.
    """

    def __init__(self, rate: int = 16000):
        self.rate = rate
        self.wav_scp: dict[str, str] = {}
        self.utt2spk: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.bad: list[tuple[str, str, str]] = []

    def add(self, utterance: str, speaker: str, path: Path) -> None:
        """Add an utterance, or note why its audio cannot be used."""
        try:
            seconds = self._duration(path)
        except BadAudio as error:
            self.bad.append((utterance, error.reason, str(error)))
            return
        self.wav_scp[utterance] = str(path)
        self.utt2spk[utterance] = speaker
        self.seconds[utterance] = seconds

    def _duration(self, path: Path) -> float:
        info = audio_info(path)
        if info.rate != self.rate:
            message = f"{info.rate} samples a second, the corpus has {self.rate}"
            raise BadAudio("wrong-rate", path, message, "use the original files")
        if info.channels != 1:
            message = f"{info.channels} channels, the corpus has one"
            raise BadAudio("multichannel", path, message, "use the original files")
        if info.samples == 0:
            raise BadAudio("empty", path, "no samples", "use the original files")
        return info.duration

    def check_bad(self, program: str, max_bad: int, bad_list: Path) -> None:
        """Write the list of bad audio files and show some of it.

        Raises:
            ValueError: more than `max_bad` of them, or nothing that can be used.
        """
        write_bad_list(bad_list, self.bad)
        for _, reason, message in self.bad[:_SHOWN_BAD]:
            print(f"{program}: bad audio ({reason}): {message}", file=sys.stderr)
        if len(self.bad) > max_bad:
            raise ValueError(
                f"{len(self.bad)} bad audio files, --max-bad allows {max_bad}: see {bad_list}; "
                "mend them, or raise --max-bad to go on without them"
            )
        if not self.utt2spk:
            raise ValueError(f"no audio file can be used: see {bad_list}")

    def write(self, folder: Path, speakers: set[str], labels: Mapping[str, Mapping[str, str]]) -> str:
        """Write the data directory of some speakers.

        Args:
            folder: of the data directory.
            speakers: whose utterances go there.
            labels: further files by name (text, spk2gender, ...), of any utterances or speakers; one that lacks some of
                this directory's is not written, since half of it would be an error later.

        Returns:
            Its size in words.
        """
        utt2spk = {utterance: speaker for utterance, speaker in self.utt2spk.items() if speaker in speakers}
        folder.mkdir(parents=True, exist_ok=True)
        write_map(folder / "wav.scp", {utterance: self.wav_scp[utterance] for utterance in utt2spk})
        write_map(folder / "utt2spk", utt2spk)
        write_map(folder / "utt2dur", {utterance: f"{self.seconds[utterance]:.7f}" for utterance in utt2spk})
        spk2utt = utt2spk_to_spk2utt(utt2spk)
        write_lists(folder / "spk2utt", spk2utt)
        for name in _OPTIONAL:
            keys = spk2utt if name.startswith("spk2") else utt2spk
            table = labels.get(name, {})
            if table and all(key in table for key in keys):
                write_map(folder / name, {key: table[key] for key in keys})
            else:
                (folder / name).unlink(missing_ok=True)
        hours = sum(self.seconds[utterance] for utterance in utt2spk) / 3600
        return f"{len(spk2utt)} speakers, {len(utt2spk)} utterances, {hours:.2f} hours"
