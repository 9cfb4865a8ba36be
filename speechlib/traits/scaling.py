"""Scalings of feature columns, fitted on training rows alone; the one by speaker is transductive and says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

KINDS = ("standard", "robust", "minmax", "maxabs", "bins")


class Scaler:
    """An affine map of each column, or its thirds.

    Columns that do not vary in training become 0. By `kind`: standard: mean 0, standard deviation 1. robust: median 0,
    distance between the quartiles 1. minmax: from 0 to 1. maxabs: largest absolute value 1. bins: 0, .5 or 1 for the
    lower, middle and upper third of the training values.

    Args:
        kind: one of KINDS.

    Attributes:
        num_rows: rows that it was fitted on.
    """

    def __init__(self, kind: str):
        if kind not in KINDS:
            raise ValueError(f"unknown scaling {kind!r}: choose one of {', '.join(KINDS)}")
        self.kind = kind
        self.num_rows = 0
        self.shift = self.scale = np.zeros(0)

    def fit(self, x: np.ndarray) -> Scaler:
        """Take the statistics of (rows, columns) training features."""
        x = np.asarray(x, np.float64)
        self.num_rows = len(x)
        if self.kind == "standard":
            self.shift, width = x.mean(0), x.std(0)
        elif self.kind == "robust":
            low, self.shift, high = np.percentile(x, [25, 50, 75], axis=0)
            width = high - low
        elif self.kind == "minmax":
            self.shift, width = x.min(0), np.ptp(x, 0)
        elif self.kind == "maxabs":
            self.shift, width = np.zeros(x.shape[1]), np.abs(x).max(0)
        else:
            self.shift, width = np.percentile(x, [100 / 3, 200 / 3], axis=0)
            self.scale = width
            return self
        # A column that is constant but for rounding must not be blown up.
        floor = 1e-9 * np.maximum(np.abs(self.shift), 1e-30)
        self.scale = np.where(width > floor, 1.0 / np.where(width > floor, width, 1.0), 0.0)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(rows, columns) scaled features.

        Raises:
            ValueError: the columns are not those of the fit.
        """
        x = np.asarray(x, np.float64)
        if x.shape[-1] != len(self.shift):
            raise ValueError(f"{x.shape[-1]} columns do not fit a scaling of {len(self.shift)}")
        if self.kind == "bins":
            return 0.5 * (x > self.shift) + 0.5 * (x > self.scale)
        return (x - self.shift) * self.scale


def scale_by_speaker(x: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Standardise the samples of each speaker by their own mean and standard deviation.

    The statistics of a test speaker come from all that speaker's test samples: a decision about one sample then depends
    on the others. Results that use this must be marked transductive.

    Args:
        x: (rows, columns).
        speakers: (rows,).
    """
    x, speakers = np.asarray(x, np.float64), np.asarray(speakers)
    scaled = np.empty_like(x)
    for speaker in np.unique(speakers):
        rows = speakers == speaker
        scaled[rows] = Scaler("standard").fit(x[rows]).transform(x[rows])
    return scaled
