"""Whether probabilities mean what they say: calibration error by bins (Naeini et al., AAAI 2015; Guo et al., ICML 2017)
and the Brier score (1950)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NUM_BINS = 15  # Guo et al.'s


@dataclass(frozen=True)
class ReliabilityBin:
    """Items whose probability fell between two limits.

    Attributes:
        low, high: limits; an item on one belongs to the lower bin.
        count: items.
        confidence: mean probability that they were given, 0 where there are none.
        accuracy: share that was right, 0 where there are none.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability_bins(probabilities, happened, num_bins: int = NUM_BINS) -> list[ReliabilityBin]:
    """Sort items into bins of equal width by the probability that they were given.

    Args:
        probabilities: (items,) of an event.
        happened: (items,) whether it came true.
        num_bins: between 0 and 1.

    Raises:
        ValueError: no item, lengths that differ, values outside [0, 1] or NaN, or no bin.
    """
    probabilities, happened = np.asarray(probabilities, np.float64), np.asarray(happened, np.float64)
    if probabilities.ndim != 1 or probabilities.shape != happened.shape or not probabilities.size:
        raise ValueError(f"need an outcome for each probability, got shapes {happened.shape}, {probabilities.shape}")
    _check_range(probabilities)
    if num_bins < 1:
        raise ValueError(f"need at least one bin, got {num_bins}")
    # A sum of probabilities may pass 1 by a rounding error.
    index = np.clip(np.ceil(probabilities * num_bins).astype(int) - 1, 0, num_bins - 1)
    counts = np.bincount(index, minlength=num_bins)
    sums = np.bincount(index, probabilities, num_bins), np.bincount(index, happened, num_bins)
    confidence, accuracy = (total / np.maximum(counts, 1) for total in sums)
    return [
        ReliabilityBin(bin / num_bins, (bin + 1) / num_bins, int(counts[bin]), float(confidence[bin]), float(right))
        for bin, right in enumerate(accuracy)
    ]


def calibration_error(bins: list[ReliabilityBin]) -> float:
    """Expected calibration error: mean difference of confidence and accuracy over the items of all bins, 0 to 1."""
    total = sum(bin.count for bin in bins)
    return sum(bin.count * abs(bin.accuracy - bin.confidence) for bin in bins) / total


def top_label_bins(probabilities, truth, num_bins: int = NUM_BINS) -> list[ReliabilityBin]:
    """Bins of the probability of the class that was decided for: right where it is the true one.

    Args:
        probabilities: (items, classes), each row adds up to 1.
        truth: (items,) column of the true class.
        num_bins: between 0 and 1.

    Raises:
        ValueError: shapes that disagree, rows that are no probabilities, or classes that do not exist.
    """
    probabilities, truth = check_probabilities(probabilities, truth)
    decided = probabilities.argmax(axis=1)
    return reliability_bins(probabilities.max(axis=1), decided == truth, num_bins)


def class_bins(probabilities, truth, num_bins: int = NUM_BINS) -> list[list[ReliabilityBin]]:
    """For each class the bins of its own probability, over all items; arguments and errors as `top_label_bins`."""
    probabilities, truth = check_probabilities(probabilities, truth)
    return [reliability_bins(column, truth == index, num_bins) for index, column in enumerate(probabilities.T)]


def brier_score(probabilities, truth) -> float:
    """Mean over the items of the squared distance from the probabilities to 1 for the truth and 0 for all others.

    From 0 to 2; for two classes it is twice the form that looks at one of them. Arguments and errors as
    `top_label_bins`.
    """
    probabilities, truth = check_probabilities(probabilities, truth)
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def check_probabilities(probabilities, truth) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays; arguments and errors as `top_label_bins`."""
    probabilities, truth = np.asarray(probabilities, np.float64), np.asarray(truth)
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1] or not probabilities.size:
        raise ValueError(f"need a true class for each row, got shapes {truth.shape} and {probabilities.shape}")
    _check_range(probabilities)
    sums = probabilities.sum(axis=1)
    if np.abs(sums - 1.0).max() > 1e-3:  # what is left of six digits in a file
        row = int(np.abs(sums - 1.0).argmax())
        raise ValueError(f"the probabilities of item {row} add up to {sums[row]:.6g}, expected 1")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError(f"true classes must be columns 0 to {probabilities.shape[1] - 1}")
    return probabilities, truth


def _check_range(probabilities: np.ndarray) -> None:
    if not (probabilities.min() >= 0.0 and probabilities.max() <= 1.0 + 1e-6):  # true of NaN as well
        raise ValueError(f"probabilities must lie in [0, 1], got {probabilities.min():g} to {probabilities.max():g}")
