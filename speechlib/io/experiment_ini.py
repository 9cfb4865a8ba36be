"""The INI file of an experiment: checked sections, keys and values, each with its line (after Nkululeko 1.0).

Values are Python literals or plain text, as there; nothing is evaluated. What is not known is an error that names the
nearest known name: a misspelt key that changes nothing would be believed.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
from collections.abc import Mapping
from typing import Any

from speechlib.io.cli import nearest
from speechlib.io.experiment_keys import DATABASE_KEYS, KEPT, SECTIONS, Key
from speechlib.io.text_files import read_text

_LONGEST_VALUE = 1 << 16  # characters, with all `%(name)s` replaced
_MOST_BLANKS = 256  # in a row
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class ExperimentIni:
    """An experiment's settings.

    Args:
        path: the INI file.
        beside: file that a relative DATA.root_folders lies beside, where it is not this one.

    Attributes:
        path: of the file.
        text: its contents, as written.
        databases: names of DATA.databases and DATA.tests.

    Raises:
        ValueError: a syntax error, an unknown section or key, or a value that does not fit; with file and line.
        OSError: the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike, beside: str | os.PathLike | None = None):
        self.path = os.fspath(path)
        self._folder = os.path.dirname(self.path if beside is None else os.fspath(beside))
        self.text = read_text(self.path, "utf-8-sig")
        self._given = _parse(self.path, self.text)
        self._lines = _line_numbers(self.text)
        self._extra: dict[str, str] = {}
        roots = self._given.get("DATA", {}).get("root_folders")
        if roots is not None:
            self._read_root_folders(_unquoted(roots))
        listed = {
            name: self._convert("DATA", name, Key("list", [], "names of databases"))
            for name in ("databases", "tests")
            if name in self._given.get("DATA", {})
        }
        self.databases = [str(name) for names in listed.values() for name in names]
        self._check()

    def get(self, section: str, key: str) -> Any:
        """The value of a key, or its default.

        Raises:
            KeyError: there is no such key in the table of keys: a mistake of the program.
        """
        known = SECTIONS[section][key]
        return self._convert(section, key, known) if self.has(section, key) else known.default

    def has(self, section: str, key: str) -> bool:
        """Whether the file sets the key."""
        return key in self._given.get(section, {})

    def database(self, name: str, key: str = "") -> Any:
        """The value of `<name>.<key>` of [DATA], or its default; of `<name>`, its path, without a key."""
        full = f"{name}.{key}".lower() if key else name.lower()
        known = DATABASE_KEYS[key] if key else Key("path", None, "path of the database")
        if full in self._given.get("DATA", {}):
            return self._convert("DATA", full, known)
        if full in self._extra:
            return _value(self._extra[full], known, f"{self.get('DATA', 'root_folders')}: {full}")
        return known.default

    def num_bins(self, column: str) -> int | None:
        """The value of `<column>_bins` of [DATA]: bins that a balanced split makes of a column of numbers; or None."""
        key = f"{column}_bins".lower()
        return self._convert("DATA", key, Key("int", None, "bins")) if self.has("DATA", key) else None

    def kept_keys(self) -> list[str]:
        """A sentence about each key that is read and changes nothing."""
        return [
            f"{self.where(section, key)}: without effect: {why}"
            for (section, key), why in KEPT.items()
            if self.has(section, key) and self.get(section, key) not in (False, SECTIONS[section][key].default)
        ]

    def tuning_values(self, parameter: str) -> list:
        """The values that MODEL.tuning_params searches for a parameter.

        Raises:
            ValueError: the file gives none, or not as a list.
        """
        if not self.has("MODEL", parameter.lower()):
            raise self.error("MODEL", "tuning_params", f"{parameter} has no values: add {parameter} = [.., ..]")
        where = self.where("MODEL", parameter.lower())
        values = _value(self._given["MODEL"][parameter.lower()], Key("literal", None, ""), where)
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"{where}: expected a list of values to search, got {values!r}")
        return list(values)

    def tuned(self) -> list[str]:
        """Parameters named by MODEL.tuning_params, in lower case as keys are."""
        names = self.get("MODEL", "tuning_params") if self.has("MODEL", "tuning_params") else None
        return [str(name).lower() for name in names or []]

    def where(self, section: str, key: str | None = None) -> str:
        """`file:line` of a key or a section, or just the file."""
        line = self._lines.get((section, key)) or self._lines.get((section, None))
        return f"{self.path}:{line}: [{section}] {key or ''}".rstrip() if line else f"{self.path}: [{section}] {key}"

    def error(self, section: str, key: str | None, message: str) -> ValueError:
        """An error that begins with the place of a key."""
        return ValueError(f"{self.where(section, key)}: {message}")

    def _check(self) -> None:
        for section, keys in self._given.items():
            if section not in SECTIONS:
                raise self.error(
                    section, None, f"unknown or unsupported section{nearest(section, list(SECTIONS))}; known are "
                    f"{', '.join(SECTIONS)}"
                )  # fmt: skip
            for key in keys:
                if section == "DATA":
                    self._check_data_key(key)
                elif key not in SECTIONS[section]:
                    raise self.error(section, key, self._unknown(key, list(SECTIONS[section])))
                elif not (section == "MODEL" and key in self.tuned()):
                    self.get(section, key)
        for name in self.databases:
            if self.database(name) is None:
                raise self.error(
                    "DATA", "databases", f"database {name} has no path: add the line {name} = <folder or file>"
                )

    def _check_data_key(self, key: str) -> None:
        if key in SECTIONS["DATA"]:
            self.get("DATA", key)
            return
        balanced = {f"{column}_bins".lower() for column in self.get("DATA", "balance") or {}}
        if key in balanced:
            self.num_bins(key[: -len("_bins")])
            return
        names = {name.lower(): name for name in self.databases}
        # The longest name wins, where one database's name begins another's.
        for name in sorted(names, key=len, reverse=True):
            if key == name:
                self.database(names[name])
                return
            if key.startswith(f"{name}."):
                rest = key[len(name) + 1 :]
                if rest not in DATABASE_KEYS:
                    raise self.error("DATA", key, self._unknown(rest, list(DATABASE_KEYS), f"{name}."))
                self.database(name, rest)
                return
        known = [*SECTIONS["DATA"], *names, *(f"{name}.{rest}" for name in names for rest in DATABASE_KEYS)]
        raise self.error("DATA", key, self._unknown(key, known))

    @staticmethod
    def _unknown(key: str, known: list[str], prefix: str = "") -> str:
        return f"unknown or unsupported key {prefix}{key}{nearest(key, known)}"

    def _convert(self, section: str, key: str, known: Key) -> Any:
        return _value(self._given[section][key], known, self.where(section, key))

    def _read_root_folders(self, path: str) -> None:
        path = os.path.join(self._folder, path) if not os.path.exists(path) else path
        try:
            text = read_text(path, "utf-8-sig")
        except FileNotFoundError:
            raise self.error("DATA", "root_folders", f"no such file {path}") from None
        sections = _parse(path, text)
        if set(sections) - {"DATA"}:
            raise ValueError(f"{path}: expected the one section [DATA], got {', '.join(sections)}")
        self._extra = dict(sections.get("DATA", {}))


def _parse(path: str, text: str) -> dict[str, Mapping[str, str]]:
    _check_blanks(path, text)
    parser = configparser.ConfigParser(interpolation=_BoundedInterpolation())
    try:
        parser.read_string(text, path)
        # What is no section of ours is refused by its name; its keys, and with them [DEFAULT]'s, are not looked at.
        return {name: dict(parser.items(name)) if name in SECTIONS else {} for name in parser.sections()}
    except configparser.InterpolationError as error:
        raise ValueError(f"{path}: {error.message.splitlines()[0]}: write %% for a per cent sign") from None
    except configparser.MissingSectionHeaderError as error:
        raise ValueError(f"{path}:{error.lineno}: expected a section such as [EXP] before {error.line!r}") from None
    except configparser.ParsingError as error:
        line, content = next(iter(getattr(error, "errors", ())), (getattr(error, "lineno", 1), "a line that goes on"))
        raise ValueError(f"{path}:{line}: expected `key = value`, got {content}") from None
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        what = getattr(error, "option", None) or f"[{error.section}]"
        raise ValueError(f"{path}:{error.lineno}: {what} is there twice: keep one of them") from None
    except configparser.Error as error:
        raise ValueError(f"{path}: {error}") from None


class _BoundedInterpolation(configparser.BasicInterpolation):
    """`%(name)s` for another value; ten lines of references to each other cannot become 10^10 characters."""

    def before_get(self, parser, section, option, value, defaults):
        """Measure what a value becomes before it is made."""
        if "%(" in value and _interpolated_size(option, value, defaults, {}, 0) > _LONGEST_VALUE:
            raise configparser.InterpolationError(
                option, section, f"its references make more than {_LONGEST_VALUE} characters of {option!r}"
            )
        return super().before_get(parser, section, option, value, defaults)


def _interpolated_size(option: str, value: str, values: Mapping[str, str], sizes: dict, depth: int) -> int:
    if depth > configparser.MAX_INTERPOLATION_DEPTH:
        return 0  # configparser refuses it
    if (option, depth) not in sizes:
        sizes[option, depth] = 1 + len(value) + sum(
            _interpolated_size(name, values[name], values, sizes, depth + 1)
            for name in map(str.lower, re.findall(r"%\(([^)]+)\)s", value))
            if name in values
        )
    return sizes[option, depth]


def _check_blanks(path: str, text: str) -> None:
    """configparser tries each blank of a run as the end of a key: long runs would take it hours."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"\s{{{_MOST_BLANKS},}}\S", line):
            raise ValueError(f"{path}:{number}: more than {_MOST_BLANKS} blanks in a row: no INI file")


def _line_numbers(text: str) -> dict[tuple[str, str | None], int]:
    """Line of every section (key None) and key, as configparser will name them."""
    lines: dict[tuple[str, str | None], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\[(.+)\]", line)
        entry = re.match(r"([^\s=:#;][^=:]*?)\s*(?:[=:]|$)", line)
        if heading:
            section = heading[1]
            lines.setdefault((section, None), number)
        elif entry:
            lines.setdefault((section, entry[1].lower()), number)
    return lines


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _value(text: str, known: Key, where: str) -> Any:
    """The value of a text by the kind of its key.

    Raises:
        ValueError: it does not fit; the message begins with `where`.
    """
    plain = _unquoted(text)
    if known.kind in ("text", "path"):
        # Nkululeko's files write False, and None, for what is switched off.
        if plain in ("False", "None") and known.default is None:
            return None
        return _chosen(plain, known, where)
    if known.kind == "bool":
        if plain.lower() in _TRUE + _FALSE:
            return plain.lower() in _TRUE
        raise ValueError(f"{where}: expected True or False, got {plain!r}")
    try:
        value = ast.literal_eval(text.strip()) if len(text) <= _LONGEST_VALUE else plain
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = plain
    if value is None or (value is False and known.default is None):
        return known.default
    if known.kind == "int":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{where}: expected a whole number, got {plain!r}")
    elif known.kind == "float":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{where}: expected a number, got {plain!r}")
        return float(value)
    elif known.kind == "dict":
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a dictionary {{'a': 'b'}}, got {plain!r}")
    elif known.kind == "list":
        value = list(value) if isinstance(value, list | tuple | set) else _words(value)
        for item in value if known.choices else ():
            _chosen(str(item), known, where)
    return value


def _words(value: Any) -> list:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else [value]


def _chosen(value: str, known: Key, where: str) -> str:
    if known.choices and value not in known.choices:
        raise ValueError(
            f"{where}: unknown or unsupported value {value!r}{nearest(value, known.choices)}; known are "
            f"{', '.join(known.choices)}"
        )
    return value
