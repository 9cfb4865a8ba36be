"""A model of a trait from features to probabilities or numbers: scaling, balancing, estimator or network, as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlib.traits.balancing import balance
from speechlib.traits.estimators import Classifier, EstimatorOptions, Regression
from speechlib.traits.scaling import Scaler

NETWORKS = ("mlp", "mlp_reg", "cnn", "cnn_reg", "finetune")
ON_FRAMES = ("cnn", "cnn_reg")
Features = np.ndarray | list  # (rows, columns), or a list of (frames, dim) or (samples,) arrays
Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class ModelSettings:
    """What a model is made of.

    Args:
        kind: of CLASSIFIERS or REGRESSIONS of speechlib.traits.estimators, or of NETWORKS.
        num_classes: of a classification; 0: a regression.
        estimator: parameters of estimators.
        network: keywords of NetworkOptions, of networks.
        hidden: sizes of the hidden layers of a perceptron, or behind the statistics of a cnn.
        dropout: behind each of them.
        scaling: of speechlib.traits.scaling.KINDS, or None.
        balancing: of speechlib.traits.balancing.METHODS, or None.
        balancing_seed: its seed.
        class_weight: weigh rows by the rarity of their class.
        num_layers: of hidden states that lie side by side in a frame and are mixed by learned weights, of cnn.
    """

    kind: str
    num_classes: int
    estimator: EstimatorOptions = EstimatorOptions()
    network: dict[str, Any] = field(default_factory=dict)
    hidden: tuple[int, ...] = ()
    dropout: float | tuple[float, ...] = 0.1
    scaling: str | None = None
    balancing: str | None = None
    balancing_seed: int = 42
    class_weight: bool = False
    num_layers: int = 1


class TraitModel:
    """A model, trained by `fit`.

    Args:
        settings: see ModelSettings.
        make_encoder: of finetune: builds the pretrained encoder and tells the dimension of its frames.

    Attributes:
        scaler: fitted on the training rows, or None.
        core: Classifier, Regression or network.
        curve: of a network, `Epoch` by epoch.
        epoch: of a network, the one that was taken.
    """

    def __init__(self, settings: ModelSettings, make_encoder: Callable[[], tuple[Any, int]] | None = None):
        self.settings = settings
        self._make_encoder = make_encoder
        self.scaler: Scaler | None = None
        self.core: Any = None
        self.curve: list = []
        self.epoch: int | None = None
        self.target_shift, self.target_scale = 0.0, 1.0

    def fit(
        self,
        x: Features,
        y: np.ndarray,
        speakers: Sequence[str] | None,
        score: Score,
        dev: tuple[Features, np.ndarray] | None = None,
    ) -> TraitModel:
        """Train.

        Args:
            x: features of the training rows; networks on frames take a list of arrays.
            y: (rows,) class numbers, or numbers.
            speakers: (rows,) or None.
            score: from truth and outputs (`outputs`) to a number, better when higher; it chooses the epoch on dev.
            dev: features and targets of other speakers, of networks.

        Raises:
            ValueError: a class has no training row, or settings do not go together.
        """
        settings = self.settings
        y = np.asarray(y, np.int64 if settings.num_classes else np.float64)
        if settings.scaling:
            self.scaler = Scaler(settings.scaling).fit(x if isinstance(x, np.ndarray) else np.concatenate(x))
            x = self._scaled(x)
        weights = self._class_weights(y) if settings.class_weight and settings.num_classes else None
        if settings.balancing:
            if not isinstance(x, np.ndarray) or not settings.num_classes:
                raise ValueError("balancing goes with classes of feature vectors, not with frames nor with numbers")
            rows = len(y)
            x, y = balance(x, y, settings.balancing, settings.balancing_seed)
            if speakers is not None:
                # Rows that were filled in belong to no speaker who could be left out with them.
                speakers = [*speakers, *["(balancing)"] * (len(y) - rows)] if len(y) >= rows else None
        if settings.kind in NETWORKS:
            self._fit_network(x, y, score, dev, weights)
        elif settings.num_classes:
            own = None if weights is None else weights[y]
            self.core = Classifier(settings.kind, settings.estimator).fit(x, y, settings.num_classes, speakers, own)
        else:
            self.core = Regression(settings.kind, settings.estimator).fit(x, y)
        return self

    def outputs(self, x: Features) -> np.ndarray:
        """(rows, classes) probabilities, or (rows, 1) numbers."""
        x = self._scaled(x) if self.scaler else x
        if self.settings.kind in NETWORKS:
            from speechlib.traits.network_training import network_outputs

            return self._from_network(network_outputs(self.core, x, 16))
        if self.settings.num_classes:
            return self.core.probabilities(x)
        return self.core.predict(x)[:, None]

    def build_network(self, input_dim: int):
        """The network of the settings with untrained weights, for features of so many columns or coefficients."""
        from speechlib.traits.networks import EncoderHead, FrameCnn, Perceptron

        settings = self.settings
        outputs = settings.num_classes or 1
        if settings.kind == "finetune":
            if self._make_encoder is None:
                raise ValueError("finetune needs a pretrained encoder: set pretrained_model")
            encoder, dim = self._make_encoder()
            return EncoderHead(encoder, dim, outputs, _one(settings.dropout))
        if settings.kind in ON_FRAMES:
            return FrameCnn(
                input_dim, outputs, dropout=_one(settings.dropout), hidden=settings.hidden,
                num_layers=settings.num_layers,
            )  # fmt: skip
        return Perceptron(input_dim, settings.hidden, outputs, settings.dropout)

    def _fit_network(self, x: Features, y: np.ndarray, score: Score, dev, weights) -> None:
        from speechlib.traits.network_training import NetworkOptions, train_network

        settings = self.settings
        if not settings.num_classes:
            self.target_shift, self.target_scale = float(y.mean()), float(y.std()) or 1.0
            y = (y - self.target_shift) / self.target_scale
        options = NetworkOptions(**settings.network)
        if (options.loss == "cross") != bool(settings.num_classes):
            raise ValueError(f"the loss {options.loss} does not go with a {self._task()}")
        if settings.num_classes and len(np.unique(y)) < settings.num_classes:
            missing = sorted(set(range(settings.num_classes)) - set(y.tolist()))
            raise ValueError(f"classes {missing} have no training sample")
        input_dim = 0 if settings.kind == "finetune" else x[0].shape[-1]
        if dev is not None:
            held_x = self._scaled(dev[0]) if self.scaler else dev[0]
            held_y = np.asarray(dev[1], y.dtype)
            if not settings.num_classes:
                held_y = (held_y - self.target_shift) / self.target_scale
            dev = _float32(held_x), held_y

        def score_raw(truth: np.ndarray, raw: np.ndarray) -> float:
            # Numbers are compared where the network sees them, standardised: the order of the epochs is the same.
            return score(truth, self._from_network(raw) if settings.num_classes else raw)

        targets = y if settings.num_classes else y.astype(np.float32)
        self.core, self.curve, self.epoch = train_network(
            lambda: self.build_network(input_dim), _float32(x), targets, options, score_raw, dev, weights
        )

    def _from_network(self, raw: np.ndarray) -> np.ndarray:
        if not self.settings.num_classes:
            return raw.astype(np.float64) * self.target_scale + self.target_shift
        values = np.exp(raw.astype(np.float64) - raw.max(1, keepdims=True))
        return values / values.sum(1, keepdims=True)

    def _scaled(self, x: Features) -> Features:
        assert self.scaler is not None
        return self.scaler.transform(x) if isinstance(x, np.ndarray) else [self.scaler.transform(item) for item in x]

    def _class_weights(self, y: np.ndarray) -> np.ndarray:
        counts = np.bincount(y, minlength=self.settings.num_classes)
        return len(y) / (self.settings.num_classes * np.maximum(counts, 1))

    def _task(self) -> str:
        return "classification" if self.settings.num_classes else "regression"


def _float32(x: Features) -> Features:
    return x.astype(np.float32) if isinstance(x, np.ndarray) else [np.asarray(item, np.float32) for item in x]


def _one(dropout: float | tuple[float, ...]) -> float:
    return float(dropout if isinstance(dropout, int | float) else dropout[-1])
