"""How the target of an experiment depends on features, traits and other labels: a table of effects."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.traits.multiple_tests import benjamini_hochberg, holm
from speechlib.traits.statistics import Effect, associate_labels, compare_groups, relate_features

ALPHA = 0.05
_FIELDS = (
    "feature", "label", "test", "unit", "num_units", "effect", "size", "statistic", "p_value", "p_holm", "p_bh",
    "speaker_icc", "note",
)  # fmt: skip


def relate_numbers(
    ini: ExperimentIni, data: ExperimentData, names: Sequence[str], values: np.ndarray, notes: list[str]
) -> list[Effect]:
    """Effects of the target on numbers, the largest first; p-values are corrected for all of them.

    Args:
        ini: EXPL.by_speaker says what is counted as independent.
        data: samples and target.
        names: of the columns.
        values: (rows, columns), NaN for what is missing.
        notes: gets what is left out.

    Raises:
        ValueError: too few samples, or speakers, to compare; with the place in the INI file.
    """
    target, by_speaker = ini.get("DATA", "target"), ini.get("EXPL", "by_speaker")
    try:
        if not data.classes:
            return relate_features(values, names, data.target, target, data.speakers, by_speaker)
        keep = _frequent([data.classes[place] for place in data.target], target, notes)
        groups = [data.classes[place] for place in data.target[keep]]
        speakers = None if data.speakers is None else [data.speakers[row] for row in np.flatnonzero(keep)]
        return compare_groups(values[keep], names, groups, target, speakers, by_speaker)
    except ValueError as error:
        key = "by_speaker" if by_speaker else "target"
        raise ini.error("EXPL" if by_speaker else "DATA", key, str(error)) from None


def relate_labels(
    ini: ExperimentIni, data: ExperimentData, columns: Mapping[str, Sequence[str | None]], notes: list[str]
) -> list[Effect]:
    """Effects between the target and other labels; samples are counted, and values that are missing are a value.

    Args:
        ini, data, notes: as for `relate_numbers`.
        columns: (rows,) labels by name.
    """
    target = ini.get("DATA", "target")
    filled = {name: [value or "(none)" for value in values] for name, values in columns.items()}
    if data.classes:
        return associate_labels(filled, [data.classes[place] for place in data.target], target) if filled else []
    effects = []
    for name, values in filled.items():
        keep = _frequent(values, name, notes)
        groups = [values[row] for row in np.flatnonzero(keep)]
        if len(set(groups)) > 1:
            effects += compare_groups(data.target[keep, None], [target], groups, name)
    p_values = [effect.p_value for effect in effects]
    corrected = zip(effects, holm(p_values).tolist(), benjamini_hochberg(p_values).tolist(), strict=True)
    return [
        dataclasses.replace(effect, feature=effect.label, label=target, p_holm=first, p_bh=second)
        for effect, first, second in corrected
    ]


def effects_tsv(effects: Sequence[Effect]) -> str:
    """A table of all effects, with the means by group in one column."""
    lines = ["\t".join([*_FIELDS, "means"])]
    for effect in effects:
        cells = []
        for name in _FIELDS:
            value = getattr(effect, name)
            cells.append("" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value))
        means = ", ".join(f"{group}={mean:.6g}" for group, mean in effect.means.items())
        lines.append("\t".join([*cells, means]))
    return "\n".join(lines) + "\n"


def _frequent(values: Sequence[str], name: str, notes: list[str]) -> np.ndarray:
    """(rows,) mask of the rows whose value is not the only one of its kind."""
    counts = Counter(values)
    rare = sorted(value for value, count in counts.items() if count < 2)
    if rare:
        notes.append(f"{name}: {', '.join(rare)} is there once, and in no test")
    return np.array([counts[value] > 1 for value in values])
