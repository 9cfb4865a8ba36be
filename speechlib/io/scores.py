"""Score files, `<enrol> <test> <score>`: Kaldi's ivector-plda-scoring and ivector-compute-dot-products."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from speechlib.io.name_table import NameTable
from speechlib.io.specifiers import Output
from speechlib.io.text_columns import iterate_blocks
from speechlib.io.trials import Trials

_EXPECTED = "<enrol> <test> <score>"
_LINES = 1 << 15


@dataclass
class ScoreTable:
    """What a score file holds: its pairs, all different and without labels, and (pairs,) float32 scores."""

    trials: Trials
    scores: np.ndarray


def read_scores(path: str | os.PathLike, trials: Trials, dtype: type = np.float32) -> np.ndarray:
    """Read the scores of a list of trials, in whatever order they stand.

    Args:
        path: a file, `command |` or `-`.
        trials: the trials, each of which must have exactly one score.
        dtype: of the result; float32 holds 7 digits, which is what score files have.

    Returns:
        (trials,) scores in the order of the trials.

    Raises:
        ValueError: a score that is no finite number, of a pair that is no trial, or twice; a trial without a score;
            with the pair and file:line. OSError: it cannot be read.
    """
    source = os.fspath(path)
    enrol_table, test_table = NameTable(trials.enrol_names), NameTable(trials.test_names)
    scores = np.empty(len(trials), dtype)
    keys: list[np.ndarray] = []  # of the pairs as they stand in the file, once it leaves the order of the trials
    values: list[np.ndarray] = []
    done = 0
    for block in iterate_blocks(path, (3,), _EXPECTED):
        enrol, test = enrol_table.numbers(block, 0, add=False), test_table.numbers(block, 1, add=False)
        unknown = (enrol < 0) | (test < 0)
        if unknown.any():
            line = int(np.argmax(unknown))
            _refuse_pair(block.place(line), f"{block.word(line, 0)} {block.word(line, 1)}", trials)
        numbers = block.numbers(2)
        end = done + block.num_lines
        same = not keys and end <= len(trials)
        if same and np.array_equal(enrol, trials.enrol[done:end]) and np.array_equal(test, trials.test[done:end]):
            scores[done:end] = numbers
            done = end
            continue
        keys.append(enrol.astype(np.int64) * len(trials.test_names) + test)
        values.append(numbers.astype(dtype))
    if keys:
        return _reorder(source, trials, done, scores[:done], np.concatenate(keys), np.concatenate(values))
    if done < len(trials):
        _refuse_missing(source, trials, np.arange(done, len(trials)))
    return scores


def read_score_table(path: str | os.PathLike) -> ScoreTable:
    """Read a score file on its own.

    Raises:
        ValueError: an empty file, a score that is no finite number, a pair that comes twice; with file:line.
    """
    enrol_table, test_table = NameTable(), NameTable()
    enrol, test, scores = [], [], []
    for block in iterate_blocks(path, (3,), _EXPECTED):
        enrol.append(enrol_table.numbers(block, 0))
        test.append(test_table.numbers(block, 1))
        scores.append(block.numbers(2).astype(np.float32))
    names = enrol_table.names, test_table.names
    table = Trials(*names, np.concatenate(enrol), np.concatenate(test), None, os.fspath(path))
    table.check_duplicates()
    return ScoreTable(table, np.concatenate(scores))


def write_scores(path: str | os.PathLike, trials: Trials, scores: np.ndarray) -> None:
    """Write scores with 7 significant digits; the file appears whole or not at all.

    Args:
        path: a file, `| command` or `-`.
        trials: the trials.
        scores: (trials,) finite scores.

    Raises:
        ValueError: another number of scores, or one that is not finite; names the pair. OSError: it cannot be written.
    """
    scores = np.asarray(scores)
    if scores.shape != (len(trials),):
        raise ValueError(f"{path}: scores of shape {scores.shape} for {len(trials)} trials")
    finite = np.isfinite(scores)
    if not finite.all():
        index = int(np.argmin(finite))
        count = len(trials) - int(np.count_nonzero(finite))
        raise ValueError(
            f"{path}: the score of trial '{trials.pair(index)}' is {scores[index]}, one of {count} that are not finite "
            f"numbers; nothing was written: look for NaN or zero vectors among the embeddings"
        )
    enrol_names = [f"{name} ".replace("%", "%%") for name in trials.enrol_names]
    test_names = [name.replace("%", "%%") + " %.7g\n" for name in trials.test_names]
    output = Output(os.fspath(path))
    try:
        for start in range(0, len(trials), _LINES):
            part = slice(start, start + _LINES)
            words = [""] * (2 * len(trials.enrol[part]))
            words[0::2] = map(enrol_names.__getitem__, trials.enrol[part].tolist())
            words[1::2] = map(test_names.__getitem__, trials.test[part].tolist())
            output.file.write(("".join(words) % tuple(scores[part].tolist())).encode())
        output.commit()
    except BaseException:
        output.abandon()
        raise


def _reorder(source: str, trials: Trials, done: int, first: np.ndarray, keys: np.ndarray, values: np.ndarray):
    """Scores in the order of the trials, from those of the first trials and those that came in another order."""
    trial_keys = trials.keys()
    keys = np.concatenate([trial_keys[:done], keys])
    values = np.concatenate([first, values])
    order = np.argsort(trial_keys, kind="stable")
    place = np.searchsorted(trial_keys, keys, sorter=order)
    place[place == len(trials)] = 0
    index = order[place]
    stray = trial_keys[index] != keys
    if stray.any():
        line = int(np.argmax(stray))
        enrol, test = divmod(int(keys[line]), len(trials.test_names))
        _refuse_pair(f"{source}:{line + 1}", f"{trials.enrol_names[enrol]} {trials.test_names[test]}", trials)
    count = np.bincount(index, minlength=len(trials))
    if (count > 1).any():
        trial = int(np.argmax(count > 1))
        one, two = (np.flatnonzero(index == trial)[:2] + 1).tolist()
        raise ValueError(f"{source}:{two}: trial '{trials.pair(trial)}' has a score already in line {one}; keep one")
    if (count == 0).any():
        _refuse_missing(source, trials, np.flatnonzero(count == 0))
    scores = np.empty(len(trials), values.dtype)
    scores[index] = values
    return scores


def _refuse_pair(place: str, pair: str, trials: Trials) -> None:
    raise ValueError(f"{place}: '{pair}' is not among the trials of {trials.source}; score these trials alone")


def _refuse_missing(source: str, trials: Trials, missing: np.ndarray) -> None:
    index = int(missing[0])
    raise ValueError(
        f"{source}: no score of trial '{trials.pair(index)}' ({trials.source}:{index + 1})"
        f"{f' and {len(missing) - 1} others' if len(missing) > 1 else ''}; every trial needs one"
    )
