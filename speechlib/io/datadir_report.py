"""Problems of a data directory, and the checks of one file by itself: bytes, lines, fields, order (Kaldi's rules)."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from operator import lt
from pathlib import Path

from speechlib.io.datadir_files import keys_of, pairs_of, valued_keys_of

MAX_PER_KIND = 5
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r")) + b"\x7f"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Problem:
    """What is wrong: the file, its line (0: the file as a whole), the matter, and how to mend it."""

    file: str
    line: int
    message: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}; {self.mend}"


class Report:
    """Problems in the order found: of one kind in one file the first few, and a count of the rest."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.fix = f"run utils/fix_data_dir.sh {folder}"
        self._found: dict[tuple[str, str], list[Problem]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, name: str, line: int, kind: str, message: str, mend: str) -> None:
        """Note one problem; `kind` names those that are counted together."""
        kept = self._found.setdefault((name, kind), [])
        self._counts[name, kind] = self._counts.get((name, kind), 0) + 1
        if len(kept) < MAX_PER_KIND:
            kept.append(Problem(str(self.folder / name), line, message, mend))

    def problems(self) -> list[Problem]:
        """All that was noted."""
        result = []
        for (name, kind), kept in self._found.items():
            result.extend(kept)
            more = self._counts[name, kind] - len(kept)
            if more:
                result.append(Problem(str(self.folder / name), 0, f"{more} more: {kind}", kept[0].mend))
        return result


def print_problems(errors: list[Problem], warnings: list[Problem]) -> None:
    """Show problems on standard error, one a line, errors last."""
    for word, problems in (("warning", warnings), ("error", errors)):
        for problem in problems:
            sys.stderr.write(f"{word}: {problem}\n")


def show(text: bytes) -> str:
    """An id or line for a message."""
    shown = text.decode("utf-8", "backslashreplace")
    return shown if len(shown) <= 100 else shown[:100] + "..."


@dataclass
class Table:
    """The good lines of a file: their keys, values where there are exactly two fields, and their line numbers.

    `data` is the whole file, for a quick look; `is_sorted` says that the keys are sorted without repeats.
    """

    name: str
    data: bytes
    lines: list[bytes]
    keys: list[bytes]
    values: list[bytes]
    numbers: range | list[int]
    is_sorted: bool


def check_table(
    report: Report, name: str, fields: int | None = None, may_lack_value: bool = False, non_print: bool = False
) -> Table:
    """Read a file of keyed lines and note what is wrong with it; lines without the right fields are left out.

    Args:
        report: where problems go.
        name: file in the directory of the report.
        fields: exact number of fields; None for a key and a value that may hold blanks.
        may_lack_value: whether a key may stand alone.
        non_print: whether control characters are allowed.
    """
    data = (report.folder / name).read_bytes()
    if not data:
        report.add(name, 0, "empty file", "the file is empty", "write it, or delete it if it is not needed")
    lines = _check_bytes(report, name, data, non_print)
    numbers: range | list[int] = range(1, len(lines) + 1)
    try:
        keys, values = _columns(name, lines, fields, may_lack_value)
    except ValueError:
        lines, numbers = _check_fields(report, name, lines, fields, may_lack_value)
        keys, values = _columns(name, lines, fields, may_lack_value)
    if not all(map(bytes.startswith, lines, keys)):
        for number, line in zip(numbers, lines, strict=True):
            if line[:1].isspace():
                report.add(name, number, "leading blanks", f"begins with a blank: {show(line)!r}", report.fix)
    is_sorted = all(map(lt, keys, islice(keys, 1, None)))
    if not is_sorted:
        _check_order(report, name, keys, numbers)
    return Table(name, data, lines, keys, values, numbers, is_sorted)


def _columns(name: str, lines: list[bytes], fields: int | None, may_lack_value: bool) -> tuple[list, list]:
    """Keys, and values where lines have two fields; ValueError if a line has not the right fields."""
    if fields == 2:
        return pairs_of(lines, name)
    if fields is not None:
        if any(len(line.split()) != fields for line in lines):
            raise ValueError(name)
        return keys_of(lines, name), []
    if may_lack_value:
        return keys_of(lines, name), []
    return valued_keys_of(lines), []


def _check_bytes(report: Report, name: str, data: bytes, non_print: bool) -> list[bytes]:
    """Note wrong bytes; returns the lines without line ends."""
    lines = data.split(b"\n")
    if lines.pop():
        lines.append(data[data.rfind(b"\n") + 1 :])
        report.add(name, len(lines), "no newline", "the last line has no newline", f"echo >> {report.folder / name}")
    if data.startswith(_BOM):
        report.add(name, 1, "byte-order mark", "begins with a byte-order mark", report.fix)
        lines[0] = lines[0][len(_BOM) :]
    if b"\r" in data:
        for number, line in enumerate(lines, 1):
            if b"\r" in line:
                report.add(name, number, "carriage returns", "has a carriage return (Windows line end)", report.fix)
        lines = [line.replace(b"\r", b"") for line in lines]
    if not _is_utf8(data):
        for number, line in enumerate(lines, 1):
            if not _is_utf8(line):
                mend = "convert the file, e.g. with iconv -f latin1 -t utf8"
                report.add(name, number, "not UTF-8", f"has bytes that are not UTF-8: {show(line)}", mend)
    if not non_print and len(data.translate(None, _CONTROL)) != len(data):
        for number, line in enumerate(lines, 1):
            if len(line.translate(None, _CONTROL)) != len(line):
                message = f"has a control character: {show(line)!r}"
                mend = "delete it, or pass --non-print" if name == "text" else "delete it"
                report.add(name, number, "control characters", message, mend)
    return lines


def _check_fields(
    report: Report, name: str, lines: list[bytes], fields: int | None, may_lack_value: bool
) -> tuple[list[bytes], list[int]]:
    """Note blank lines and lines without the right fields; returns the others and their numbers."""
    good = []
    for number, line in enumerate(lines, 1):
        found = len(line.split())
        if found == 0:
            report.add(name, number, "blank lines", "blank line", report.fix)
        elif fields is not None and found != fields:
            message = f"expected {fields} fields, found {found}: {show(line)!r}"
            report.add(name, number, "wrong number of fields", message, "mend or delete the line")
        elif found == 1 and not may_lack_value:
            report.add(name, number, "no value", f"'{show(line.strip())}' has no value", "mend or delete the line")
        else:
            good.append((number, line))
    return [line for _, line in good], [number for number, _ in good]


def _check_order(report: Report, name: str, keys: list[bytes], numbers: Iterable[int]) -> None:
    first: dict[bytes, int] = {}
    previous = b""
    for key, number in zip(keys, numbers, strict=True):
        if key in first:
            message = f"'{show(key)}' was there already in line {first[key]}"
            report.add(name, number, "duplicates", message, f"delete one of the two, or {report.fix}")
        elif key < previous:
            message = f"'{show(key)}' comes after '{show(previous)}': not sorted as LC_ALL=C sorts"
            report.add(name, number, "not sorted", message, report.fix)
        first.setdefault(key, number)
        previous = key


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
