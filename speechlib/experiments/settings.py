"""From the [MODEL] section to the settings of a model, and to the score that chooses among settings and epochs."""

from __future__ import annotations

import os
from collections.abc import Callable

from speechlib.experiments.encoders import describe_encoder, load_encoder, num_encoder_layers
from speechlib.io.cli import nearest
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.experiment_keys import CLASSIFIERS, REGRESSIONS
from speechlib.metrics.classification import confusion_matrix, scores
from speechlib.metrics.regression import regression_scores
from speechlib.traits.estimators import EstimatorOptions
from speechlib.traits.model import NETWORKS, ON_FRAMES, ModelSettings, Score

_OTHER_NAMES = {"log_reg": "logreg", "nb": "bayes"}
_SCORINGS = {"recall_macro": "uar", "accuracy": "accuracy", "f1_macro": "f1_macro"}
ENCODER_KINDS = ("hubert", "wav2vec2", "wavlm")


def model_settings(ini: ExperimentIni, num_classes: int, seed: int) -> ModelSettings:
    """Settings of the model.

    Args:
        ini: of the experiment.
        num_classes: of a classification; 0: a regression.
        seed: of the model.

    Raises:
        ValueError: a kind of model that does not do the task, or settings that do not go together.
    """
    kind = ini.get("MODEL", "type")
    known = CLASSIFIERS if num_classes else REGRESSIONS
    if kind not in known:
        task = "classification" if num_classes else "regression"
        choice = ", ".join(known)
        raise ini.error("MODEL", "type", f"{kind} does no {task}{nearest(kind, known)}: choose one of {choice}")
    kind = _OTHER_NAMES.get(kind, kind)
    if ini.get("MODEL", "push_to_hub"):
        raise ini.error("MODEL", "push_to_hub", "models are not sent anywhere: set it to False")
    tuned = set(ini.tuned())

    def plain(key: str):
        """The value of a key; its default where the file gives values to search."""
        return None if key in tuned else ini.get("MODEL", key)

    def default(key: str, value):
        found = plain(key)
        return value if found is None else found

    rate = plain("learning_rate")
    estimator = EstimatorOptions(
        c=plain("c_val") if plain("c") is None else plain("c"),
        kernel=default("kernel", "rbf"), gamma=default("gamma", "scale"),
        neighbours=default("k_val", 5), weights=default("knn_weights", "uniform"),
        components=default("gmm_components", 4), covariance=default("gmm_covariance_type", "full"),
        trees=default("n_estimators", 100), max_depth=default("max_depth", 6), learning_rate=rate,
        subsample=default("subsample", 1.0), seed=seed, num_threads=ini.get("MODEL", "n_jobs") or 1,
    )  # fmt: skip
    network = {}
    if kind in NETWORKS:
        loss = ini.get("MODEL", "loss") or ("cross" if num_classes else "1-ccc" if kind == "finetune" else "mse")
        network = {
            "epochs": ini.get("EXP", "epochs"), "learning_rate": 1e-4 if rate is None else rate,
            "batch_size": default("batch_size", 8), "loss": loss, "patience": plain("patience"), "seed": seed,
            "device": _device(ini.get("MODEL", "device")), "num_threads": ini.get("MODEL", "n_jobs") or 1,
        }  # fmt: skip
    scaling = ini.get("FEATS", "scale")
    return ModelSettings(
        kind, num_classes, estimator, network, _hidden(ini, plain("layers"), kind), _dropout(ini, default("drop", 0.1)),
        scaling=None if scaling == "speaker" or kind == "finetune" else scaling,
        balancing=ini.get("FEATS", "balancing"), balancing_seed=ini.get("FEATS", "balancing_random_state"),
        class_weight=ini.get("MODEL", "class_weight"), num_layers=_learned_layers(ini),
    )  # fmt: skip


def on_frames(ini: ExperimentIni) -> bool:
    """Whether the model takes sequences of frames."""
    return ini.get("MODEL", "type") in ON_FRAMES


def model_score(ini: ExperimentIni, num_classes: int) -> tuple[str, Score]:
    """The measure that chooses among settings and epochs, and its function, better when higher."""
    name = ini.get("MODEL", "measure") or _SCORINGS.get(ini.get("MODEL", "scoring"))
    name = name or ("uar" if num_classes else "ccc")
    if (name in _SCORINGS.values()) != bool(num_classes):
        raise ini.error("MODEL", "measure", f"{name} is no measure of this task")
    if num_classes:
        return name, lambda truth, outputs: float(
            scores(confusion_matrix(truth, outputs.argmax(1), num_classes))[name]
        )
    sign = -1.0 if name in ("mae", "mse") else 1.0
    return name, lambda truth, outputs: sign * regression_scores(truth, outputs[:, 0])[name]


def encoder_maker(ini: ExperimentIni) -> tuple[dict | None, Callable | None]:
    """What describes the encoder of finetune, and what builds it; None for other models."""
    if ini.get("MODEL", "type") != "finetune":
        return None, None
    weights = ini.get("MODEL", "pretrained_model") or ""
    kind = next((kind for kind in ENCODER_KINDS if kind in os.path.basename(weights).lower()), "hubert")
    description = describe_encoder(ini, "MODEL", "pretrained_model", "pretrained_config", kind)
    frozen = ini.get("MODEL", "freeze_layers")

    def make():
        from speechlib.nnet.waveform_encoder import WaveformEncoder

        network, options, _ = load_encoder(description, ini.where("MODEL", "pretrained_model"))
        encoder = WaveformEncoder(network, options.normalises, frozen)
        return encoder, encoder.dim

    return {key: value for key, value in description.items() if key != "weights"}, make


def _learned_layers(ini: ExperimentIni) -> int:
    """Layers whose mixture the model learns; 1 where it learns none."""
    kinds = [kind for kind in ini.get("FEATS", "type") if kind in ENCODER_KINDS]
    learned = [kind for kind in kinds if ini.get("FEATS", f"{kind}.layer") == "learned"]
    if not learned:
        return 1
    if len(ini.get("FEATS", "type")) > 1:
        raise ini.error("FEATS", "type", f"layers of {learned[0]} are learned from that one kind of features alone")
    encoder = describe_encoder(ini, "FEATS", f"{learned[0]}.model", f"{learned[0]}.config", learned[0])
    return num_encoder_layers(encoder)


def _hidden(ini: ExperimentIni, layers, kind: str) -> tuple[int, ...]:
    """Sizes of [64, 16] or {'l1': 64, 'l2': 16}."""
    if layers is None:
        return () if kind in ON_FRAMES else (64, 16)
    sizes = list(layers.values()) if isinstance(layers, dict) else layers
    if not isinstance(sizes, list | tuple) or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ini.error("MODEL", "layers", f"expected sizes such as [64, 16] or {{'l1': 64, 'l2': 16}}, got {layers!r}")
    return tuple(sizes)


def _dropout(ini: ExperimentIni, drop) -> float | tuple[float, ...]:
    if drop is False or drop is None:
        return 0.0
    rates = drop if isinstance(drop, list | tuple) else [drop]
    if not all(isinstance(rate, int | float) and 0 <= rate < 1 for rate in rates) or drop is True:
        raise ini.error("MODEL", "drop", f"expected a rate from 0 to 1, a list of them, or False, got {drop!r}")
    return float(drop) if not isinstance(drop, list | tuple) else tuple(float(rate) for rate in drop)


def _device(name: str) -> str:
    import torch

    if name.split(",")[0].isdigit():
        name = f"cuda:{name.split(',')[0]}"
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"MODEL.device = {name}: there is no GPU; set it to auto or cpu")
    return name
