"""Audio files that a user names: one by one, as a folder, or as a list."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".sph", ".aif", ".aiff", ".au")


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Give a command the options --file, --folder and --list, which `named_files` takes."""
    add = parser.add_argument
    add("--file", metavar="FILE", action="append", default=[], help="audio file; may be given several times")
    add("--folder", metavar="DIR", help="audio files below this folder")
    add("--list", metavar="FILE", help="file with a name a line")


def named_files(
    files: Sequence[str] = (), folder: str | os.PathLike | None = None, listed: str | os.PathLike | None = None
) -> list[str]:
    """The files in the order given, then those of the folder, then those of the list.

    Args:
        files: names.
        folder: its audio files, at any depth, sorted; they are told by their suffix.
        listed: a file with a name a line, from the working directory.

    Raises:
        ValueError: a folder or a list without a file.
        OSError: the folder or the list is not there.
    """
    found = [os.fspath(file) for file in files]
    if folder is not None:
        if not os.path.isdir(folder):
            raise NotADirectoryError(f"{os.fspath(folder)}: there is no such folder")
        below = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not below:
            raise ValueError(f"{os.fspath(folder)}: no audio file below it (looked for {', '.join(SUFFIXES)})")
        found += map(str, below)
    if listed is not None:
        try:
            names = [line.strip() for line in Path(listed).read_text(encoding="utf-8").splitlines()]
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(listed)}: not UTF-8 text ({error.reason})") from None
        if not any(names):
            raise ValueError(f"{os.fspath(listed)}: no file in it: expected a name a line")
        found += filter(None, names)
    return found
