"""The simplest embedding there is: mean and standard deviation of an utterance's features, what any model must beat."""

from __future__ import annotations

import numpy as np


def pool_statistics(features: np.ndarray) -> np.ndarray:
    """Mean and standard deviation over the frames.

    Args:
        features: (frames, dim), at least one frame.

    Returns:
        (2 * dim,) float64: the means, then the deviations (of the frames themselves: divided by their number).

    Raises:
        ValueError: not (frames, dim), or no frames.
    """
    if np.ndim(features) != 2 or not len(features):
        raise ValueError(f"expected features of shape (frames, dim) with frames, not {np.shape(features)}")
    values = np.asarray(features, np.float64)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])
