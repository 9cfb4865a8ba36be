"""LDC's CALLHOME as it is distributed: two-channel SPHERE files, transcripts of LDC (.txt) or TalkBank (.cha)."""

import re
from dataclasses import dataclass
from pathlib import Path

# LDC's folders under any name of their tops; its own spelling differs between audio and transcripts.
PARTS = {"train": "train", "devtest": "dev", "dev": "dev", "evltest": "eval", "evaltest": "eval", "eval": "eval"}
AUDIO = (".sph", ".wav", ".flac")
TRANSCRIPTS = (".txt", ".cha")
_LINE = re.compile(r"(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s+([A-Z])(\d*)\s*:\s*(.*)")
_CHAT_SPEAKER = re.compile(r"\*([A-Z]+)(\d*)\w*:\s*(.*)")
_CHAT_TIMES = re.compile("\x15" r"(\d+)_(\d+)" "\x15")
_SIDES = "AB"


@dataclass(frozen=True)
class Call:
    """The files of a call, and the set that the corpus puts it in (train, dev, eval; None: it does not say)."""

    name: str
    audio: Path
    transcript: Path
    part: str | None


@dataclass(frozen=True)
class Line:
    """One utterance of a transcript: seconds, speaker (A, A1, B, ...), channel counted from 0, and the text."""

    start: float
    end: float
    speaker: str
    channel: int
    text: str


def find_calls(corpus: Path) -> list[Call]:
    """Calls that have a transcript and audio of the same name (en_4065.sph, en_4065.txt), wherever they are.

    TalkBank's transcripts have the number alone (4065.cha) and lie in one folder: the set is then that of the audio.

    Raises:
        ValueError: two recordings or two transcripts have one name, a transcript has no recording, or there is none.
    """
    audio: dict[str, Path] = {}
    transcripts: dict[str, Path] = {}
    for path in sorted(corpus.rglob("*")):
        suffix = path.suffix.lower()
        table = audio if suffix in AUDIO else transcripts if suffix in TRANSCRIPTS else None
        if table is None or path.name.startswith("._") or not path.is_file():
            continue
        if suffix in TRANSCRIPTS and not is_transcript(path):
            continue
        other = table.setdefault(path.stem, path)
        if other != path:
            raise ValueError(f"{path}: {other} has the same name: keep one, or name a part of the corpus")
    if not transcripts:
        raise ValueError(
            f"{corpus}: no transcript there with lines `<start> <end> A: <text>` (.txt) or `*A: <text>` (.cha): "
            "put LDC's speech and transcripts below one folder"
        )
    numbers: dict[str, list[str]] = {}
    for name in audio:
        numbers.setdefault(name.rpartition("_")[2], []).append(name)
    for name in [name for name in transcripts if name not in audio and len(numbers.get(name, ())) == 1]:
        path = transcripts.pop(name)
        other = transcripts.setdefault(numbers[name][0], path)
        if other != path:
            raise ValueError(f"{path}: {other} is a transcript of {numbers[name][0]}, too: keep one")
    silent = sorted(set(transcripts) - set(audio))
    if silent:
        first = silent[0]
        wanted = f"{first}.sph" + (f", nor one en_{first}.sph," if first.isdigit() else "")
        raise ValueError(
            f"{transcripts[first]}: no {wanted} below {corpus}; {len(silent)} of {len(transcripts)} transcripts have "
            "no audio: put LDC's speech and transcripts below one folder"
        )
    return [
        Call(name, audio[name].absolute(), path, _part(corpus, path) or _part(corpus, audio[name]))
        for name, path in sorted(transcripts.items())
    ]


def _part(corpus: Path, path: Path) -> str | None:
    folders = [name.lower() for name in path.relative_to(corpus).parts[:-1]]
    return next((PARTS[name] for name in reversed(folders) if name in PARTS), None)


def is_transcript(path: Path) -> bool:
    """Whether one of the first lines is an utterance: there are other texts on the discs."""
    with open(path, "rb") as file:
        head = file.read(1 << 14).decode("latin-1")
    if path.suffix.lower() == ".cha":
        return "@Begin" in head or _CHAT_SPEAKER.search(head) is not None
    return any(_LINE.match(line) for line in head.splitlines())


def read_transcript(path: Path) -> list[Line]:
    """Utterances in the order of the file.

    Comments (`#`) are left out; a line without times goes on with the utterance before it.

    Raises:
        ValueError: a side of the line that is neither A nor B, an end before the start, text before the first utterance
            of a .txt, or no utterance; with file:line.
    """
    text = path.read_bytes()
    try:
        lines = text.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        lines = text.decode("latin-1").split("\n")  # LDC's older releases
    found = _chat_lines(path, lines) if path.suffix.lower() == ".cha" else _ldc_lines(path, lines)
    if not found:
        raise ValueError(f"{path}: no utterance in it; leave the call out")
    return found


def _ldc_lines(path: Path, lines: list[str]) -> list[Line]:
    found: list[Line] = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match:
            start, end, side, index, text = match.groups()
            found.append(_utterance(f"{path}:{number}", float(start), float(end), side, index, text))
        elif found:
            last = found[-1]
            found[-1] = Line(last.start, last.end, last.speaker, last.channel, f"{last.text} {line}".strip())
        else:
            raise ValueError(f"{path}:{number}: expected `<start> <end> A: <text>`, found {line[:60]!r}")
    return found


def _chat_lines(path: Path, lines: list[str]) -> list[Line]:
    """CHAT: a speaker's line goes on in lines that begin with a tab; its times, in milliseconds, are between NAKs."""
    tiers: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("\t") and tiers:
            tiers[-1] = (tiers[-1][0], f"{tiers[-1][1]} {line.strip()}")
        elif line.strip():
            tiers.append((number, line.strip()))
    found = []
    for number, tier in tiers:
        match, times = _CHAT_SPEAKER.match(tier), _CHAT_TIMES.findall(tier)
        if match is None or not times:
            continue  # headers, comments, and what the transcribers gave no times
        side, index, text = match.groups()
        start, end = int(times[0][0]) / 1000, int(times[-1][1]) / 1000
        text = " ".join(_CHAT_TIMES.sub(" ", text).split())
        found.append(_utterance(f"{path}:{number}", start, end, side, index, text))
    return found


def _utterance(place: str, start: float, end: float, side: str, index: str, text: str) -> Line:
    if side not in tuple(_SIDES):
        raise ValueError(f"{place}: speaker {side}{index}: the two sides of the line are A and B")
    if end <= start:
        raise ValueError(f"{place}: ends at {end:g} s, before its start at {start:g} s; mend the times")
    return Line(start, end, side + index, _SIDES.index(side), " ".join(text.split()))
