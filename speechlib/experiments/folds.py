"""Training, dev and test parts: by the split strategies of the databases, or in the folds of a cross-validation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.utterances import read_utterances
from speechlib.traits.splits import group_folds, split_balanced, split_random, split_speakers, stratified_folds

PARTS = ("train", "dev", "test")


@dataclass
class Fold:
    """Numbers of the rows that a model is trained on, chooses its epoch on, and is tested on."""

    name: str
    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray


def make_folds(
    ini: ExperimentIni, samples: Samples, target: np.ndarray, part: np.ndarray, notes: list[str]
) -> list[Fold]:
    """The folds of a cross-validation, or the one fold of the databases' splits.

    Args:
        ini: of the experiment.
        samples: of all parts.
        target: (rows,) class numbers, or numbers.
        part: (rows,) `train`, `dev` or `test` by the databases' split strategies.
        notes: is told where dev has no speakers of its own.
    """
    seed = ini.get("EXP", "seed")
    wanted = [key for key in ("loso", "logo", "k_fold_cross") if ini.get("MODEL", key)]
    if len(wanted) > 1:
        raise ini.error("MODEL", wanted[1], f"{' and '.join(wanted)} cannot both be had: keep one of them")
    rows = np.arange(len(samples))
    if wanted:
        names = [samples.key(row) for row in rows]
        if wanted[0] == "k_fold_cross":
            masks = stratified_folds(names, [str(x) for x in target], ini.get("MODEL", "k_fold_cross"), seed)
        else:
            speakers = _needed_speakers(samples, wanted[0])
            groups = None if wanted[0] == "loso" else ini.get("MODEL", "logo")
            masks = group_folds(speakers, groups, seed)
        folds = [Fold(name, rows[~mask], rows[:0], rows[mask]) for name, mask in masks.items()]
    else:
        folds = [Fold("split", *(rows[part == name] for name in PARTS))]
    if has_dev(ini):
        for number, fold in enumerate(folds):
            if not len(fold.dev) and len(fold.train) > 1:
                held_out = _dev_of_training(samples, fold, seed + number, notes)
                fold.train, fold.dev = fold.train[~held_out], fold.train[held_out]
    return folds


def _dev_of_training(samples: Samples, fold: Fold, seed: int, notes: list[str]) -> np.ndarray:
    """(training rows,) mask of a fifth of the speakers of training, or of its samples where it has no two of them."""
    speakers = samples.columns.get("speaker", [None] * len(samples))
    own = [speakers[row] for row in fold.train]
    if None not in own and len(set(own)) > 1:
        return split_speakers(own, 20.0, seed)
    notes.append(f"fold {fold.name}: its training has no two known speakers, so dev is of the same voices")
    return split_random([samples.key(row) for row in fold.train], 20.0, seed)


def has_dev(ini: ExperimentIni) -> bool:
    """Whether a dev part is taken from training: where it is asked for, and where epochs are chosen (patience)."""
    return ini.get("EXP", "traindevtest") or bool(ini.get("MODEL", "patience"))


def check_folds(ini: ExperimentIni, folds: Sequence[Fold], target: np.ndarray, classes: Sequence[str]) -> None:
    """Raise a ValueError, which names them all, if parts are empty or classes lack training samples."""
    problems = []
    for fold in folds:
        for name in ("train", "test"):
            if not len(getattr(fold, name)):
                problems.append(f"fold {fold.name}: its {name} part is empty")
        if classes and len(fold.train) and len(fold.test):
            trained, tested = set(target[fold.train]), set(target[fold.test])
            unseen = sorted(classes[label] for label in tested - trained)
            if unseen:
                problems.append(f"fold {fold.name}: no training sample of {', '.join(unseen)}, which its test part has")
            lacking = sorted(classes[label] for label in set(range(len(classes))) - trained - tested)
            if lacking:
                problems.append(f"fold {fold.name}: no training sample of {', '.join(lacking)}")
    if problems:
        raise ValueError(
            f"{ini.path}: the split does not allow training; change split_strategy, labels or the filters:\n  "
            + "\n  ".join(problems)
        )


def split_of_database(ini: ExperimentIni, name: str, samples: Samples) -> np.ndarray:
    """(rows,) train, dev or test, or nothing for rows that are in no part."""
    strategy = ini.database(name, "split_strategy")
    where = ini.where("DATA", f"{name}.split_strategy".lower())
    seed, with_dev = ini.get("EXP", "seed"), has_dev(ini)
    part = np.full(len(samples), "train", dtype=object)
    cross = any(ini.get("MODEL", key) for key in ("loso", "logo", "k_fold_cross"))
    try:
        if isinstance(strategy, list | tuple):
            speakers = samples.column("speaker", "a list of test speakers")
            _check_values("speaker", strategy, speakers)
            part[np.isin(speakers, [str(speaker) for speaker in strategy])] = "test"
        elif cross and strategy in ("speaker_split", "random", "balanced"):
            pass  # the folds come later, and of all samples
        elif strategy in PARTS:
            part[:] = strategy
        elif strategy in ("speaker_split", "random", "balanced"):
            part[_drawn(ini, name, samples, strategy, ini.database(name, "test_size"), seed)] = "test"
            rest = np.flatnonzero(part == "train")
            # Where one speaker is left, dev is taken of the samples, when the folds are made.
            if with_dev and (strategy == "random" or len({samples.columns["speaker"][row] for row in rest}) > 1):
                share = ini.database(name, "dev_size")
                part[rest[_drawn(ini, name, samples.take(rest), strategy, share, seed + 1)]] = "dev"
        elif strategy == "speakers_stated":
            _assign(part, samples, "speaker", {which: ini.database(name, which) for which in PARTS})
        elif strategy == "column":
            column = ini.database(name, "split_column")
            if not column:
                raise ValueError(f"it needs {name}.split_column = <column>")
            _assign(part, samples, column, {which: ini.database(name, f"{which}_vals") for which in PARTS})
        elif strategy in ("specified", "database"):
            _assign_tables(ini, name, samples, part, strategy)
        else:
            raise ValueError(
                f"unknown or unsupported value {strategy!r}; known are database, specified, speaker_split, random, "
                "balanced, speakers_stated, column, train, dev, test, or a list of test speakers"
            )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if ini.database(name, "as_test"):
        part[part != "test"] = ""
    if ini.database(name, "as_train"):
        part[part != "train"] = ""
    return part


def _drawn(ini, name: str, samples: Samples, strategy: str, per_cent: float, seed: int) -> np.ndarray:
    if strategy == "random":
        return split_random([samples.key(row) for row in range(len(samples))], per_cent, seed)
    speakers = samples.column("speaker", f"split_strategy = {strategy}")
    if None in speakers:
        raise ValueError(f"{samples.names[speakers.index(None)]} has no speaker: {strategy} needs that of every sample")
    if strategy == "speaker_split":
        return split_speakers(speakers, per_cent, seed)
    wanted = ini.get("DATA", "balance") or {ini.get("DATA", "target"): 1}
    columns = {
        str(column): (_groups(samples.column(str(column), "DATA.balance"), ini.num_bins(str(column))), float(weight))
        for column, weight in wanted.items()
    }
    return split_balanced(speakers, columns, per_cent, seed, ini.get("DATA", "size_diff_weight"))


def _groups(values: Sequence[str | None], num_bins: int | None) -> list[str]:
    """Values to spread evenly; numbers as so many bins of about as many samples."""
    if num_bins is None:
        return [str(value) for value in values]
    try:
        numbers = np.array([np.nan if value is None else float(value) for value in values])
    except ValueError as error:
        raise ValueError(f"its bins are of numbers: {error}") from None
    edges = np.nanquantile(numbers, np.linspace(0, 1, num_bins + 1)[1:-1])
    return [str(np.searchsorted(edges, number, side="right")) if number == number else "None" for number in numbers]


def _assign(part: np.ndarray, samples: Samples, column: str, wanted: dict[str, Sequence | None]) -> None:
    """Parts by the values of a column; without values for training, what is in no other part is for training."""
    values = np.array(samples.column(column, "the split"), dtype=object)
    if wanted["train"]:
        part[:] = ""
    taken: dict[str, str] = {}
    for which in PARTS:
        listed = [str(value) for value in wanted[which] or []]
        _check_values(column, listed, values)
        for value in listed:
            if value in taken:
                raise ValueError(f"{column} {value} is for {taken[value]} and for {which}: keep one of them")
            taken[value] = which
        part[np.isin(values, listed)] = which
    if not wanted["test"] and not wanted["dev"]:
        raise ValueError(f"no value of {column} is for test or dev")


def _assign_tables(ini, name: str, samples: Samples, part: np.ndarray, strategy: str) -> None:
    """Parts by tables of an audformat database, which its reader noted as columns, or by lists of utterances."""
    part[:] = ""
    for which in PARTS:
        listed = ini.database(name, f"{which}_tables")
        if strategy == "database":
            listed = [f"{ini.get('DATA', 'target')}.{which}"]
        for table in listed or []:
            column = f"table:{table}"
            if column in samples.columns:
                members = [value is not None for value in samples.columns[column]]
            elif os.path.isfile(str(table)):
                names = set(read_utterances(str(table)))
                members = [sample in names for sample in samples.names]
            elif strategy == "database":
                continue
            else:
                known = [column[6:] for column in samples.columns if column.startswith("table:")]
                raise ValueError(
                    f"{table}: neither a table of the database ({', '.join(known) or 'none'}) nor a list of utterances"
                )
            part[np.array(members, bool)] = which
    if not (part == "train").any() and not (part == "test").any():
        raise ValueError(f"no sample is in a table for training or test: give {name}.train_tables and .test_tables")


def _check_values(column: str, listed: Sequence, values: Sequence) -> None:
    known = {str(value) for value in values if value is not None}
    unknown = [str(value) for value in listed if str(value) not in known]
    if unknown:
        raise ValueError(f"no sample has {column} {', '.join(unknown)}; there are {', '.join(sorted(known)[:20])}")


def _needed_speakers(samples: Samples, what: str) -> list[str]:
    speakers = samples.column("speaker", what)
    if None in speakers:
        raise ValueError(f"{samples.names[speakers.index(None)]} has no speaker, which {what} needs of every sample")
    return [str(speaker) for speaker in speakers]
