"""Data directories of conversations: recordings with the utterances of their speakers, and the recordings alone."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speechlib.io.datadir_files import write_files
from speechlib.io.maps import split_blanks, utt2spk_to_spk2utt
from speechlib.io.rttm import Turn, write_rttm

# seconds: Kaldi's extract-segments takes only longer segments, and cuts off what is not further beyond the end
_SHORTEST, _MAX_OVERSHOOT = 0.1, 0.5
_SHOWN = 3


@dataclass(frozen=True)
class Recording:
    """A recording: what wav.scp says of it, its seconds, and the value of wav.scp for all its channels mixed."""

    entry: str
    seconds: float
    mono: str


@dataclass(frozen=True, order=True)
class Utterance:
    """Who speaks when, in seconds; the channel counts from 0, None in recordings of one channel."""

    recording: str
    speaker: str
    start: float
    end: float
    channel: int | None = None
    text: str = ""

    @property
    def who(self) -> tuple[str, str, int | None]:
        """The recording, the speaker and the channel."""
        return self.recording, self.speaker, self.channel

    @property
    def name(self) -> str:
        """Begins with the speaker, as Kaldi likes it; the times are milliseconds."""
        head = self.speaker if self.speaker.startswith(self.recording) else f"{self.speaker}-{self.recording}"
        return f"{head}-{round(1000 * self.start):08d}-{round(1000 * self.end):08d}"


def clean_utterances(
    program: str, recordings: Mapping[str, Recording], utterances: Iterable[Utterance], bad: list[tuple[str, str, str]]
) -> list[Utterance]:
    """Make utterances fit their recordings, and join those of one speaker that overlap.

    Args:
        program: named in warnings.
        recordings: by name.
        utterances: in any order.
        bad: gets (utterance, reason, message) of each that cannot be used: it ends before it starts, or reaches more
            than half a second beyond its recording's end; a shorter piece beyond is cut off, as Kaldi does.

    Returns:
        Sorted utterances.
    """
    kept: list[Utterance] = []
    joined = 0
    for utterance in sorted(utterances):
        seconds, name = recordings[utterance.recording].seconds, utterance.name
        what = f"recording {utterance.recording}: {utterance.speaker} from {utterance.start:g} s to {utterance.end:g} s"
        if not 0 <= utterance.start < utterance.end:
            bad.append((name, "invalid", f"{what}: expected 0 <= start < end; mend the line"))
            continue
        if utterance.start >= seconds or utterance.end > seconds + _MAX_OVERSHOOT:
            bad.append((name, "out-of-range", f"{what}: beyond its end at {seconds:g} s; mend the times"))
            continue
        utterance = replace(utterance, end=min(utterance.end, seconds))
        last = kept[-1] if kept else None
        if last is not None and last.who == utterance.who and utterance.start < last.end:
            text = f"{last.text} {utterance.text}".strip()
            kept[-1] = replace(last, end=max(last.end, utterance.end), text=text)
            joined += 1
        else:
            kept.append(utterance)
    if joined:
        print(f"{program}: warning: {joined} utterances overlap others of their speaker: joined", file=sys.stderr)
    return kept


def write_conversation_dir(
    program: str, folder: Path, recordings: Mapping[str, Recording], utterances: list[Utterance]
) -> str:
    """Write a data directory whose recordings are conversations and whose utterances have their true speakers.

    Args:
        program: named in warnings.
        folder: gets wav.scp, segments (a fifth column is the channel), utt2spk, spk2utt, reco2utt, reco2num_spk,
            reco2dur, ref.rttm, and text if there is any; data files of an earlier directory there are removed.
        recordings: by name; those without utterances are left out.
        utterances: as `clean_utterances` returns them; those of at most 0.1 s are left out with a warning, as Kaldi
            leaves them out.

    Returns:
        Its size in words.

    Raises:
        ValueError: there are no utterances.
    """
    short = [utterance.name for utterance in utterances if utterance.end - utterance.start <= _SHORTEST]
    if short:
        count = f"{len(short)} utterances of at most {_SHORTEST} s"
        print(f"{program}: warning: {folder}: {count} are left out: {', '.join(short[:_SHOWN])}", file=sys.stderr)
        utterances = [utterance for utterance in utterances if utterance.end - utterance.start > _SHORTEST]
    if not utterances:
        raise ValueError(f"{folder}: there is no utterance to write")
    by_name = {utterance.name: utterance for utterance in sorted(utterances, key=lambda utterance: utterance.name)}
    reco2utt: dict[str, list[str]] = {}
    speakers: dict[str, set[str]] = {}
    for name, utterance in by_name.items():
        reco2utt.setdefault(utterance.recording, []).append(name)
        speakers.setdefault(utterance.recording, set()).add(utterance.speaker)
    used = {name: recordings[name] for name in sorted(reco2utt)}
    utt2spk = {name: utterance.speaker for name, utterance in by_name.items()}
    tables: dict[str, Mapping[str, str]] = {
        "wav.scp": {name: recording.entry for name, recording in used.items()},
        "reco2dur": {name: f"{recording.seconds:.3f}" for name, recording in used.items()},
        "segments": {name: _segment(utterance) for name, utterance in by_name.items()},
        "utt2spk": utt2spk,
        "spk2utt": {speaker: " ".join(names) for speaker, names in utt2spk_to_spk2utt(utt2spk).items()},
        "reco2utt": {name: " ".join(names) for name, names in reco2utt.items()},
        "reco2num_spk": {name: str(len(names)) for name, names in speakers.items()},
    }
    if any(utterance.text for utterance in utterances):
        tables["text"] = {name: utterance.text for name, utterance in by_name.items()}
    write_files(folder, map(_lines, tables.items()))
    write_rttm(folder / "ref.rttm", _turns(used, utterances))
    seconds = sum(utterance.end - utterance.start for utterance in utterances)
    return (
        f"{len(used)} conversations, {len(set(utt2spk.values()))} speakers, {len(utt2spk)} utterances, "
        f"{seconds / 3600:.2f} hours of speech"
    )


def write_raw_dir(
    folder: Path, recordings: Mapping[str, Recording], turns: list[Utterance], uem: Iterable[str] = ()
) -> None:
    """Write a data directory of whole one-channel recordings with their reference (ref.rttm, reco2num_spk).

    Args:
        folder: gets wav.scp, utt2spk and spk2utt (a recording is its own speaker), reco2dur, and all.uem of `uem`.
        recordings: by name; those without turns are silent in the reference.
        turns: who speaks when; they may overlap.
        uem: `<recording> <channel> <start> <end>` lines of what is scored.
    """
    speakers: dict[str, set[str]] = {name: set() for name in sorted(recordings)}
    for turn in turns:
        speakers[turn.recording].add(turn.speaker)
    own = {name: name for name in recordings}
    tables: dict[str, Mapping[str, str]] = {
        "wav.scp": {name: recording.mono for name, recording in recordings.items()},
        "reco2dur": {name: f"{recording.seconds:.3f}" for name, recording in recordings.items()},
        "utt2spk": own,
        "spk2utt": own,
        "reco2num_spk": {name: str(len(names)) for name, names in speakers.items() if names},
    }
    files = list(map(_lines, tables.items()))
    lines = sorted(line.encode() for line in uem)
    (folder / "all.uem").unlink(missing_ok=True)
    write_files(folder, [*files, *([("all.uem", lines)] if lines else [])])
    write_rttm(folder / "ref.rttm", _turns(recordings, turns))


def _turns(names: Iterable[str], utterances: Iterable[Utterance]) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    for utterance in utterances:
        turns[utterance.recording].append(Turn(utterance.start, utterance.end - utterance.start, utterance.speaker))
    return turns


def _segment(utterance: Utterance) -> str:
    channel = "" if utterance.channel is None else f" {utterance.channel}"
    return f"{utterance.recording} {utterance.start:.3f} {utterance.end:.3f}{channel}"


def _lines(table: tuple[str, Mapping[str, str]]) -> tuple[str, list[bytes]]:
    name, mapping = table
    for key in mapping:
        if split_blanks(key) != [key]:
            raise ValueError(f"{name}: {key!r} is no single word: expected names without blanks")
    return name, [f"{key} {value}".rstrip().encode() for key, value in sorted(mapping.items())]
