"""Phones with their times: `phones.ctm` of a data directory (NIST's CTM: utterance, channel, start, duration, word)."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from speechlib.io.cli import nearest
from speechlib.io.text_files import read_lines

# TIMIT's times are in samples, and CTM's are rounded: less than this is no overlap. The corpus itself has label files
# that end a few samples behind the audio.
_ROUNDING = 1e-4
_BEYOND_AUDIO = 0.01


class Phone(NamedTuple):
    """A labelled stretch of an utterance, in seconds; the end is not part of it."""

    start: float
    end: float
    label: str


def read_phones(
    path: str | os.PathLike, labels: Collection[str] | None = None, durations: Mapping[str, float] | None = None
) -> dict[str, list[Phone]]:
    """Read the phones of every utterance, in order of time.

    There may be gaps between phones, and audio in front of the first and behind the last: what lies there has no label.

    Args:
        path: the CTM; a sixth column (confidence) is not looked at.
        labels: those that are known; None: any.
        durations: of the utterances, in seconds; None: phones may end anywhere.

    Returns:
        Phones by utterance.

    Raises:
        ValueError: a line of another form, times that are no times, a phone that overlaps the one before it or ends
            more than 10 ms behind the audio, an unknown label, bytes that are not UTF-8, or no phone at all; with
            file:line and the utterance.
        OSError: the file cannot be read.
    """
    phones: dict[str, list[Phone]] = {}
    for number, line in enumerate(read_lines(path), 1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        utterance, phone = _parse(fields, f"{path}:{number}")
        place = f"{path}:{number}: utterance {utterance}"
        if labels is not None and phone.label not in labels:
            known = sorted(labels)
            raise ValueError(
                f"{place}: label {phone.label!r} is none of the {len(known)} known ones"
                f"{nearest(phone.label, known)}: correct the label file that it comes from"
            )
        before = phones.setdefault(utterance, [])
        if before and phone.start < before[-1].end - _ROUNDING:
            raise ValueError(
                f"{place}: {phone.label} begins at {phone.start:g} s, before {before[-1].label} ends at "
                f"{before[-1].end:g} s: phones must not overlap, and must be in order of time"
            )
        if durations is not None and phone.end > durations.get(utterance, math.inf) + _BEYOND_AUDIO:
            raise ValueError(
                f"{place}: {phone.label} ends at {phone.end:g} s, the audio at {durations[utterance]:g} s: are "
                f"labels and audio of the same recording?"
            )
        before.append(phone)
    if not phones:
        raise ValueError(f"{path}: no phone in it: expected lines '<utterance> <channel> <start> <duration> <label>'")
    return phones


def as_arrays(phones: Sequence[Phone], numbers: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends (seconds) and class numbers of the phones of an utterance, (phones,) each.

    Args:
        phones: in order of time.
        numbers: class number of each label.
    """
    starts = np.array([phone.start for phone in phones])
    ends = np.array([phone.end for phone in phones])
    return starts, ends, np.array([numbers[phone.label] for phone in phones], np.int64)


def _parse(fields: list[str], place: str) -> tuple[str, Phone]:
    try:
        utterance, _, start, duration, label = fields[:5]
        start, duration = float(start), float(duration)
        if not (0 <= start and 0 < duration and start + duration < math.inf) or len(fields) > 6:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{place}: expected '<utterance> <channel> <start> <duration> <label>' with times in seconds and a "
            f"positive duration, found '{' '.join(fields)}'"
        ) from None
    return utterance, Phone(start, start + duration, label)
