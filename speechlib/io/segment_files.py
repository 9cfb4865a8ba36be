"""The file `segments` on its own (Kaldi's data contract): which stretch of which recording an utterance is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import NamedTuple

from speechlib.io.maps import read_map, split_blanks, write_map


class Segment(NamedTuple):
    """A stretch of a recording: seconds, `end` -1 for the recording's end; the channel is counted from 0."""

    recording: str
    start: float
    end: float
    channel: int | None = None


def read_segments(path: str | os.PathLike) -> dict[str, Segment]:
    """Read `<utterance> <recording> <start> <end> [<channel>]` lines; an empty file means no utterance.

    Raises:
        ValueError: a line of another form, or 0 <= start < end does not hold; with the file and the line.
        OSError: the file cannot be read.
    """
    if os.path.getsize(path) == 0:
        return {}
    segments = {}
    for number, (utterance, value) in enumerate(read_map(path).items(), 1):
        fields = split_blanks(value)
        try:
            recording, start, end = fields[0], float(fields[1]), float(fields[2])
            channel = int(fields[3]) if len(fields) == 4 else None
            if len(fields) > 4 or not (0 <= start < end or (end == -1 and start >= 0)) or math.isinf(end):
                raise ValueError
        except (ValueError, IndexError):
            raise ValueError(
                f"{path}:{number}: expected '<utterance> <recording> <start> <end> [<channel>]' with 0 <= start < end "
                f"in seconds, found '{utterance} {value}'"
            ) from None
        segments[utterance] = Segment(recording, start, end, channel)
    return segments


def read_timed_segments(path: str | os.PathLike) -> dict[str, Segment]:
    """As `read_segments`, for those who have no recording to look up its end in: an end of -1 is an error, too."""
    segments = read_segments(path)
    for utterance, segment in segments.items():
        if segment.end < 0:
            raise ValueError(f"{path}: utterance {utterance} ends at -1, its recording's end: write the time there")
    return segments


def segment_name(recording: str, start: float, end: float) -> str:
    """`<recording>-<start>-<end>` in milliseconds of eight digits, which sorts by recording and time."""
    return f"{recording}-{round(start * 1000):08d}-{round(end * 1000):08d}"


def write_segments(path: str | os.PathLike, segments: Iterable[Segment]) -> int:
    """Write segments under the names that `segment_name` gives them, sorted; the file appears whole or not at all.

    Args:
        path: file to write; times get three decimals.
        segments: without two of the same recording, start and end.

    Returns:
        How many there are.

    Raises:
        ValueError: two segments have the same name.
    """
    lines: dict[str, str] = {}
    for segment in segments:
        name = segment_name(segment.recording, segment.start, segment.end)
        if name in lines:
            raise ValueError(f"{path}: two segments would be called {name}: expected times that differ by 1 ms or more")
        channel = "" if segment.channel is None else f" {segment.channel}"
        start, end = (round(time * 1000) / 1000 for time in (segment.start, segment.end))  # as the name has them
        lines[name] = f"{segment.recording} {start:.3f} {end:.3f}{channel}"
    write_map(path, lines)
    return len(lines)
