"""Search for hyper-parameters within a training part, speaker by speaker: the test part is never looked at."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechlib.traits.estimators import PARAMETERS, inner_folds
from speechlib.traits.model import Features, ModelSettings, Score, TraitModel

NETWORK_PARAMETERS = ("learning_rate", "batch_size", "epochs", "patience")


def with_parameter(settings: ModelSettings, name: str, value: Any) -> ModelSettings:
    """Settings with one parameter changed, by its name in an INI file.

    Raises:
        ValueError: no such parameter can be searched.
    """
    if name == "layers":
        return dataclasses.replace(settings, hidden=tuple(value))
    if name == "drop":
        return dataclasses.replace(settings, dropout=value)
    changed = settings
    if name in NETWORK_PARAMETERS:
        changed = dataclasses.replace(changed, network={**changed.network, name: value})
    if name in PARAMETERS:
        estimator = dataclasses.replace(changed.estimator, **{PARAMETERS[name]: value})
        changed = dataclasses.replace(changed, estimator=estimator)
    if changed is settings:
        known = ", ".join(sorted({*PARAMETERS, *NETWORK_PARAMETERS, "layers", "drop"}))
        raise ValueError(f"the parameter {name!r} cannot be searched: known are {known}")
    return changed


def search(
    settings: ModelSettings,
    values: Mapping[str, Sequence[Any]],
    x: Features,
    y: np.ndarray,
    speakers: Sequence[str] | None,
    score: Score,
) -> tuple[ModelSettings, list[dict[str, Any]]]:
    """Try all combinations on training speakers that are left out in turn, and take the best mean score.

    Scaling and balancing are fitted anew without the left-out speakers. Of equal combinations the first wins.

    Args:
        settings: of the model.
        values: by parameter, the values to try.
        x, y, speakers, score: as for TraitModel.fit, of the training part alone.

    Returns:
        The best settings, and by combination its values with `score`.

    Raises:
        ValueError: a parameter cannot be searched, or no fold has all classes in its training part.
    """
    y = np.asarray(y)
    folds = inner_folds(y, speakers)
    if settings.num_classes:
        folds = [fold for fold in folds if len(np.unique(y[~fold])) == settings.num_classes]
    if not folds:
        raise ValueError("a search needs two speakers or more in training, each class spoken by two of them")
    best, best_score, tried = settings, -np.inf, []
    for combination in itertools.product(*values.values()):
        candidate = settings
        for name, value in zip(values, combination, strict=True):
            candidate = with_parameter(candidate, name, value)
        results = []
        for left_out in folds:
            kept = None if speakers is None else [s for s, out in zip(speakers, left_out, strict=True) if not out]
            model = TraitModel(candidate).fit(rows_of(x, ~left_out), y[~left_out], kept, score)
            results.append(score(y[left_out], model.outputs(rows_of(x, left_out))))
        mean = float(np.mean(results))
        tried.append({**dict(zip(values, combination, strict=True)), "score": mean})
        if mean > best_score:
            best, best_score = candidate, mean
    return best, tried


def rows_of(x: Features, rows: np.ndarray) -> Features:
    """Features of some rows, by mask or number."""
    if isinstance(x, np.ndarray):
        return x[rows]
    rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else rows
    return [x[row] for row in rows]
