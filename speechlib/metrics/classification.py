"""Scores of a classifier from its confusion matrix: accuracy, unweighted average recall, macro F1; with intervals.

UAR is the mean of the recalls of the classes that occur in the truth, also known as balanced accuracy. Macro F1 is the
mean over the classes that occur in the truth or among the predictions; a class that is never found right counts 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechlib.metrics.bootstrap import percentile_interval

MEASURES = ("uar", "accuracy", "f1_macro")


def confusion_matrix(truth, predicted, num_classes: int) -> np.ndarray:
    """Count what is taken for what.

    Args:
        truth: (items,) class numbers.
        predicted: (items,) class numbers.
        num_classes: their number.

    Returns:
        (classes, classes) counts, truth by prediction.

    Raises:
        ValueError: no item, lengths that differ, or a number that is no class.
    """
    truth, predicted = _class_numbers(truth, num_classes), _class_numbers(predicted, num_classes)
    if truth.shape != predicted.shape:
        raise ValueError(f"{truth.size} classes in truth and {predicted.size} predictions do not belong together")
    counts = np.bincount(truth * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of one or many confusion matrices.

    Args:
        confusion: (..., classes, classes) counts, truth by prediction.

    Returns:
        By name of MEASURES, (...) scores from 0 to 1; NaN where there is no item.
    """
    counts = np.asarray(confusion, np.float64)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, found = counts.sum(-1), counts.sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(true > 0, right / true, 0.0)
        f1 = np.where(true + found > 0, 2.0 * right / (true + found), 0.0)
        return {
            "uar": recall.sum(-1) / (true > 0).sum(-1),
            "accuracy": right.sum(-1) / counts.sum((-2, -1)),
            "f1_macro": f1.sum(-1) / (true + found > 0).sum(-1),
        }


def class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of every class; 0 where there is nothing to divide by.

    Args:
        confusion: (classes, classes) counts, truth by prediction.

    Returns:
        By name (precision, recall, f1), (classes,) scores.
    """
    counts = np.asarray(confusion, np.float64)
    right, true, found = np.diagonal(counts), counts.sum(1), counts.sum(0)
    return {
        "precision": right / np.maximum(found, 1.0),
        "recall": right / np.maximum(true, 1.0),
        "f1": 2.0 * right / np.maximum(true + found, 1.0),
    }


def score_intervals(
    truth, predicted, speakers, num_classes: int, *, num_samples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Mapping[str, tuple[float, float]]:
    """Intervals of the scores when speakers are drawn anew (percentile bootstrap; Efron, 1979).

    A resample is a sum of the confusion matrices of the drawn speakers, so that all of them are scored at once. With
    few speakers the intervals are too narrow.

    Args:
        truth, predicted: (items,) class numbers.
        speakers: (items,) the speaker of each item, of any sortable type.
        num_classes: number of classes.
        num_samples: resamples.
        seed: of the generator.
        confidence: probability inside the interval.

    Returns:
        By name of MEASURES, the lower and the upper end.

    Raises:
        ValueError: as for `confusion_matrix`; or lengths that differ, or a confidence outside (0, 1).
    """
    truth, predicted = _class_numbers(truth, num_classes), _class_numbers(predicted, num_classes)
    speakers = np.asarray(speakers)
    if not truth.shape == predicted.shape == speakers.shape:
        raise ValueError(f"{truth.size} truths, {predicted.size} predictions and {speakers.size} speakers differ")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"the confidence must lie between 0 and 1, got {confidence}")
    names, index = np.unique(speakers, return_inverse=True)
    cells = num_classes**2
    of_speaker = np.bincount(
        (index * num_classes + truth) * num_classes + predicted, minlength=len(names) * cells
    ).reshape(len(names), cells)
    draws = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1.0 / len(names)), num_samples)
    resampled = scores((draws @ of_speaker).reshape(num_samples, num_classes, num_classes))
    return {name: percentile_interval(values, confidence) for name, values in resampled.items()}


def _class_numbers(values, num_classes: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"expected a row of class numbers, got shape {values.shape}")
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= num_classes:
        raise ValueError(f"class numbers must be whole and lie in 0..{num_classes - 1}")
    return values.astype(np.int64)
