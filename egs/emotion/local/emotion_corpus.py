"""An emotion corpus on its way to a Kaldi data directory: its utterances, its audio looked through, its files."""

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from speechlib.io.atomic import write_text
from speechlib.io.audio import BadAudio, Info, audio_info, stream_audio, write_bad_list
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool
from speechlib.io.datadir_files import write_files
from speechlib.io.maps import utt2spk_to_spk2utt
from speechlib.io.segments import SegmentError, segment_bounds

_BLOCK_SAMPLES = 1 << 20
_LABEL = re.compile(r"[A-Za-z0-9_]+")
# utt2<name> of a data directory that is no label of ours, and must hold every utterance.
RESERVED = {"spk", "dur", "num_frames", "uniq", "warp", "lang"}


@dataclass(frozen=True)
class Entry:
    """An utterance as the corpus describes it.

    Attributes:
        speaker: its id.
        name: the rest of the utterance's id, one word.
        path: of the audio.
        labels: value by label; what is not known is empty or not there.
        gender: m or f, empty where it is not known.
        text: what is said, empty where it is not known.
        start, end: seconds of a piece of the recording; end is -1 for the recording's.
    """

    speaker: str
    name: str
    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    gender: str = ""
    text: str = ""
    start: float = 0.0
    end: float = -1.0

    @property
    def utterance(self) -> str:
        """The id: it begins with the speaker, as Kaldi likes it."""
        return f"{self.speaker}-{self.name}"

    @property
    def is_piece(self) -> bool:
        """Whether it is not the whole recording."""
        return self.start > 0 or self.end >= 0


@dataclass(frozen=True)
class _Audio:
    info: Info
    digest: str


def corpus_parser(program: str, description: str | None) -> KaldiArgumentParser:
    """A parser with what all prepare scripts take."""
    parser = KaldiArgumentParser(prog=program, description=description)
    parser.add_argument("--max-bad", type=int, default=0, help="so many unusable audio files are left out")
    parser.add_argument("--drop-duplicates", type=kaldi_bool, default=False, help="keep one of each set of same audio")
    parser.add_argument("corpus", type=Path, help="the corpus")
    parser.add_argument("out", type=Path, help="the data directory")
    return parser


def tell(program: str, note: str) -> None:
    """Say on standard error what is worth knowing and no error."""
    print(f"{program}: note: {note}", file=sys.stderr)


def one_word(text: str, also: str = "-") -> str:
    """A text as a part of an id: letters, digits, `_`, `.` and what `also` names; all others become one `_`."""
    return re.sub(rf"[^\w.{re.escape(also)}]+", "_", text).strip("_")


def speaker_id(name: str) -> str:
    """A speaker's id without `-`: the separator then sorts before all else, and utt2spk is sorted by both columns."""
    return one_word(name, also="")


def short_names(paths: Iterable[PurePath]) -> dict[PurePath, str]:
    """A word for each path: the stem where that tells them apart, otherwise the path below what all have in common.

    Raises:
        ValueError: two paths cannot be told apart.
    """
    paths = sorted(set(paths))
    names = {path: one_word(path.stem) for path in paths}
    if len(set(names.values())) < len(paths):
        common = os.path.commonpath([path.parent for path in paths])
        names = {path: one_word(str(path.relative_to(common).with_suffix(""))) for path in paths}
    if len(set(names.values())) == len(paths):
        return names
    first: dict[str, PurePath] = {}
    twins = next((first[name], path) for path, name in names.items() if first.setdefault(name, path) != path)
    raise ValueError(f"{twins[1]}: its name is that of {twins[0]} but for blanks and signs: rename one of them")


def write_corpus(program: str, entries: Iterable[Entry], out: Path, max_bad: int, drop_duplicates: bool) -> None:
    """Check a corpus and write its data directory, whole or not at all; says on standard output what it holds.

    `wav.scp utt2spk spk2utt utt2dur utt2<label>`; `spk2gender` and `text` where all are known; `segments` for pieces of
    recordings and for recordings of several channels, of which the first is taken; `lists/<split>` of utt2split.

    Args:
        program: named in messages.
        entries: in any order.
        out: the data directory.
        max_bad: so many utterances without usable audio are left out.
        drop_duplicates: of whole recordings with the same samples keep the one that is first by id.

    Raises:
        ValueError: more bad audio than allowed (all of it is listed on standard error), no utterance left, two of one
            id, or a speaker with two genders.
    """
    entries = sorted(entries, key=lambda entry: entry.utterance)
    _check_ids(entries)
    audio, bad = _look_at_audio(entries)
    for utterance, reason, message in bad:
        print(f"{program}: bad audio ({reason}): {utterance}: {message}", file=sys.stderr)
    if len(bad) > max_bad:
        raise ValueError(
            f"{len(bad)} of {len(entries)} utterances have unusable audio, --max-bad allows {max_bad}: mend those that "
            "are listed above, or raise --max-bad to go on without them"
        )
    unusable = {utterance for utterance, _, _ in bad}
    entries = [entry for entry in entries if entry.utterance not in unusable]
    entries = _tell_duplicates(program, entries, audio, drop_duplicates)
    if not entries:
        raise ValueError("no utterance with usable audio in the corpus")
    tables = _tables(program, entries, audio)
    spk2utt = utt2spk_to_spk2utt(tables["utt2spk"])
    files = {**tables, "spk2utt": {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()}}
    write_files(out, ((name, _lines(name, table)) for name, table in files.items()))
    write_bad_list(out / "log" / "bad.1.tsv", bad)
    for split, utterances in utt2spk_to_spk2utt(tables.get("utt2split", {})).items():
        (out / "lists").mkdir(exist_ok=True)
        write_text(out / "lists" / one_word(split), "".join(f"{utterance}\n" for utterance in utterances))
    _describe(program, tables)


def _check_ids(entries: list[Entry]) -> None:
    seen: dict[str, Entry] = {}
    genders: dict[str, Entry] = {}
    for entry in entries:
        other = seen.setdefault(entry.utterance, entry)
        if other is not entry:
            raise ValueError(f"{entry.path}: utterance {entry.utterance} is {other.path}, too: keep one of them")
        other = genders.setdefault(entry.speaker, entry) if entry.gender else entry
        if other.gender != entry.gender:
            raise ValueError(
                f"{entry.path}: speaker {entry.speaker} has gender {entry.gender} here and {other.gender} in "
                f"{other.path}: correct one of them"
            )
        for label in entry.labels:
            if not _LABEL.fullmatch(label) or label in RESERVED:
                raise ValueError(f"label '{label}': utt2{label} is no name for a file of labels: call it otherwise")


def _look_at_audio(entries: list[Entry]) -> tuple[dict[Path, _Audio], list[tuple[str, str, str]]]:
    """Every recording once; and (utterance, reason, message) of the utterances that cannot be used."""
    audio: dict[Path, _Audio | BadAudio] = {}
    bad = []
    for entry in entries:
        if entry.path not in audio:
            try:
                audio[entry.path] = _read_through(entry.path)
            except BadAudio as error:
                audio[entry.path] = error
        found = audio[entry.path]
        if isinstance(found, BadAudio):
            bad.append((entry.utterance, found.reason, str(found)))
        elif entry.is_piece:
            try:
                segment_bounds(entry.start, entry.end, found.info.samples, found.info.rate)
            except SegmentError as error:
                bad.append((entry.utterance, error.reason, f"{entry.path}: {error}; correct the times"))
    return {path: found for path, found in audio.items() if isinstance(found, _Audio)}, bad


def _read_through(path: Path) -> _Audio:
    """Read all of the first channel: headers do not tell whether the samples are there, or are silence.

    Raises:
        BadAudio: the file cannot be used.
    """
    if not path.exists():
        raise BadAudio("missing", path, "no such file", "correct the name where it is listed, or fetch the file")
    info = audio_info(path)
    if info.samples == 0:
        raise BadAudio("empty", path, "no samples", "fetch it again")
    digest = hashlib.sha256(str(info.rate).encode())
    low, high = float("inf"), float("-inf")
    for block in stream_audio(path, _BLOCK_SAMPLES, channel=0)[1]:
        digest.update(block.tobytes())
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    if low == high:
        raise BadAudio("silent", path, "all samples are the same: nothing was recorded", "fetch it again")
    return _Audio(info, digest.hexdigest())


def _tell_duplicates(program: str, entries: list[Entry], audio: Mapping[Path, _Audio], drop: bool) -> list[Entry]:
    """Say which whole recordings have the same samples; the entries without the later ones if they are to go."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if not entry.is_piece:
            groups.setdefault(audio[entry.path].digest, []).append(entry)
    dropped = set()
    for group in groups.values():
        if len(group) == 1:
            continue
        names = " = ".join(entry.utterance for entry in group)
        fate = f"only {group[0].utterance} is kept" if drop else "all are kept, --drop-duplicates true keeps one"
        across = " of different speakers" if len({entry.speaker for entry in group}) > 1 else ""
        tell(program, f"the same audio{across}: {names}; {fate}")
        if drop:
            dropped |= {entry.utterance for entry in group[1:]}
    return [entry for entry in entries if entry.utterance not in dropped]


def _tables(program: str, entries: list[Entry], audio: Mapping[Path, _Audio]) -> dict[str, dict[str, str]]:
    """The files of the data directory as key -> value."""
    several = sorted({entry.path for entry in entries if audio[entry.path].info.channels > 1})
    if several:
        tell(program, f"{len(several)} recordings have several channels, of which the first is taken")
    tables: dict[str, dict[str, str]] = {"utt2spk": {entry.utterance: entry.speaker for entry in entries}}
    if several or any(entry.is_piece for entry in entries):
        tables |= _cut_recordings(entries, audio)
    else:
        tables["wav.scp"] = {entry.utterance: os.path.abspath(entry.path) for entry in entries}
        tables["utt2dur"] = {entry.utterance: f"{audio[entry.path].info.duration:.7f}" for entry in entries}
    tables["spk2gender"] = dict.fromkeys(sorted({entry.speaker for entry in entries}), "")
    tables["spk2gender"] |= {entry.speaker: entry.gender for entry in entries if entry.gender}
    tables["text"] = {entry.utterance: entry.text for entry in entries}
    for name in ("spk2gender", "text"):  # half of such a file is an error to Kaldi
        missing = [key for key, value in tables[name].items() if not value]
        if missing:
            if len(missing) < len(tables[name]):
                tell(program, f"no {name}: it is not known of {len(missing)}, e.g. {missing[0]}")
            del tables[name]
    for label in sorted({label for entry in entries for label in entry.labels}):
        table = {entry.utterance: entry.labels[label] for entry in entries if entry.labels.get(label)}
        if table:
            tables[f"utt2{label}"] = table
    rates = Counter(info.rate for info in (audio[path].info for path in {entry.path for entry in entries}))
    if len(rates) > 1:
        counts = ", ".join(f"{count} of {rate} Hz" for rate, count in sorted(rates.items()))
        tell(program, f"the recordings differ in sampling rate: {counts}")
    return tables


def _cut_recordings(entries: list[Entry], audio: Mapping[Path, _Audio]) -> dict[str, dict[str, str]]:
    """wav.scp by recording, with segments: its fifth column is the channel, as extract-segments has it."""
    names = short_names(PurePath(os.path.abspath(entry.path)) for entry in entries)
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "segments": {}, "utt2dur": {}}
    for entry in entries:
        info, path = audio[entry.path].info, os.path.abspath(entry.path)
        recording = names[PurePath(path)]
        begin, past = segment_bounds(entry.start, entry.end, info.samples, info.rate, min_segment_length=0)
        channel = " 0" if info.channels > 1 else ""
        tables["wav.scp"][recording] = path
        tables["segments"][entry.utterance] = f"{recording} {begin / info.rate:.7f} {past / info.rate:.7f}{channel}"
        tables["utt2dur"][entry.utterance] = f"{(past - begin) / info.rate:.7f}"
    return tables


def _lines(name: str, table: Mapping[str, str]) -> list[bytes]:
    """A file's lines, sorted as LC_ALL=C does, which is Python's order of str."""
    lines = []
    for key in sorted(table):
        value = table[key] if name == "wav.scp" else " ".join(table[key].split())
        try:
            lines.append(f"{key} {value}".encode())
        except UnicodeEncodeError:
            raise ValueError(f"{value!r}: the file's name is not UTF-8: rename it") from None
        if b"\n" in lines[-1] or b"\r" in lines[-1]:
            raise ValueError(f"{value!r}: a line break in a file's name: rename it")
    return lines


def _describe(program: str, tables: Mapping[str, Mapping[str, str]]) -> None:
    hours = sum(map(float, tables["utt2dur"].values())) / 3600
    speakers = set(tables["utt2spk"].values())
    print(f"{program}: {len(speakers)} speakers, {len(tables['utt2spk'])} utterances, {hours:.2f} hours")
    counts = Counter(tables.get("utt2emotion", {}).values())
    if counts:
        print(f"{program}: " + ", ".join(f"{emotion} {count}" for emotion, count in sorted(counts.items())))
    without = len(tables["utt2spk"]) - counts.total()
    if counts and without:
        tell(program, f"{without} utterances have no emotion")
