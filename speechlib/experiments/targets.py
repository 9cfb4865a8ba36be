"""What is to be predicted: classes, classes made of numbers, or numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples


def targets_of(ini: ExperimentIni, samples: Samples, part: np.ndarray, notes: list[str]):
    """Class numbers or numbers of the samples that have them, and what is left of the parts."""
    name = ini.get("DATA", "target")
    try:
        values = samples.column(name, "the target")
    except ValueError as error:
        raise ini.error("DATA", "target", str(error)) from None
    labels, bins = ini.get("DATA", "labels"), ini.get("DATA", "bins")
    has = np.array([value is not None for value in values])
    regression = ini.get("EXP", "type") == "regression"
    if regression or bins or ini.get("DATA", "type") == "continuous":
        numbers = _numbers(ini, name, samples, has)
        if regression:
            return _kept(samples, numbers, [], part, has, notes)
        values = _binned(ini, numbers, bins, labels)
        samples = samples.with_column(name, values)
    if labels:
        wanted = [str(label) for label in labels]
        known = {value for value in values if value is not None}
        unknown = [label for label in wanted if label not in known]
        if unknown:
            raise ini.error(
                "DATA", "labels", f"no sample has the label {', '.join(unknown)}; there are {', '.join(sorted(known))}"
            )
        has &= np.isin(np.array([str(value) for value in values]), wanted)
    classes = sorted({value for value, kept in zip(values, has, strict=True) if kept})
    if len(classes) < 2:
        raise ini.error("DATA", "target", f"{name} has {len(classes)} classes ({', '.join(classes)}): two are needed")
    number = {label: place for place, label in enumerate(classes)}
    target = np.array([number.get(value, -1) if kept else -1 for value, kept in zip(values, has, strict=True)])
    return _kept(samples, target, classes, part, has, notes)


def targets_of_model(ini: ExperimentIni, samples: Samples, classes: Sequence[str], notes: list[str]):
    """Samples that have a label, and their class numbers or numbers, for a model that is there already.

    Args:
        ini: of the experiment.
        samples: to be tested on.
        classes: of the model, sorted; none of a regression.
        notes: gets what is left out.

    Raises:
        ValueError: no sample has a label; or one that the model does not know, all of which are named.
    """
    name = ini.get("DATA", "target")
    values = samples.column(name, "DATA.target")
    has = np.array([value is not None for value in values])
    if not classes or ini.get("DATA", "bins"):
        numbers = _numbers(ini, name, samples, has)
        if classes:
            values = _binned(ini, numbers, ini.get("DATA", "bins"), ini.get("DATA", "labels"))
            samples = samples.with_column(name, values)
    labels = ini.get("DATA", "labels")
    if classes:
        # Where the file says which labels it is about, others are left out as in the experiment.
        chosen = {str(label) for label in labels} if labels else {value for value in values if value is not None}
        has = np.array([value in chosen for value in values])
        unknown = sorted({value for value, kept in zip(values, has, strict=True) if kept} - set(classes))
        if unknown:
            raise ini.error(
                "DATA", "target", f"the model knows {', '.join(classes)}; the test has {', '.join(unknown)}, too: "
                "leave them out with labels = [..], or rename them with <database>.mapping = {'theirs': 'ours'}"
            )  # fmt: skip
        number = {label: place for place, label in enumerate(classes)}
        numbers = np.array([number.get(value, -1) for value in values])
    if not has.any():
        raise ini.error("DATA", "target", f"no sample of the test has a label {name} that the model knows")
    kept, target, _, _ = _kept(samples, numbers, [], np.zeros(len(samples)), has, notes)
    return kept, target


def _kept(samples, target, classes, part, has, notes):
    if not has.all():
        notes.append(f"{int((~has).sum())} of {len(has)} samples without such a label are left out")
    return samples.take(has), target[has], classes, part[has]


def _numbers(ini: ExperimentIni, name: str, samples: Samples, has: np.ndarray) -> np.ndarray:
    numbers = np.full(len(samples), np.nan)
    for row in np.flatnonzero(has):
        try:
            numbers[row] = float(samples.columns[name][row])
        except ValueError:
            raise ini.error(
                "DATA", "target", f"{samples.names[row]}: {name} is {samples.columns[name][row]!r}, expected a number"
            ) from None
        if not np.isfinite(numbers[row]):
            raise ini.error("DATA", "target", f"{samples.names[row]}: {name} is not a finite number")
    numbers /= ini.get("DATA", "target_divide_by") or 1.0
    for database in dict.fromkeys(samples.databases):
        rows = np.array([x == database for x in samples.databases]) & has
        if ini.database(database, "reverse"):
            most = ini.database(database, "reverse.max")
            numbers[rows] = np.abs(numbers[rows] - (numbers[rows].max() if most is None else most))
        if ini.database(database, "scale"):
            numbers[rows] = (numbers[rows] - numbers[rows].mean()) / (numbers[rows].std() or 1.0)
    return numbers


def _binned(ini: ExperimentIni, numbers: np.ndarray, bins, labels) -> list[str | None]:
    if not bins or len(bins) < 3 or sorted(set(bins)) != list(bins):
        raise ini.error("DATA", "bins", f"expected three or more rising edges to make classes of numbers, got {bins}")
    names = [str(label) for label in labels] if labels else [f"{a}_{b}" for a, b in zip(bins, bins[1:], strict=False)]
    if len(names) != len(bins) - 1:
        raise ini.error("DATA", "labels", f"{len(bins)} edges make {len(bins) - 1} classes, got {len(names)} labels")
    values: list[str | None] = []
    for number in numbers:
        place = int(np.searchsorted(bins, number, side="right")) - 1
        values.append(names[place] if np.isfinite(number) and 0 <= place < len(names) else None)
    return values
