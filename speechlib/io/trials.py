"""Lists of trials: Kaldi's `<enrol> <test> target|nontarget`, VoxCeleb's `1|0 <enrol> <test>`, and pairs alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechlib.io.name_table import NameTable
from speechlib.io.text_columns import Block, iterate_blocks

_EXPECTED = "<enrol> <test> target|nontarget"
_LABELS = (b"nontarget", b"target")
_VOXCELEB_LABELS = (b"0", b"1")


@dataclass
class Trials:
    """Trials in the order of their file.

    Attributes:
        enrol_names, test_names: the distinct names on each side.
        enrol, test: (trials,) int32 places in the lists of names.
        target: (trials,) bool, True where both are of the same speaker; None if the file does not say.
        source: the file, for messages; trial i stands on line i + 1.
    """

    enrol_names: list[str]
    test_names: list[str]
    enrol: np.ndarray
    test: np.ndarray
    target: np.ndarray | None
    source: str = "trials"

    def __len__(self) -> int:
        return len(self.enrol)

    def pair(self, index: int) -> str:
        """The trial as it stands in the file, `<enrol> <test>`."""
        return f"{self.enrol_names[self.enrol[index]]} {self.test_names[self.test[index]]}"

    def keys(self) -> np.ndarray:
        """(trials,) int64, equal for equal pairs only."""
        keys = self.enrol.astype(np.int64)
        keys *= max(len(self.test_names), 1)
        keys += self.test
        return keys

    def check_duplicates(self) -> None:
        """Raise a ValueError that names both lines if a pair comes twice."""
        keys = self.keys()
        keys.sort()
        repeated = keys[1:] == keys[:-1]
        if not repeated.any():
            return
        key = keys[int(np.argmax(repeated))]
        first, second = np.flatnonzero(self.keys() == key)[:2].tolist()
        raise ValueError(
            f"{self.source}:{second + 1}: trial '{self.pair(second)}' was there already in line {first + 1}; keep one"
        )


def read_trials(path: str | os.PathLike) -> Trials:
    """Read a list of trials: 9 bytes a trial and the names; for the check for duplicates 16 more, for a while.

    Args:
        path: a file, `command |` or `-`.

    Returns:
        The trials, all different.

    Raises:
        ValueError: an empty file, a line that is no trial, a label that is not one, a trial that comes twice; with
            file:line. OSError: it cannot be read.
    """
    columns: tuple[list, list, list] = ([], [], [])
    enrol_table, test_table = NameTable(), NameTable()
    for block in iterate_blocks(path, (2, 3), _EXPECTED):
        for column, part in zip(columns, _parse(block, enrol_table, test_table), strict=True):
            column.append(part)
    enrol = np.concatenate(columns[0])
    columns[0].clear()
    test = np.concatenate(columns[1])
    columns[1].clear()
    target = None if columns[2][0] is None else np.concatenate(columns[2])
    trials = Trials(enrol_table.names, test_table.names, enrol, test, target, os.fspath(path))
    trials.check_duplicates()
    return trials


def iterate_trials(path: str | os.PathLike, block: int = 1 << 20) -> Iterator[Trials]:
    """Read a list of trials piece by piece; nothing looks for duplicates.

    Args:
        path: a file, `command |` or `-`.
        block: trials in a piece, roughly.

    Yields:
        Pieces that share their lists of names, which grow from piece to piece: a number means the same name in all.

    Raises:
        ValueError: as `read_trials`, but for duplicates.
    """
    enrol_table, test_table = NameTable(), NameTable()
    parts: list[tuple] = []

    def joined() -> Trials:
        enrol, test, target = ([part[column] for part in parts] for column in range(3))
        labels = None if target[0] is None else np.concatenate(target)
        names = enrol_table.names, test_table.names
        return Trials(*names, np.concatenate(enrol), np.concatenate(test), labels, os.fspath(path))

    count = 0
    for piece in iterate_blocks(path, (2, 3), _EXPECTED):
        parts.append(_parse(piece, enrol_table, test_table))
        count += piece.num_lines
        if count >= block:
            yield joined()
            parts, count = [], 0
    if parts:
        yield joined()


def require_labels(trials: Trials) -> np.ndarray:
    """The labels of trials of both kinds.

    Raises:
        ValueError: the file has no labels, or trials of one kind only.
    """
    if trials.target is None:
        raise ValueError(f"{trials.source}: the trials have no labels; expected lines of '{_EXPECTED}'")
    num_target = int(np.count_nonzero(trials.target))
    if num_target in (0, len(trials)):
        kind, other = ("target", "nontarget") if num_target else ("nontarget", "target")
        raise ValueError(
            f"{trials.source}: all {len(trials)} trials are {kind} trials; error rates need {other} trials, too"
        )
    return trials.target


def _parse(block: Block, enrol_table: NameTable, test_table: NameTable) -> tuple:
    """Numbers of the enrolment and test names and labels (None without) of a block."""
    if block.num_columns == 2:
        return enrol_table.numbers(block, 0), test_table.numbers(block, 1), None
    labels = block.matches(2, _LABELS)
    first, words = 0, "target or nontarget"
    if labels[0] < 0:
        in_front = block.matches(0, _VOXCELEB_LABELS)
        if in_front[0] >= 0:
            labels, first, words = in_front, 1, "1 or 0"
    if (labels < 0).any():
        line = int(np.argmax(labels < 0))
        word = block.word(line, 0 if first else 2)
        raise ValueError(
            f"{block.place(line)}: label '{word}': expected {words}, as in '{_EXPECTED}' or '1|0 <enrol> <test>'"
        )
    return enrol_table.numbers(block, first), test_table.numbers(block, first + 1), labels == 1
