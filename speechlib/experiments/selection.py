"""The samples that explore, predict and their like work on: all, or one part of the experiment's split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from speechlib.experiments.data import ExperimentData, load_data
from speechlib.experiments.databases import database_names, load_database
from speechlib.experiments.targets import targets_of
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples, check_audio, join_samples


def selected_samples(ini: ExperimentIni, section: str, say: Callable[[str], None]) -> Samples:
    """The samples of `<section>.sample_selection`, sorted by database and name.

    All samples of DATA.databases need neither a split nor labels; a part needs both.

    Raises:
        ValueError: no database, no such part, a cross-validation (which has a part for each fold), or audio that cannot
            be used; all of it is listed.
    """
    if ini.get(section, "sample_selection") == "all":
        return _all_samples(ini, say)
    return _part(ini, section, say).samples


def selected_data(ini: ExperimentIni, section: str, say: Callable[[str], None]) -> ExperimentData:
    """The same samples with their targets, without folds; samples without a label are left out.

    Raises:
        ValueError: as above, or no such column; the nearest is named.
    """
    if ini.get(section, "sample_selection") != "all":
        return _part(ini, section, say)
    notes: list[str] = []
    samples = _all_samples(ini, say)
    samples, target, classes, _ = targets_of(ini, samples, np.zeros(len(samples)), notes)
    for note in notes:
        say(note)
    return ExperimentData(samples, target, classes, [], notes)


def _all_samples(ini: ExperimentIni, say: Callable[[str], None]) -> Samples:
    notes: list[str] = []
    samples = join_samples([load_database(ini, name, notes) for name in database_names(ini)])
    check_audio(samples)
    for note in notes:
        say(note)
    return samples.take(sorted(range(len(samples)), key=samples.key))


def _part(ini: ExperimentIni, section: str, say: Callable[[str], None]) -> ExperimentData:
    which = ini.get(section, "sample_selection")
    data = load_data(ini, say)
    if len(data.folds) > 1:
        raise ini.error(
            section, "sample_selection", f"a cross-validation has {len(data.folds)} {which} parts, not one: choose "
            "all, or a split without loso, logo and k_fold_cross"
        )  # fmt: skip
    rows = np.sort(getattr(data.folds[0], which))
    return ExperimentData(data.samples.take(rows), data.target[rows], data.classes, [], data.notes)
