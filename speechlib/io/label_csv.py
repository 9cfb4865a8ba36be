"""CSV files of labels: `file`, and whatever else is known of it; read strictly, whatever the delimiter."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from speechlib.io.cli import nearest

STANDARD = ("file", "start", "end", "speaker", "gender", "text")
_DELIMITERS = ",;\t"
_SHOWN = 100  # columns in a message


@dataclass(frozen=True)
class LabelCsv:
    """Columns by name, in the order of the file; (rows,) texts each, None for an empty field; `lines` of the rows."""

    columns: dict[str, list[str | None]]
    lines: list[int]


def read_label_csv(path: str | os.PathLike, colnames: Mapping[str, str] | None = None) -> LabelCsv:
    """Read a CSV file with a header.

    The delimiter (comma, semicolon or tab) is the one that the header holds most. Names of columns lose blanks around
    them, and standard ones (file, start, end, speaker, gender, text) are found in any case.

    Args:
        path: the file, UTF-8.
        colnames: new names of columns by those in the file.

    Raises:
        ValueError: no column `file` (the nearest is named), a column twice, a line with another number of fields, an
            empty file name, no line, or bytes that are not UTF-8; with file and line.
        OSError: the file cannot be read.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            return _read(path, file, colnames or {})
        except UnicodeDecodeError:
            raise _not_utf8(path) from None
        except csv.Error as error:
            raise ValueError(f"{path}: not a CSV file: {error}") from None


def seconds_of(text: str, where: str) -> float:
    """Seconds of a time: a number, or `0 days 00:00:01.5` as pandas and audformat write it.

    Raises:
        ValueError: neither; begins with `where`.
    """
    found = re.fullmatch(r"(?:(\d+) days?,?\s*)?(?:(\d+):(\d\d):(\d\d(?:\.\d*)?))?", text.strip())
    if found and text.strip():
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        seconds += ((days * 24 + hours) * 60 + minutes) * 60
    else:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{where}: expected seconds, or days and hours:minutes:seconds, got {text!r}")
    return seconds


def _read(path, file, colnames: Mapping[str, str]) -> LabelCsv:
    first = file.readline()
    if not first.strip():
        raise ValueError(f"{path}:1: expected a header such as file,speaker,gender,emotion")
    delimiter = max(_DELIMITERS, key=first.count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    header = [_standard(name, colnames) for name in next(reader)]
    header[0] = header[0].lstrip("\ufeff")
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise ValueError(f"{path}:1: the column {twice[0]!r} is there twice: rename one of them")
    if "file" not in header:
        raise ValueError(
            f"{path}:1: there is no column 'file'{nearest('file', header[:_SHOWN])}; the header is "
            f"{', '.join(header[:_SHOWN])}{' ...' if len(header) > _SHOWN else ''}"
        )
    columns: dict[str, list[str | None]] = {name: [] for name in header}
    lines = []
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            raise ValueError(f"{path}:{reader.line_num}: expected {len(header)} fields, got {len(fields)}")
        for name, value in zip(header, fields, strict=True):
            columns[name].append(value.strip() or None)
        if columns["file"][-1] is None:
            raise ValueError(f"{path}:{reader.line_num}: the file name is empty")
        lines.append(reader.line_num)
    if not lines:
        raise ValueError(f"{path}: no line below the header")
    columns.pop("", None)  # the numbers of rows that pandas writes
    return LabelCsv(columns, lines)


def _standard(name: str, colnames: Mapping[str, str]) -> str:
    name = name.strip()
    name = colnames.get(name, name)
    return name.lower() if name.lower() in STANDARD else name


def _not_utf8(path) -> ValueError:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return ValueError(
                    f"{path}:{number}: byte {line[error.start]:#04x} is not UTF-8; convert the file, e.g. with "
                    "'iconv -f latin1 -t utf8'"
                )
    return ValueError(f"{path}: not UTF-8 text")
