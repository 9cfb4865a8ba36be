"""Options from files: Kaldi's conf syntax (`--name=value`, ParseOptions::ReadConfigFile) or YAML, into dataclasses."""

import contextlib
import dataclasses
import os
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from speechlib.io.cli import kaldi_bool, nearest
from speechlib.io.text_files import read_text

T = TypeVar("T")


def read_options(path: str | os.PathLike) -> dict[str, Any]:
    """Read a Kaldi conf or a YAML file; which one it is shows in the first line that is no comment.

    Args:
        path: file of `--name=value` lines (`--name` alone is true, `#` begins a comment), or a YAML mapping.

    Returns:
        Options by name with underscores for dashes; the values are text from a conf, typed (nested too) from YAML.

    Raises:
        ValueError: a line that is no option, a name given twice, or bad YAML; the message names file and line.
    """
    text = read_text(path)
    lines = [line.split("#", 1)[0].strip() for line in text.splitlines()]
    content = [line for line in lines if line]
    if not content:
        return {}
    if content[0].startswith("--") and content[0].strip("-"):
        return _read_conf(path, lines)
    return _read_yaml(path, text)


def build_options(dataclass_type: type[T], options: Mapping[str, Any], source: str | os.PathLike) -> T:
    """Make an options object, each value checked against its field's type.

    Args:
        dataclass_type: the dataclass; fields are bool, int, float, str, Literal, optional, list or tuple of these,
            or another dataclass (from a nested mapping).
        options: values by field name (dashes or underscores), text or typed.
        source: where they come from, for messages.

    Raises:
        ValueError: an unknown name (the nearest is named), a value of the wrong type, or a missing one.
    """
    fields = {field.name: field for field in dataclasses.fields(dataclass_type) if field.init}
    hints = typing.get_type_hints(dataclass_type)
    values: dict[str, Any] = {}
    for given, value in options.items():
        name = str(given).replace("-", "_")
        if name not in fields:
            raise ValueError(f"{source}: unknown option {_dashed(name)}{nearest(_dashed(name), _dashes(fields))}")
        if name in values:
            raise ValueError(f"{source}: option {_dashed(name)} is given twice")
        try:
            values[name] = _convert(value, hints[name], source)
        except _WrongType as error:
            raise ValueError(f"{source}: option {_dashed(name)}: {error}") from None
    for name, field in fields.items():
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise ValueError(f"{source}: option {_dashed(name)} is missing")
    try:
        return dataclass_type(**values)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


class _WrongType(ValueError):
    """A value that does not fit its field; the caller adds the source and the name."""


def _read_conf(path, lines: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        name, equals, value = line[2:].partition("=")
        name = name.strip()
        if not line.startswith("--") or not name or any(c.isspace() for c in name):
            raise ValueError(f"{path}:{number}: {line!r}: expected --name=value, one option a line")
        key = name.replace("-", "_")
        if key in options:
            raise ValueError(f"{path}:{number}: option --{name} is given twice: remove one")
        options[key] = value.strip() if equals else "true"
    return options


def _read_yaml(path, text: str) -> dict[str, Any]:
    from speechlib.io.yaml_files import parse_yaml  # only where a file is YAML: Kaldi's conf needs no parser

    try:
        options = parse_yaml(text, path, lambda name: name.replace("-", "_"))
    except ValueError as error:
        raise ValueError(str(error).replace("not YAML", "neither Kaldi's --name=value lines nor YAML", 1)) from None
    if not isinstance(options, dict):
        raise ValueError(f"{path}:1: expected --name=value lines or a YAML mapping, found {type(options).__name__}")
    return options


def _convert(value: Any, wanted: Any, source) -> Any:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, arguments, source)
    if origin is typing.Literal:
        for choice in arguments:
            if value == choice or (isinstance(value, str) and value == str(choice)):
                return choice
        raise _WrongType(f"{value!r}: expected one of {', '.join(map(str, arguments))}")
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, Mapping):
            raise _WrongType(f"{value!r}: expected a mapping of options")
        return build_options(wanted, value, source)
    if wanted in (list, tuple, dict) or origin in (list, tuple, dict):
        return _convert_container(value, origin or wanted, arguments, source)
    return _convert_scalar(value, wanted)


def _convert_union(value: Any, choices: tuple, source) -> Any:
    if type(None) in choices and (value is None or (isinstance(value, str) and value.lower() in ("none", "null", ""))):
        return None
    for choice in choices:
        if choice is not type(None):
            try:
                return _convert(value, choice, source)
            except _WrongType as error:
                failure = error
    raise failure


def _convert_container(value: Any, kind: type, arguments: tuple, source) -> Any:
    if kind is dict:
        if not isinstance(value, Mapping):
            raise _WrongType(f"{value!r}: expected a mapping")
        return dict(value)
    if isinstance(value, str):  # Kaldi writes lists as 1,2,3 or 1:2:3
        value = [part for part in value.replace(":", ",").split(",") if part]
    if not isinstance(value, (list, tuple)):
        raise _WrongType(f"{value!r}: expected a list")
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise _WrongType(f"{value!r}: expected {len(arguments)} values")
        return tuple(_convert(item, wanted, source) for item, wanted in zip(value, arguments, strict=True))
    return kind(_convert(item, arguments[0] if arguments else Any, source) for item in value)


def _convert_scalar(value: Any, wanted: type) -> Any:
    if isinstance(value, str) and wanted is not str:
        with contextlib.suppress(ValueError, TypeError):
            return kaldi_bool(value) if wanted is bool else wanted(value)
    elif isinstance(value, bool):
        if wanted is bool:
            return value
        if wanted is str:
            return str(value).lower()
    elif wanted is float and isinstance(value, (int, float)):
        with contextlib.suppress(OverflowError):  # a whole number beyond 10^308
            return float(value)
    elif wanted is str and isinstance(value, (int, float)):
        return str(value)
    elif isinstance(value, wanted):
        return value
    expected = {bool: "true or false", int: "an integer", float: "a number", str: "text"}.get(wanted, wanted.__name__)
    raise _WrongType(f"{value!r}: expected {expected}")


def _dashed(name: str) -> str:
    return "--" + name.replace("_", "-")


def _dashes(names) -> list[str]:
    return [_dashed(name) for name in names]
