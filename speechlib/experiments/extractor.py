"""What an extractor of features is, whoever computes them; all hear audio at 16 kHz."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from speechlib.augment.speed import resample
from speechlib.io.samples import Samples

RATE = 16000  # Hz
FULL_SCALE = 32768.0  # of samples in int16 range


class Extractor(ABC):
    """A way to compute features.

    Attributes:
        kind: as FEATS.type names it.
        description: JSON values that decide the features, for the store; None: they are not computed (import).
        licence: to be said where these features are used; empty where there is nothing to say.
        wanted: columns to use, None for all.
    """

    kind = ""
    description: dict[str, Any] | None = None
    licence = ""
    wanted: list | None = None

    @abstractmethod
    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """(columns,) or (frames, coefficients) of (samples,) float32 in int16 range.

        Raises:
            ValueError: the audio is too short, or not finite.
        """

    @abstractmethod
    def names(self, dim: int) -> Sequence[str]:
        """Names of the columns, given their number."""

    def look_up(self, samples: Samples) -> list[np.ndarray]:
        """Features that are not computed, in the order of the samples."""
        raise NotImplementedError


class FrameExtractor(Extractor):
    """An extractor that gives a row a frame."""


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) float32 at 16 kHz."""
    if not np.isfinite(samples).all():
        raise ValueError("the audio holds NaN or infinity")
    if rate == RATE:
        return samples
    return resample(samples, rate, RATE)
