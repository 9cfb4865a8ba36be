"""Training and testing of a model in every fold of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.experiments.features import FeatureTable
from speechlib.experiments.folds import Fold
from speechlib.experiments.settings import encoder_maker, model_score, model_settings
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.traits.model import Features, TraitModel
from speechlib.traits.scaling import scale_by_speaker
from speechlib.traits.tuning import rows_of, search


@dataclass
class FoldOutcome:
    """What a model said of the test part of a fold.

    Args:
        fold: its rows.
        outputs: (test rows, classes) probabilities, or (test rows, 1) numbers.
        chosen: parameters that a search chose, by name.
        epoch: that was taken, of networks.
        curve: of networks, by epoch.
    """

    fold: Fold
    outputs: np.ndarray
    chosen: dict[str, Any] = field(default_factory=dict)
    epoch: int | None = None
    curve: list = field(default_factory=list)


def run_folds(
    ini: ExperimentIni, data: ExperimentData, features: FeatureTable, seed: int, say: Callable[[str], None]
) -> list[FoldOutcome]:
    """Train and test in every fold; settings are searched, scalings fitted and epochs chosen in the training part.

    Args:
        ini, data, features: of the experiment.
        seed: of the models.
        say: is told about each fold.
    """
    num_classes = len(data.classes)
    name, score = model_score(ini, num_classes)
    x = experiment_features(ini, data, features)
    outcomes = []
    for fold in data.folds:
        model, chosen = fit(ini, data, x, fold.train, fold.dev, seed)
        outputs = model.outputs(rows_of(x, fold.test))
        outcomes.append(FoldOutcome(fold, outputs, chosen, model.epoch, model.curve))
        reached = abs(score(data.target[fold.test], outputs))
        extra = "".join(f", {key} {value}" for key, value in chosen.items())
        say(f"{fold.name}: {len(fold.train)} training samples, {len(fold.test)} of test: {name} {reached:.3f}{extra}")
    return outcomes


def fit(
    ini: ExperimentIni, data: ExperimentData, x: Features, train: np.ndarray, dev: np.ndarray, seed: int
) -> tuple[TraitModel, dict[str, Any]]:
    """A model trained on some rows; with it the parameters that a search within them chose."""
    num_classes = len(data.classes)
    _, score = model_score(ini, num_classes)
    settings = model_settings(ini, num_classes, seed)
    speakers = None if data.speakers is None else [data.speakers[row] for row in train]
    own_x, own_y = rows_of(x, train), data.target[train]
    chosen = {}
    if ini.tuned():
        values = {name: ini.tuning_values(name) for name in ini.tuned()}
        try:
            settings, tried = search(settings, values, own_x, own_y, speakers, score)
        except ValueError as error:
            raise ini.error("MODEL", "tuning_params", str(error)) from None
        best = max(tried, key=lambda row: row["score"])
        chosen = {name: best[name] for name in values}
    _, make_encoder = encoder_maker(ini)
    held_out = (rows_of(x, dev), data.target[dev]) if len(dev) and settings.network else None
    model = TraitModel(settings, make_encoder).fit(own_x, own_y, speakers, score, held_out)
    return model, chosen


def experiment_features(ini: ExperimentIni, data: ExperimentData, features: FeatureTable) -> Features:
    """The features, standardised by speaker where FEATS.scale asks for it: the one scaling that sees test samples."""
    if ini.get("FEATS", "scale") != "speaker":
        return features.values
    if data.speakers is None or not isinstance(features.values, np.ndarray):
        raise ini.error("FEATS", "scale", "scaling by speaker needs the speaker of every sample, and feature vectors")
    return scale_by_speaker(features.values, data.speakers)


def gathered(data: ExperimentData, outcomes: Sequence[FoldOutcome]) -> tuple[np.ndarray, np.ndarray]:
    """Test rows of all folds in ascending order, and their outputs; a row that several folds test has their mean."""
    total = np.zeros((len(data.samples), outcomes[0].outputs.shape[1]))
    count = np.zeros(len(data.samples))
    for outcome in outcomes:
        total[outcome.fold.test] += outcome.outputs
        count[outcome.fold.test] += 1
    rows = np.flatnonzero(count)
    return rows, total[rows] / count[rows, None]
