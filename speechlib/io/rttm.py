"""Who speaks when, as RTTM (NIST's Rich Transcription Time Marked format, RT-09 evaluation plan, appendix A)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from speechlib.io.atomic import write_text
from speechlib.io.cli import nearest
from speechlib.io.maps import split_blanks

# Objects that NIST's format knows beside SPEAKER; they are no speaker's turns.
_OTHER_TYPES = frozenset(
    "SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT SU CB IP A/P SPKR-INFO".split()
)
_EXAMPLE = "SPEAKER <recording> 1 <start> <duration> <NA> <NA> <speaker> <NA> <NA>"


class Turn(NamedTuple):
    """A stretch of time in which one speaker speaks.

    Attributes:
        start, duration: seconds.
        speaker: name, one word.
    """

    start: float
    duration: float
    speaker: str


def read_rttm(path: str | os.PathLike) -> dict[str, list[Turn]]:
    """Read the SPEAKER lines of an RTTM file.

    Comments (`;;`), blank lines and the format's other objects are left out, and so are turns of no duration. The
    channel is not looked at: the turns of all channels of a recording are one list. Lines of one speaker that overlap
    are returned as they are; scoring counts such time once (`speechlib.metrics.diarization`).

    Args:
        path: UTF-8 text of 9 or 10 columns; columns after the eighth, the speaker, are not looked at.

    Returns:
        Turns by recording, both in the order of the file; a recording whose turns have no duration has an empty list.

    Raises:
        ValueError: too few columns, a type that the format does not know, a time that is no number or negative, no
            speaker's name, bytes that are not UTF-8; with file:line.
        OSError: the file cannot be read.
    """
    turns: dict[str, list[Turn]] = {}
    for place, words in words_of_lines(path):
        if words[0] != "SPEAKER":
            if words[0] in _OTHER_TYPES:
                continue
            hint = nearest(words[0].upper(), ["SPEAKER", *sorted(_OTHER_TYPES)])
            raise ValueError(f"{place}: '{words[0]}' is no type of RTTM objects{hint}; expected '{_EXAMPLE}'")
        if len(words) < 8:
            raise ValueError(f"{place}: {len(words)} columns; expected '{_EXAMPLE}'")
        recording, speaker = words[1], words[7]
        start = read_seconds(words[3], place, "start")
        duration = read_seconds(words[4], place, "duration")
        if speaker == "<NA>":
            raise ValueError(f"{place}: a turn without a speaker; expected a name in column 8")
        kept = turns.setdefault(recording, [])
        if duration > 0:
            kept.append(Turn(start, duration, speaker))
    return turns


def write_rttm(path: str | os.PathLike, turns: Mapping[str, Iterable[tuple[float, float, str]]]) -> None:
    """Write turns as RTTM, sorted by recording (LC_ALL=C), start and speaker; the file appears whole or not at all.

    Times are rounded to milliseconds, ends and not durations, so that turns that touch still do; what has no duration
    then is left out.

    Args:
        path: file to write; its folder must exist.
        turns: by recording, (start, duration, speaker) in seconds.

    Raises:
        ValueError: a name that is not one word, a time that is negative or no finite number.
    """
    lines = []
    for recording in sorted(turns):
        _check_name(path, recording)
        rows = []
        for start, duration, speaker in turns[recording]:
            if not (0 <= start < math.inf and 0 <= duration < math.inf):
                raise ValueError(
                    f"{path}: cannot write a turn of {duration} s at {start} s in {recording}: "
                    f"expected times that are finite and not negative"
                )
            rows.append((round(1000 * start), round(1000 * (start + duration)), speaker))
        for start, end, speaker in sorted(rows):
            _check_name(path, speaker)
            if end > start:
                times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
                lines.append(f"SPEAKER {recording} 1 {times} <NA> <NA> {speaker} <NA> <NA>\n")
    write_text(path, "".join(lines))


def read_seconds(word: str, place: str, what: str) -> float:
    """A time that is a finite number of seconds and not negative.

    Raises:
        ValueError: it is not; the message begins with `place` and names `what`.
    """
    try:
        value = float(word.replace("_", "?"))  # Python's 1_000 is no number in a file
    except ValueError:
        raise ValueError(f"{place}: the {what} '{word}' is no number; expected seconds") from None
    if not 0 <= value < math.inf:
        raise ValueError(f"{place}: the {what} is {word}; expected seconds, not negative")
    return value


def words_of_lines(path: str | os.PathLike) -> Iterable[tuple[str, list[str]]]:
    """Place (`file:line`) and words of each line that holds something."""
    with open(path, "rb") as file:
        lines = file.read().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            words = split_blanks(line.decode())
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: byte {error.object[error.start]:#04x} is not UTF-8; convert the file, e.g. with "
                f"'iconv -f latin1 -t utf8'"
            ) from None
        if words and not words[0].startswith((";", "#")):
            yield f"{path}:{number}", words


def _check_name(path: str | os.PathLike, name: str) -> None:
    if split_blanks(name) != [name]:
        raise ValueError(f"{path}: cannot write the name {name!r}: expected one word")
