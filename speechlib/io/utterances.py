"""Which utterances: the first column of any list or map, or all of a data directory."""

from __future__ import annotations

import os

from speechlib.io.datadir import DataDir
from speechlib.io.text_files import read_lines


def read_utterances(path: str | os.PathLike) -> list[str]:
    """Read utterance names.

    Args:
        path: a data directory, or a text file whose lines begin with an utterance (a list, utt2spk, feats.scp, ...).

    Returns:
        The names in LC_ALL=C order.

    Raises:
        ValueError: a blank line, a name given twice, or no name at all; with file and line.
        OSError: no such file.
    """
    if os.path.isdir(path):
        return DataDir(path).utterances()
    lines: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            raise ValueError(f"{path}:{number}: blank line: expected an utterance")
        utterance = line.split(None, 1)[0]
        if utterance in lines:
            raise ValueError(f"{path}:{number}: {utterance} was in line {lines[utterance]} already: keep one")
        lines[utterance] = number
    if not lines:
        raise ValueError(f"{path}: no utterance in it: expected one a line")
    return sorted(lines)
