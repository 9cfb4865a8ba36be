"""A data directory while a corpus' audio files are collected: usable ones go into its tables, bad ones are counted."""

import sys
from collections.abc import Mapping
from pathlib import Path

from speechlib.io.audio import BadAudio, audio_info, write_bad_list
from speechlib.io.maps import utt2spk_to_spk2utt, write_lists, write_map

_SHOWN_BAD = 5
_OPTIONAL = ("text", "spk2gender", "spk2age", "utt2session")


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
