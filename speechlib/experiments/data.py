"""What an experiment works on: from the [DATA] section to samples with a target, and folds of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from speechlib.experiments.databases import database_names, load_database, matches
from speechlib.experiments.folds import Fold, check_folds, make_folds, split_of_database
from speechlib.experiments.targets import targets_of
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples, check_audio, join_samples
from speechlib.traits.splits import limit_per_group


@dataclass
class ExperimentData:
    """What an experiment works on.

    Args:
        samples: all samples that are in some part, sorted by database and name.
        target: (rows,) class numbers, or numbers.
        classes: sorted names of the classes; empty for a regression.
        folds: one, or several of a cross-validation.
        notes: what was left out and why, for the report.
    """

    samples: Samples
    target: np.ndarray
    classes: list[str]
    folds: list[Fold]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def speakers(self) -> list[str] | None:
        """(rows,) speakers, or None where they are not known."""
        column = self.samples.columns.get("speaker")
        return None if column is None or None in column else list(column)


def load_data(ini: ExperimentIni, say: Callable[[str], None]) -> ExperimentData:
    """Read, filter and split the databases of an experiment.

    Raises:
        ValueError: whatever does not fit, with the place in the INI file, or in the data.
    """
    names, notes = database_names(ini), []
    tables = [load_database(ini, name, notes) for name in names]
    splits = [split_of_database(ini, name, table) for name, table in zip(names, tables, strict=True)]
    samples = join_samples(tables)
    part = np.concatenate(splits)
    order = np.array(sorted(range(len(samples)), key=samples.key), int)
    samples, part = samples.take(order), part[order]
    _check_once(samples)
    keep = part != ""
    samples, part = samples.take(keep), part[keep]
    samples, part = _limit(ini, samples, part, notes)
    samples, target, classes, part = targets_of(ini, samples, part, notes)
    check_audio(samples)
    folds = make_folds(ini, samples, target, part, notes)
    check_folds(ini, folds, target, classes)
    for note in notes:
        say(note)
    return ExperimentData(samples, target, classes, folds, notes)


def _limit(ini: ExperimentIni, samples: Samples, part: np.ndarray, notes: list[str]):
    """The limits of [DATA], for each part by itself."""
    keep, seed = np.ones(len(samples), bool), ini.get("EXP", "seed")
    chosen = ini.get("DATA", "filter.sample_selection")
    if chosen != "all":
        keep &= matches(ini, samples, ini.get("DATA", "filter")) | (part != chosen)
    shortest = ini.get("DATA", "min_dur_test")
    if shortest:
        check_audio(samples)
        keep &= [which != "test" or samples.duration(row) >= shortest for row, which in enumerate(part)]
    samples, part = samples.take(keep), part[keep]
    dropped = int((~keep).sum())
    names = [samples.key(row) for row in range(len(samples))]
    limit = ini.get("DATA", "limit_samples")
    if limit:
        keep = limit_per_group(names, list(part), limit, seed)
        samples, part, dropped = samples.take(keep), part[keep], dropped + int((~keep).sum())
        names = [samples.key(row) for row in range(len(samples))]
    limit = ini.get("DATA", "limit_samples_per_speaker") or ini.get("DATA", "samples_per_speaker")
    if limit:
        speakers = samples.column("speaker", "DATA.limit_samples_per_speaker")
        groups = [f"{which}\t{speaker}" for which, speaker in zip(part, speakers, strict=True)]
        keep = limit_per_group(names, groups, limit, seed)
        samples, part, dropped = samples.take(keep), part[keep], dropped + int((~keep).sum())
    if dropped:
        notes.append(f"{dropped} samples are left out by the limits of [DATA]")
    return samples, part


def _check_once(samples: Samples) -> None:
    for row in range(1, len(samples)):
        if samples.key(row) == samples.key(row - 1):
            raise ValueError(f"{samples.databases[row]}: {samples.names[row]} is there twice: keep one of them")
