"""How the threshold behind a clustering was chosen, for result.json: an option of scoring commands, or a file."""

from __future__ import annotations

import argparse
from typing import Any

from speechlib.io.json_files import read_json
from speechlib.io.results import CUTS


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Give a scoring command --selection, --cut and --rule, for `selection_of`."""
    add = parser.add_argument
    add("--selection", metavar="FILE", help="JSON of tune_threshold: how the cut was chosen, noted in result.json")
    add("--cut", choices=CUTS, help="the same in a word, without such a file (default: fixed)")
    add("--rule", metavar="TEXT", help="and in words, noted beside it")


def selection_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the options of `add_selection_options` say.

    Raises:
        ValueError: --selection with --cut, or a file that is no JSON object with a "cut". OSError: it cannot be read.
    """
    if options.selection is None:
        selection: dict[str, Any] = {"cut": options.cut or "fixed"}
    elif options.cut is not None:
        raise ValueError("--selection and --cut say the same: give one of them")
    else:
        selection = read_selection(options.selection)
    return selection if options.rule is None else {**selection, "rule": options.rule}


def read_selection(path: str) -> dict[str, Any]:
    """Read a file such as `{"cut": "dev", "threshold": 1.5}`.

    Raises:
        ValueError: it is no JSON, no object, or its "cut" is none of dev, fixed and oracle; names the file.
        OSError: it cannot be read.
    """
    selection = read_json(path, "write it anew with tune_threshold")
    if not isinstance(selection, dict) or selection.get("cut") not in CUTS:
        raise ValueError(f'{path}: expected an object with "cut": one of {", ".join(CUTS)}; write it anew')
    return selection
