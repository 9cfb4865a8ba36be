"""Rows of a table (file, speaker, gender, labels; a CSV file or an audformat database) as utterances of a corpus."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from emotion_corpus import RESERVED, Entry, short_names, speaker_id, tell

from speechlib.io.cli import nearest

_GENDERS = {
    "m": ("m", "male", "man", "masculine"),
    "f": ("f", "female", "woman", "feminine", "w"),
    "": ("", "other", "diverse", "unknown", "d", "x"),
}
_GENDER_OF = {word: gender for gender, words in _GENDERS.items() for word in words}
_SHOWN = 5
_SLIP = 0.85  # similarity from which a name is taken for a slip of the keyboard


@dataclass(frozen=True)
class LabelRow:
    """A row: its place (`file:line`), audio, piece in seconds (end -1: the recording's), who speaks, and the labels."""

    place: str
    path: Path
    start: float
    end: float
    speaker: str
    gender: str
    text: str
    labels: Mapping[str, str]


def entries_of(rows: Sequence[LabelRow]) -> list[Entry]:
    """The utterances of a table.

    Ids are `<speaker>-<file>`, for pieces with the times in milliseconds; the file is named by its stem, or by its path
    where stems are not unique.

    Raises:
        ValueError: rows without speaker, an unknown word for a gender, or rows that say the same piece twice.
    """
    nameless = [row.place for row in rows if not row.speaker]
    if nameless:
        raise ValueError(
            f"{nameless[0]}: no speaker in {len(nameless)} rows ({', '.join(nameless[:_SHOWN])}): who speaks must be "
            "known to keep training and test apart; where it is not, give each file a name of its own"
        )
    _check_speakers(rows)
    names = short_names(PurePath(os.path.abspath(row.path)) for row in rows)
    entries: dict[str, Entry] = {}
    places: dict[str, str] = {}
    for row in rows:
        name = names[PurePath(os.path.abspath(row.path))]
        if row.start > 0 or row.end >= 0:
            end = f"-{round(1000 * row.end):08d}" if row.end >= 0 else ""
            name += f"-{round(1000 * row.start):08d}{end}"
        entry = Entry(speaker_id(row.speaker), name, row.path, row.labels, _gender(row), row.text, row.start, row.end)
        if entry.utterance in entries:
            raise ValueError(f"{row.place}: the same piece of audio is in {places[entry.utterance]}, too: keep one row")
        entries[entry.utterance], places[entry.utterance] = entry, row.place
    return list(entries.values())


def _gender(row: LabelRow) -> str:
    word = row.gender.lower()
    if word not in _GENDER_OF:
        words = ", ".join(word for word in _GENDER_OF if word)
        raise ValueError(f"{row.place}: gender '{row.gender}'{nearest(word, list(_GENDER_OF))}; known are {words}")
    return _GENDER_OF[word]


def _check_speakers(rows: Sequence[LabelRow]) -> None:
    """Two speakers must not become one when their names become ids."""
    seen: dict[str, LabelRow] = {}
    for row in rows:
        other = seen.setdefault(speaker_id(row.speaker), row)
        if other.speaker != row.speaker:
            raise ValueError(
                f"{row.place}: speaker '{row.speaker}' and speaker '{other.speaker}' of {other.place} differ by signs "
                "alone, which ids do not have: rename one"
            )


def check_columns(place: str, header: Sequence[str], needed: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Check the names of a table's columns.

    Args:
        place: `file:line`, for messages.
        header: the names that are there.
        needed: each must be there.
        optional: may be there; a name that is nearly one of these is taken for a slip.

    Raises:
        ValueError: a column is missing (the nearest is named), or nearly one of `optional`.
    """
    for name in needed:
        if name not in header:
            raise ValueError(f"{place}: no column '{name}'{nearest(name, header)}; the header is {', '.join(header)}")
    for name in optional:
        others = [column for column in header if column not in (*needed, *optional)]
        slips = difflib.get_close_matches(name, others, n=1, cutoff=_SLIP) if name not in header else []
        if slips:
            raise ValueError(
                f"{place}: column '{slips[0]}' is nearly '{name}': rename it, or name the columns of labels: --labels"
            )


def label_names(program: str, place: str, columns: Sequence[str]) -> dict[str, str]:
    """Label by column: what a file utt2<label> can be called; says which columns cannot be labels.

    Raises:
        ValueError: two columns become one label.
    """
    names = {column: re.sub(r"[^A-Za-z0-9_]+", "_", column).strip("_") for column in columns}
    twice = [column for column in columns if list(names.values()).count(names[column]) > 1]
    if twice:
        both = f"'{twice[0]}' and '{twice[1]}'"
        raise ValueError(f"{place}: columns {both} would both be utt2{names[twice[0]]}: rename one")
    for column in [column for column, name in names.items() if name in RESERVED or not name]:
        tell(program, f"{place}: column '{column}' is left out: utt2{names.pop(column)} is no name for labels")
    return names
