"""Time derivatives of features by regression over a window, as Kaldi's add-deltas (feat/feature-functions.cc)."""

from __future__ import annotations

import numpy as np


def delta_windows(order: int, window: int) -> list[np.ndarray]:
    """The filter of each order from 0 (the features themselves), (2 * order * window + 1,) float32 each."""
    if order < 0:
        raise ValueError(f"delta-order={order} must not be negative")
    if window < 1:
        raise ValueError(f"delta-window={window} must be positive")
    filters = [np.ones(1, np.float32)]
    slope = np.arange(-window, window + 1, dtype=np.float32)
    for _ in range(order):
        filters.append(np.convolve(filters[-1], slope) / np.float32((slope * slope).sum()))
    return filters


def add_deltas(features: np.ndarray, order: int = 2, window: int = 2) -> np.ndarray:
    """Append derivatives up to an order; beyond the edges the first and last frames are repeated.

    Args:
        features: (frames, dim).
        order: of the highest derivative.
        window: frames on each side of the regression; order n reaches n times as far.

    Returns:
        (frames, dim * (order + 1)) float32: the features, their first derivatives, their second, ...

    Raises:
        ValueError: the array is not (frames, dim) with at least one frame, or an option is out of range.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or not len(features):
        raise ValueError(f"expected features of shape (frames, dim) with frames, not {features.shape}")
    num_frames, dim = features.shape
    extended = np.empty((num_frames, dim * (order + 1)), np.float32)
    for index, weights in enumerate(delta_windows(order, window)):
        reach = len(weights) // 2
        padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge")
        derivative = np.zeros((num_frames, dim), np.float32)
        for offset, weight in enumerate(weights):
            if weight:
                derivative += weight * padded[offset : offset + num_frames]
        extended[:, index * dim : (index + 1) * dim] = derivative
    return extended
