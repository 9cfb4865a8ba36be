"""Scores of predicted numbers: concordance (Lin, 1989) and Pearson correlation, mean absolute and squared error."""

from __future__ import annotations

import numpy as np

MEASURES = ("ccc", "pcc", "mae", "mse")


def regression_scores(truth, predicted) -> dict[str, float]:
    """Score predicted numbers.

    CCC = 2 cov / (var(truth) + var(predicted) + (mean(truth) - mean(predicted))^2) with moments of the population.
    Where either side does not vary at all, PCC is 0; so is CCC, unless both are the same constant (then 1).

    Args:
        truth: (items,) numbers.
        predicted: (items,) numbers.

    Returns:
        By name of MEASURES, a number.

    Raises:
        ValueError: no item, lengths that differ, or a number that is not finite.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.ndim != 1 or truth.shape != predicted.shape or not truth.size:
        raise ValueError(f"truth {truth.shape} and predictions {predicted.shape} do not belong together")
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("truth and predictions must be finite numbers")
    error = predicted - truth
    a, b = truth - truth.mean(), predicted - predicted.mean()
    var_a, var_b, cov = (a * a).mean(), (b * b).mean(), (a * b).mean()
    spread = var_a + var_b + error.mean() ** 2
    scale = np.sqrt(var_a * var_b)
    return {
        "ccc": float(2.0 * cov / spread) if spread > 0 else 1.0,
        "pcc": float(cov / scale) if scale > 0 else 0.0,
        "mae": float(np.abs(error).mean()),
        "mse": float((error * error).mean()),
    }
