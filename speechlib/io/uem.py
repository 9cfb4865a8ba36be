"""Which stretches of recordings are scored, as UEM (NIST's un-partitioned evaluation map)."""

from __future__ import annotations

import os

from speechlib.io.rttm import read_seconds, words_of_lines


def read_uem(path: str | os.PathLike) -> dict[str, list[tuple[float, float]]]:
    """Read lines of `<recording> <channel> <start> <end>`.

    Comments (`;;`) and blank lines are left out; the channel is not looked at. Stretches may overlap: scoring takes
    their union.

    Returns:
        By recording, (start, end) in seconds; both in the order of the file.

    Raises:
        ValueError: not four columns, a time that is no number or negative, an end that is not behind its start, bytes
            that are not UTF-8; with file:line. Or the file holds no line.
        OSError: the file cannot be read.
    """
    regions: dict[str, list[tuple[float, float]]] = {}
    for place, words in words_of_lines(path):
        if len(words) != 4:
            raise ValueError(f"{place}: {len(words)} columns; expected '<recording> <channel> <start> <end>'")
        start, end = read_seconds(words[2], place, "start"), read_seconds(words[3], place, "end")
        if end <= start:
            raise ValueError(f"{place}: the end {words[3]} is not behind the start {words[2]}; expected start < end")
        regions.setdefault(words[0], []).append((start, end))
    if not regions:
        raise ValueError(f"{path}: the file is empty; expected lines of '<recording> <channel> <start> <end>'")
    return regions
