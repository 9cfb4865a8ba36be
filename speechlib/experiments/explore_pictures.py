"""The pictures of explore: counts of labels, distributions of traits and features, projections to the plane."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.experiments.pictures import Pictures
from speechlib.experiments.traits import MEASURED, Trait, trait_column
from speechlib.io.cli import nearest
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.report.result_figures import scatter_panels, tsne
from speechlib.report.split_distributions import split_distributions
from speechlib.report.trait_figures import distributions, feature_scatter, value_counts

_MOST_VALUES = 40  # of a label that are drawn
_MOST_POINTS = 2000  # of a projection
_FEW_NUMBERS = 12  # a column of numbers with no more different ones is a label


class Columns:
    """Everything that is known of each sample by name: labels, traits, database.

    Args:
        data: the samples.
        traits: of them; `<trait>_pred`, and by their plain name, too, where no label has it.
    """

    def __init__(self, data: ExperimentData, traits: Mapping[str, Trait]):
        labels = {name: values for name, values in data.samples.columns.items() if not name.startswith("table:")}
        predicted = {trait_column(name): values for name, values in traits.items()}
        self._columns = {**traits, "database": data.samples.databases, **labels, **predicted}

    def get(self, name: str) -> Trait:
        """(rows,) numbers with NaN for none, or labels with `(none)`."""
        values = self._columns[name]
        if isinstance(values, np.ndarray):
            return values
        try:
            numbers = np.array([np.nan if value is None else float(value) for value in values])
        except ValueError:
            numbers = np.zeros(0)
        if len(numbers) and len(np.unique(numbers[np.isfinite(numbers)])) > _FEW_NUMBERS and name != "speaker":
            return numbers
        return ["(none)" if value is None else str(value) for value in values]


@dataclass(frozen=True)
class Wanted:
    """Columns to draw: those of EXPL.value_counts, one or two each time, and those that colour projections."""

    counts: list[list[str]]
    colours: list[str]


def wanted_columns(ini: ExperimentIni, labels: Sequence[str], traits: Sequence[str]) -> Wanted:
    """What the INI file wants drawn; by default the target by gender, the speakers by target, and the target.

    Args:
        ini: of the experiment.
        labels, traits: names of those that there are.

    Raises:
        ValueError: a column that is not there; the nearest is named.
    """
    target, known = ini.get("DATA", "target"), [*labels, *traits, *map(trait_column, traits), "database"]
    counts = [
        [str(name) for name in item] if isinstance(item, list | tuple) else [str(item)]
        for item in ini.get("EXPL", "value_counts")
    ]
    colours = [str(name) for name in ini.get("EXPL", "scatter.target") or [target]]
    for item in counts:
        if not 1 <= len(item) <= 2:
            raise ini.error("EXPL", "value_counts", f"expected one column or two, got {item!r}")
    for key, names in (("value_counts", [name for item in counts for name in item]), ("scatter.target", colours)):
        for name in names:
            if name not in known:
                raise ini.error("EXPL", key, f"there is no column {name!r}{nearest(name, known)}; there are "
                                f"{', '.join(known)}")  # fmt: skip
    by_gender = [target, *(["gender"] if "gender" in labels else [])]
    return Wanted(counts or [by_gender, *([["speaker", target]] if "speaker" in labels else [])], colours)


def draw_counts(wanted: Wanted, columns: Columns, pictures: Pictures) -> None:
    """Counts of labels, or distributions of numbers.

    Args:
        wanted: columns.
        columns: of the samples.
        pictures: gets them.
    """
    for names in wanted.counts:
        values = [columns.get(name) for name in names]
        title, stem = " by ".join(names), "counts_" + "_".join(map(file_stem, names))
        if any(isinstance(column, np.ndarray) for column in values):
            _draw_number(names, values, pictures, title, stem)
        else:
            _draw_labels(names, values, pictures, title, stem)


def draw_traits(
    data: ExperimentData, traits: Mapping[str, Trait], target: str, pictures: Pictures, split: Sequence[str] | None
) -> None:
    """Distributions of traits by the target, or points over a target of numbers.

    Args:
        data, traits: of the samples.
        target: its name.
        pictures: gets them.
        split: (rows,) genders, or None.
    """
    for name, values in traits.items():
        if isinstance(values, np.ndarray) and np.isfinite(values).sum() > 1:
            unit = f" ({MEASURED[name]})" if name in MEASURED else ""
            title = f"Trait {name}"
            _draw_by_target(data, values, f"{name}{unit}", target, split, pictures, f"trait_{file_stem(name)}", title)


def draw_features(
    data: ExperimentData,
    chosen: Sequence[str],
    values: Mapping[str, np.ndarray],
    target: str,
    pictures: Pictures,
    split: Sequence[str] | None,
) -> None:
    """The same for features that are chosen, in that order."""
    for place, name in enumerate(chosen, 1):
        stem = f"feature{place}_{file_stem(name)}"
        _draw_by_target(data, values[name], name, target, split, pictures, stem, f"Feature {name}")


def draw_projections(
    ini: ExperimentIni, wanted: Wanted, columns: Columns, vectors: np.ndarray, pictures: Pictures, notes: list[str]
) -> None:
    """The samples in the plane.

    Args:
        ini: of the experiment.
        wanted: what colours them.
        columns: of the samples.
        vectors: (rows, columns) standardised features.
        pictures: gets them.
        notes: gets what cannot be drawn.
    """
    kinds = ini.get("EXPL", "scatter")
    if not kinds:
        return
    if vectors.shape[1] < 2 or len(vectors) < 3:
        notes.append(f"no projection to the plane: {len(vectors)} samples with {vectors.shape[1]} features")
        return
    seed = ini.get("EXP", "seed")
    rows = np.arange(len(vectors))
    if len(rows) > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_POINTS, replace=False))
        notes.append(f"projections show {_MOST_POINTS} of {len(vectors)} samples, drawn by the seed")
    panels = {}
    if "pca" in kinds:
        panels |= _pca(vectors[rows])
    if "tsne" in kinds:
        panels["t-SNE (cosine)"] = tsne(vectors[rows], seed)
    for name in wanted.colours:
        values = columns.get(name)
        labels = _thirds(values) if isinstance(values, np.ndarray) else _most_frequent(values)
        pictures.add(
            f"projection_{file_stem(name)}", scatter_panels(panels, [labels[row] for row in rows], legend_title=name),
            f"Projections, coloured by {name}", "Of standardised features; the coordinates mean nothing by themselves.",
        )  # fmt: skip


def file_stem(name: str) -> str:
    """A name of a column as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _draw_by_target(data, values, label, target, split, pictures: Pictures, stem: str, title: str) -> None:
    there = np.isfinite(values)
    left_out = f"{int((~there).sum())} samples have no value." if not there.all() else ""
    rows = np.flatnonzero(there)
    if not data.classes:
        groups = ["samples"] * len(rows) if split is None else [split[row] for row in rows]
        figure = feature_scatter(values[rows], data.target[rows], groups, label, target,
                                 legend_title="" if split is None else "gender")  # fmt: skip
    elif split is None:
        figure = distributions(_by(data, rows, values), label, target)
    else:
        parts: dict[str, dict[str, list[float]]] = {name: {} for name in data.classes}
        for row in rows:
            parts[data.classes[data.target[row]]].setdefault(split[row], []).append(values[row])
        figure = split_distributions(parts, label, target, part_label="gender")
    pictures.add(stem, figure, title, left_out)


def _by(data: ExperimentData, rows: np.ndarray, values: np.ndarray) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {name: [] for name in data.classes}
    for row in rows:
        groups[data.classes[data.target[row]]].append(values[row])
    return {name: members for name, members in groups.items() if members}


def _draw_labels(names, values, pictures: Pictures, title: str, stem: str) -> None:
    first, second = values[0], values[-1] if len(values) > 1 else ["samples"] * len(values[0])
    counts: dict[str, dict[str, int]] = {}
    kept = [name for name, _ in sorted(Counter(first).most_common(_MOST_VALUES))]
    others = _most_frequent(second)
    for value, part in sorted(zip(first, others, strict=True)):
        if value in kept:
            own = counts.setdefault(value, {})
            own[part] = own.get(part, 0) + 1
    more = len(set(first)) - len(kept)
    caption = f"The {len(kept)} most frequent; {more} more are not drawn." if more else ""
    label = names[1] if len(names) > 1 else ""
    pictures.add(stem, value_counts(counts, names[0], part_label=label, ylabel="samples"), title, caption)


def _draw_number(names, values, pictures: Pictures, title: str, stem: str) -> None:
    """A number by a label (or over another number), or by itself."""
    if len(values) > 1 and all(isinstance(column, np.ndarray) for column in values):
        there = np.isfinite(values[0]) & np.isfinite(values[1])
        labels = ["samples"] * int(there.sum())
        figure = feature_scatter(values[0][there], values[1][there], labels, names[0], names[1])
    else:
        place = next(index for index, column in enumerate(values) if isinstance(column, np.ndarray))
        labels = _most_frequent(values[1 - place]) if len(values) > 1 else ["samples"] * len(values[0])
        groups: dict[str, list[float]] = {}
        for label, number in sorted(zip(labels, values[place].tolist(), strict=True)):
            if np.isfinite(number):
                groups.setdefault(label, []).append(number)
        figure = distributions(groups, names[place], names[1 - place] if len(names) > 1 else "")
    pictures.add(stem, figure, title, "")


def _most_frequent(values: Sequence[str], most: int = _MOST_VALUES) -> list[str]:
    """The values, those beyond the most frequent ones as `others`."""
    kept = {value for value, _ in Counter(values).most_common(most)}
    return [value if value in kept else "others" for value in values]


def _thirds(values: np.ndarray) -> list[str]:
    """Numbers as labels: the lowest, the middle and the highest third."""
    there = np.isfinite(values)
    low, high = np.quantile(values[there], [1 / 3, 2 / 3]) if there.any() else (0.0, 0.0)
    names = (f"1: up to {low:.3g}", f"2: to {high:.3g}", f"3: above {high:.3g}")
    return [
        "(none)" if not known else names[int(value > low) + int(value > high)]
        for value, known in zip(values, there, strict=True)
    ]


def _pca(vectors: np.ndarray) -> dict[str, np.ndarray]:
    """By heading, which says how much of the variance they hold, (rows, 2) coordinates."""
    from sklearn.decomposition import PCA

    found = PCA(2, svd_solver="full").fit(vectors)
    first, second = found.explained_variance_ratio_
    return {f"PCA ({first:.0%} and {second:.0%} of the variance)": found.transform(vectors)}
