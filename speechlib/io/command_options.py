"""Options that are a dataclass, on the command line and in a --config file: Kaldi's ParseOptions with its --config."""

from __future__ import annotations

import argparse
import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import TypeVar

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool
from speechlib.io.kaldi_conf import build_options, read_options

T = TypeVar("T")


def add_options(parser: KaldiArgumentParser, dataclass_type: type, help_texts: Mapping[str, str]) -> None:
    """Add `--config`, and one option for each field of a dataclass of bool, int, float and str with defaults."""
    parser.add_argument(
        "--config", metavar="FILE", help="options as `--name=value` lines or YAML; the command line overrides them"
    )
    hints = typing.get_type_hints(dataclass_type)
    for field in dataclasses.fields(dataclass_type):
        kind = hints[field.name]
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=kaldi_bool if kind is bool else kind,
            default=field.default,
            metavar={bool: "true|false", int: "N", float: "X"}.get(kind, "TEXT"),
            help=help_texts[field.name],
        )


def parse_options(
    parser: KaldiArgumentParser, dataclass_type: type[T], argv: Sequence[str] | None
) -> tuple[argparse.Namespace, T]:
    """Parse the command line: defaults, then the --config file, then what the command line says.

    Returns:
        All arguments, and the options as the dataclass.

    Raises:
        ValueError: an unknown option or a bad value; the message names the file or the command line.
    """
    args = parser.parse_args(argv)
    if args.config:
        from_file = build_options(dataclass_type, read_options(args.config), args.config)
        parser.set_defaults(**dataclasses.asdict(from_file))
        args = parser.parse_args(argv)
    names = [field.name for field in dataclasses.fields(dataclass_type)]
    return args, dataclass_type(**{name: getattr(args, name) for name in names})
