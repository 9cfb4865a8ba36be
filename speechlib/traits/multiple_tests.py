"""P-values corrected for the number of tests: Holm (1979) and Benjamini and Hochberg (1995)."""

from __future__ import annotations

import numpy as np


def holm(p_values) -> np.ndarray:
    """Keep the chance of even one false finding below the level, without assumptions on how the tests depend.

    Sorted from small to large, the i-th of m (from 0) is multiplied by m - i; none is smaller than one before it.

    Args:
        p_values: (tests,) in [0, 1].

    Returns:
        (tests,) corrected values, at most 1, in the order given.

    Raises:
        ValueError: a value outside [0, 1], NaN, or not one dimension.
    """
    p_values, order = _sorted(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return _back(np.minimum(steps, 1.0), order)


def benjamini_hochberg(p_values) -> np.ndarray:
    """Keep the expected share of false ones among the findings below the level (tests independent or alike in sign).

    Sorted from small to large, the i-th of m (from 1) is multiplied by m / i; none is larger than one behind it.

    Args, Returns, Raises: as `holm`.
    """
    p_values, order = _sorted(p_values)
    steps = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    return _back(np.minimum.accumulate(steps[::-1])[::-1], order)


def _sorted(p_values) -> tuple[np.ndarray, np.ndarray]:
    p_values = np.asarray(p_values, dtype=np.float64)
    if p_values.ndim != 1 or not ((p_values >= 0.0) & (p_values <= 1.0)).all():  # NaN is neither
        raise ValueError(f"p-values must lie in [0, 1], one a test; got shape {p_values.shape}, {p_values}")
    return p_values, np.argsort(p_values, kind="stable")


def _back(corrected: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(corrected)
    result[order] = corrected
    return result
