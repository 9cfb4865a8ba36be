"""A trained model on disk, and back: with its features, classes and scaling, ready to judge any audio."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.experiments.audio_facts import audio_facts
from speechlib.experiments.data import ExperimentData
from speechlib.experiments.features import AudioFeatures, FeatureTable, extract_features
from speechlib.experiments.gate import sentences
from speechlib.experiments.outcome import experiment_folder, store_folder
from speechlib.experiments.settings import encoder_maker, on_frames
from speechlib.experiments.training import experiment_features, fit
from speechlib.experiments.waveforms import waveform_of, waveform_table
from speechlib.io.atomic import write_text
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.trait_models import read_trait_model, write_trait_model
from speechlib.traits.estimators import Classifier, EstimatorOptions, Regression
from speechlib.traits.model import NETWORKS, ModelSettings, TraitModel
from speechlib.traits.scaling import Scaler

INI = "experiment.ini"
_KNOWN = ("trained_on", "audio", "speakers", "sentences")  # what is noted of the samples of training


def model_folder(ini: ExperimentIni) -> Path:
    """Where an experiment keeps its model."""
    return experiment_folder(ini) / "model"


def why_not_kept(ini: ExperimentIni) -> str | None:
    """Why a model of this experiment could not judge single files, or None if it can."""
    if ini.get("FEATS", "scale") == "speaker":
        return "features that are scaled by speaker cannot be computed of a single file"
    if "import" in ini.get("FEATS", "type"):
        return "imported features cannot be computed of other files"
    return None


def save_model(ini: ExperimentIni, data: ExperimentData, features: FeatureTable, seed: int) -> Path:
    """Train on the training part of the split, or on all samples after a cross-validation, and keep the model.

    Call it only where `why_not_kept` gives no reason.
    """
    fold = data.folds[0]
    several = len(data.folds) > 1
    train = np.arange(len(data.samples)) if several else fold.train
    dev = fold.dev[:0] if several else fold.dev
    model, chosen = fit(ini, data, experiment_features(ini, data, features), train, dev, seed)
    scaler = model.scaler
    known = np.concatenate([train, dev])  # dev chose the epoch: it is no more unknown to the model than training
    spoken = sentences(data.samples)
    about: dict[str, Any] = {
        "target": ini.get("DATA", "target"), "classes": data.classes, "columns": features.names,
        "settings": dataclasses.asdict(model.settings), "chosen": chosen,
        "scaler": None if scaler is None else {
            "kind": scaler.kind, "shift": scaler.shift.tolist(), "scale": scaler.scale.tolist()
        },
        "target_shift": model.target_shift, "target_scale": model.target_scale,
        "trained_on": [data.samples.key(row) for row in known],
        "audio": sorted(set(audio_facts(data.samples.take(known)).digests)),
        "speakers": sorted({data.speakers[row] for row in known}) if data.speakers else [],
        "sentences": sorted({spoken[row] for row in known if spoken[row]}) if spoken else [],
    }  # fmt: skip
    if model.settings.kind != "finetune":
        about["features"] = AudioFeatures(ini, on_frames(ini)).digest
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
        say: is told if features are computed otherwise than when the model was trained.

    Attributes:
        folder: of the model.
        about: what was noted of it.
        classes: sorted names; empty for a regression.
        target: what it predicts.

    Raises:
        FileNotFoundError: the experiment kept none.
        ValueError: the folder is damaged.
    """

    def __init__(self, ini: ExperimentIni, say: Callable[[str], None] | None = None):
        self.folder = model_folder(ini)
        self.about, estimator, weights = read_trait_model(self.folder)
        if not (self.folder / INI).is_file():
            raise FileNotFoundError(f"{self.folder / INI}: not there: run the experiment again")
        # What the model was trained with counts, not what the INI file says by now.
        self._ini = ExperimentIni(self.folder / INI, beside=ini.path)
        try:
            self.classes, self.target = self.about["classes"], self.about["target"]
            self._columns = self.about["columns"]
            self._known = {name: frozenset(self.about[name]) for name in _KNOWN}
            self._model = self._rebuild(estimator, weights)
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(f"{self.folder}: the model is not complete ({error}): run the experiment again") from None
        self._hear = None if self.is_finetuned else AudioFeatures(self._ini, on_frames(self._ini), self._chosen())
        if say and self._hear and self._hear.digest != self.about.get("features"):
            say(f"warning: {self.folder}: features are computed otherwise than when the model was trained, by another "
                "version of the program: run the experiment again")  # fmt: skip

    @property
    def is_finetuned(self) -> bool:
        """Whether the model takes waveforms."""
        return self._ini.get("MODEL", "type") == "finetune"

    def judge(self, samples: Samples, say: Callable[[str], None]) -> np.ndarray:
        """Judge samples of databases; their features are kept in the store.

        Returns:
            (rows, classes) probabilities, or (rows, 1) numbers.

        Raises:
            ValueError: samples that give no features (all are listed), or other columns than in training.
        """
        if self.is_finetuned:
            return self._outputs(waveform_table(self._ini, samples))
        store = store_folder(self._ini)
        return self._outputs(extract_features(self._ini, samples, on_frames(self._ini), store, say, self._chosen()))

    def judge_audio(self, audio: np.ndarray, rate: int) -> np.ndarray:
        """Judge one recording; nothing is stored.

        Args:
            audio: (samples,) float32 in int16 range.
            rate: in Hz.

        Returns:
            (classes,) probabilities, or (1,) number.

        Raises:
            ValueError: it gives no features.
        """
        if not len(audio):
            raise ValueError("the recording has no samples")
        if self._hear is None:
            return self._outputs(FeatureTable(["waveform"], [waveform_of(self._ini, audio, rate)], []))[0]
        return self._outputs(self._hear(audio, rate))[0]

    def decide(self, outputs: np.ndarray) -> list[str]:
        """(rows,) most probable classes, or numbers as texts, of the outputs."""
        if self.classes:
            return [self.classes[place] for place in outputs.argmax(1)]
        return [f"{value:.9g}" for value in outputs[:, 0]]

    def shared_with_training(self, samples: Samples) -> dict[str, str]:
        """By kind of leak, a sentence about what samples share with those that the model was trained on."""
        keys = [samples.key(row) for row in range(len(samples))]
        digests = audio_facts(samples).digests
        same = [
            name
            for name, key, digest in zip(samples.names, keys, digests, strict=True)
            if key in self._known["trained_on"] or digest in self._known["audio"]
        ]
        found = {"identical_audio": ("recordings", same)}
        for kind, what, values in (
            ("shared_speakers", "speakers", samples.columns.get("speaker")),
            ("shared_sentences", "sentences", sentences(samples)),
        ):
            found[kind] = what, sorted({value for value in values or () if value in self._known[what]})
        return {
            kind: f"the model was trained on {what} of the test: {', '.join(names[:3])}"
            + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            for kind, (what, names) in found.items()
            if names
        }

    def _chosen(self) -> list[str] | None:
        """Columns of training where FEATS.features chose them: its file may have changed since, or be gone."""
        return self._columns if self._ini.has("FEATS", "features") else None

    def _outputs(self, table: FeatureTable) -> np.ndarray:
        if list(table.names) != self._columns:
            raise ValueError(
                f"{self.folder}: the features have other columns than when the model was trained: run the experiment "
                "again"
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
