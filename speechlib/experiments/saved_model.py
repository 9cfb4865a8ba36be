"""A trained model on disk, and back: with its features, classes and scaling, ready to judge any audio."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.experiments.features import FeatureTable, extract_features
from speechlib.experiments.outcome import experiment_folder, store_folder
from speechlib.experiments.settings import encoder_maker, on_frames
from speechlib.experiments.training import experiment_features, fit
from speechlib.experiments.waveforms import waveform_table
from speechlib.io.atomic import write_text
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.trait_models import read_trait_model, write_trait_model
from speechlib.traits.estimators import Classifier, EstimatorOptions, Regression
from speechlib.traits.model import NETWORKS, ModelSettings, TraitModel
from speechlib.traits.scaling import Scaler

INI = "experiment.ini"


def model_folder(ini: ExperimentIni) -> Path:
    """Where an experiment keeps its model."""
    return experiment_folder(ini) / "model"


def save_model(ini: ExperimentIni, data: ExperimentData, features: FeatureTable, seed: int) -> Path:
    """Train on the training part of the split, or on all samples after a cross-validation, and keep the model.

    Raises:
        ValueError: the features are scaled by speaker, which a single file has not.
    """
    if ini.get("FEATS", "scale") == "speaker":
        raise ini.error("FEATS", "scale", "a model with scaling by speaker cannot judge single files: nothing to save")
    if "import" in ini.get("FEATS", "type"):
        raise ini.error("FEATS", "type", "imported features cannot be computed of other files: nothing to save")
    fold = data.folds[0]
    several = len(data.folds) > 1
    train = np.arange(len(data.samples)) if several else fold.train
    dev = fold.dev[:0] if several else fold.dev
    model, chosen, _ = fit(ini, data, experiment_features(ini, data, features), train, dev, seed)
    scaler = model.scaler
    about: dict[str, Any] = {
        "target": ini.get("DATA", "target"), "classes": data.classes, "columns": features.names,
        "settings": dataclasses.asdict(model.settings), "chosen": chosen,
        "scaler": None if scaler is None else {
            "kind": scaler.kind, "shift": scaler.shift.tolist(), "scale": scaler.scale.tolist()
        },
        "target_shift": model.target_shift, "target_scale": model.target_scale,
        "trained_on": [data.samples.key(row) for row in train],
        "speakers": sorted({data.speakers[row] for row in train}) if data.speakers else [],
    }  # fmt: skip
    folder = model_folder(ini)
    if model.settings.kind in NETWORKS:
        about["input_dim"] = 0 if model.settings.kind == "finetune" else len(features.names)
        write_trait_model(folder, about, weights=model.core.state_dict())
    else:
        if isinstance(model.core, Classifier):
            about["decision_scale"], about["log_priors"] = model.core.scale, model.core.log_priors
        write_trait_model(folder, about, estimator=model.core.estimator)
    write_text(folder / INI, ini.text)
    return folder


class SavedModel:
    """A model that an experiment kept.

    Args:
        ini: of that experiment.

    Attributes:
        about: what was noted of it.
        classes: sorted names; empty for a regression.
        target: what it predicts.

    Raises:
        FileNotFoundError: the experiment kept none.
        ValueError: the folder is damaged.
    """

    def __init__(self, ini: ExperimentIni):
        folder = model_folder(ini)
        self.about, estimator, weights = read_trait_model(folder)
        # What the model was trained with counts, not what the INI file says by now.
        self._ini = ExperimentIni(folder / INI)
        try:
            self.classes, self.target = self.about["classes"], self.about["target"]
            self._model = self._rebuild(estimator, weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{folder}: the model is not complete ({error}): run the experiment again") from None

    def judge(self, samples: Samples, say: Callable[[str], None]) -> np.ndarray:
        """(rows, classes) probabilities, or (rows, 1) numbers.

        Raises:
            ValueError: a sample gives no features, or other columns than the model was trained on.
        """
        if self._ini.get("MODEL", "type") == "finetune":
            table = waveform_table(self._ini, samples)
        else:
            table = extract_features(self._ini, samples, on_frames(self._ini), store_folder(self._ini), say)
        if list(table.names) != self.about["columns"]:
            raise ValueError(
                f"{model_folder(self._ini)}: the features have other columns than when the model was trained: run the "
                "experiment again"
            )
        return self._model.outputs(table.values)

    def _rebuild(self, estimator, weights) -> TraitModel:
        values = dict(self.about["settings"])
        values["estimator"] = EstimatorOptions(**values["estimator"])
        for name in ("hidden", "dropout"):
            values[name] = tuple(values[name]) if isinstance(values[name], list) else values[name]
        settings = ModelSettings(**values)
        model = TraitModel(settings, encoder_maker(self._ini)[1])
        kept = self.about["scaler"]
        if kept is not None:
            model.scaler = Scaler(kept["kind"])
            model.scaler.shift, model.scaler.scale = np.array(kept["shift"]), np.array(kept["scale"])
        model.target_shift, model.target_scale = self.about["target_shift"], self.about["target_scale"]
        if settings.kind in NETWORKS:
            model.core = model.build_network(self.about["input_dim"])
            model.core.load_state_dict(weights)
            model.core.eval()
        elif settings.num_classes:
            model.core = Classifier(settings.kind, settings.estimator)
            model.core.estimator, model.core.num_classes = estimator, settings.num_classes
            model.core.scale, model.core.log_priors = self.about["decision_scale"], self.about["log_priors"]
        else:
            model.core = Regression(settings.kind, settings.estimator)
            model.core.estimator = estimator
        return model
