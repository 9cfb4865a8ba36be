"""Databases in audformat (audEERING's db.yaml with one CSV a table), read without the package of that name.

The package keeps its tables as pickles beside the CSV, which a reader of untrusted files must not open: here only
YAML's plain types and CSV are read. Format: https://audeering.github.io/audformat/data-introduction.html
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from speechlib.io.cli import nearest
from speechlib.io.label_csv import seconds_of
from speechlib.io.text_files import read_text
from speechlib.io.yaml_files import parse_yaml

_HEADER = "db.yaml"
_INDEX = {"filewise": ("file",), "segmented": ("file", "start", "end")}
_MISSING = ("", "NaT", "NaN", "nan", "<NA>")
_SPEAKER = "speaker"


@dataclass(frozen=True)
class Table:
    """What the header says of a table: the scheme of each column ("" for none), and the split it belongs to or ""."""

    name: str
    segmented: bool
    columns: dict[str, str]
    split: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        place: `file:line`, for messages.
        file: as the table names it, relative to the database's folder.
        start, end: seconds; end is -1 for the end of the file.
        values: by column; what is missing is not there.
        texts: what the header says in words of a value (of transcriptions: the words), by column.
    """

    place: str
    file: str
    start: float
    end: float
    values: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Database:
    """An audformat database: `tables` by name, and the labels of each scheme (label -> attributes, or words).

    The tables are read when `rows` or `joined_rows` asks for them.
    """

    folder: Path
    tables: dict[str, Table]
    labels: dict[str, dict[str, dict[str, str] | str]]

    def rows(self, table: str) -> list[Row]:
        """The rows of a table in its order.

        Raises:
            ValueError: no such table, no CSV of it, or one that disagrees with the header; with file:line.
        """
        description = self._table(table)
        path = _csv_of(self.folder, description.name)
        index = _INDEX["segmented" if description.segmented else "filewise"]
        rows = []
        for line, cells in _read_csv(path, (*index, *description.columns)):
            place = f"{path}:{line}"
            start, end = (cells.get(name, "") for name in ("start", "end"))
            start = 0.0 if start in _MISSING else seconds_of(start, f"{place}: start")
            end = -1.0 if end in _MISSING else seconds_of(end, f"{place}: end")
            values = {name: cells[name] for name in description.columns if cells[name] not in _MISSING}
            texts = {}
            for name, value in values.items():
                meaning = self.labels.get(description.columns[name], {}).get(value, "")
                if isinstance(meaning, str) and meaning:
                    texts[name] = meaning
            rows.append(Row(place, cells["file"], start, end, values, texts))
        return rows

    def joined_rows(self, table: str) -> list[Row]:
        """The rows of a table with what else is known of their files and speakers.

        Columns of the filewise tables that name speakers are added by file, then the attributes that the header (or a
        misc table) gives a speaker; what the table itself says stays.
        """
        rows = self.rows(table)
        for other in self.tables.values():
            if other.name == table or other.segmented or _SPEAKER not in other.columns:
                continue
            known = {row.file: row for row in self.rows(other.name)}
            others = ((row, known.get(row.file)) for row in rows)
            rows = [_add(row, about.values, about.texts) if about else row for row, about in others]
        attributes = self.labels.get(self._speaker_scheme(table), {})
        joined = []
        for row in rows:
            own = attributes.get(row.values.get(_SPEAKER, ""), {})
            joined.append(row if isinstance(own, str) else _add(row, own, {}))
        return joined

    def _speaker_scheme(self, table: str) -> str:
        """Scheme of the column `speaker`, of this table first."""
        found = [t.columns[_SPEAKER] for t in (self.tables[table], *self.tables.values()) if _SPEAKER in t.columns]
        return found[0] if found else ""

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            known = list(self.tables)
            raise ValueError(
                f"{self.folder / _HEADER}: no table '{name}'{nearest(name, known)}; it has {', '.join(known)}"
            )
        return self.tables[name]


def read_database(folder: str | os.PathLike) -> Database:
    """Read the header of a database.

    Raises:
        FileNotFoundError: no db.yaml.
        ValueError: it is no YAML, or no header of a database.
    """
    folder = Path(folder)
    path = folder / _HEADER
    header = _load_header(path)
    schemes = _mapping(path, header, "schemes")
    tables = {}
    for name, entry in _mapping(path, header, "tables").items():
        kind = entry.get("type")
        if not isinstance(kind, str) or kind not in _INDEX:
            raise ValueError(f"{path}: table '{name}' is of type {kind!r}, expected filewise or segmented")
        columns = {
            str(column): str(about.get("scheme_id") or "") for column, about in _mapping(path, entry, "columns").items()
        }
        for column, scheme in columns.items():
            if scheme and scheme not in schemes:
                raise ValueError(
                    f"{path}: column '{column}' of table '{name}' has the scheme '{scheme}', which the header does not "
                    f"describe{nearest(scheme, list(schemes))}"
                )
        tables[name] = Table(name, kind == "segmented", columns, str(entry.get("split_id") or ""))
    if not tables:
        raise ValueError(f"{path}: no tables in it, so no file has a label")
    misc = _mapping(path, header, "misc_tables")
    labels = {name: _labels(folder, path, name, scheme, misc) for name, scheme in schemes.items()}
    return Database(folder, tables, labels)


def _load_header(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; an audformat database has one in its folder")
    try:
        header = parse_yaml(read_text(path), path)
    except ValueError as error:
        raise ValueError(f"{path}: not the YAML header of a database: {error}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not the header of a database: expected `name:`, `schemes:`, `tables:`")
    return header


def _mapping(path: Path, header: Mapping, key: str) -> dict[str, dict]:
    value = header.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(entry, dict | None) for entry in value.values()):
        raise ValueError(f"{path}: `{key}` must hold one entry a name, each with its properties")
    return {str(name): entry or {} for name, entry in value.items()}


def _labels(folder: Path, path: Path, name: str, scheme: Mapping, misc: Mapping) -> dict[str, dict[str, str] | str]:
    """Labels of a scheme with their attributes, or with what the header says in words; {} without a list of labels."""
    labels = scheme.get("labels") or {}
    if isinstance(labels, list):
        return {str(label): "" for label in labels}
    if isinstance(labels, dict):
        return {
            str(label): {str(key): str(value) for key, value in about.items() if value is not None}
            if isinstance(about, dict)
            else str("" if about is None else about)
            for label, about in labels.items()
        }
    if not isinstance(labels, str) or labels not in misc:
        raise ValueError(
            f"{path}: the labels of scheme '{name}' are in misc table '{labels}', which the header does not "
            f"describe{nearest(str(labels), list(misc))}"
        )
    levels, columns = (misc[labels].get(key) or () for key in ("levels", "columns"))
    if not isinstance(levels, list | dict | tuple) or not isinstance(columns, list | dict | tuple):
        raise ValueError(f"{path}: misc table '{labels}' has no lists of levels and columns")
    levels, columns = [str(level) for level in levels], [str(column) for column in columns]
    if len(levels) != 1:
        raise ValueError(f"{path}: misc table '{labels}' has {len(levels)} levels, a table of labels has one")
    return {
        cells[levels[0]]: {column: cells[column] for column in columns if cells[column] not in _MISSING}
        for _, cells in _read_csv(_csv_of(folder, str(labels)), (*levels, *columns))
    }


def _csv_of(folder: Path, table: str) -> Path:
    path = folder / f"db.{table}.csv"
    if path.is_file():
        return path
    others = [path.with_suffix(suffix) for suffix in (".parquet", ".pkl") if path.with_suffix(suffix).is_file()]
    if not others:
        raise FileNotFoundError(f"{path}: no such file; the header describes a table '{table}': fetch it, too")
    kind = "a pickle, which may run code when it is read" if others[0].suffix == ".pkl" else "in a format not read here"
    raise ValueError(
        f"{others[0]}: the table is {kind}; where you trust it, write it as CSV: audformat.Database.load(folder)"
        ".save(folder, storage_format='csv')"
    )


def _read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cell by column) of a table that must have just these columns, in any order."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if sorted(header) != sorted(columns):
                raise ValueError(
                    f"{path}:1: the columns are {','.join(header)}; the header {_HEADER} says {','.join(columns)}"
                )
            for cells in reader:
                if len(cells) != len(header):
                    place = f"{path}:{reader.line_num}"
                    raise ValueError(f"{place}: {len(cells)} cells, the table has {len(header)} columns")
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8: {error}") from error


def _add(row: Row, values: Mapping[str, str], texts: Mapping[str, str]) -> Row:
    """A row with values that it does not have yet."""
    return Row(row.place, row.file, row.start, row.end, {**values, **row.values}, {**texts, **row.texts})
