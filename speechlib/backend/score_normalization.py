"""Normalisation of scores by a cohort of other speakers: Z-, T-, S- and adaptive S-norm (Matejka et al., 2017)."""

from __future__ import annotations

import numpy as np

METHODS = ("s-norm", "as-norm", "z-norm", "t-norm")


def cohort_statistics(items, scores, num_items: int, top_n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each item's scores against the cohort.

    Args:
        items: (scores,) the model or utterance of each score, numbers from 0.
        scores: (scores,) against one member of the cohort each.
        num_items: how many items there are.
        top_n: only the highest so many of each item count, those of the cohort that are most like it.

    Returns:
        (items,) means and (items,) standard deviations (of the population), NaN for an item without any score.

    Raises:
        ValueError: `top_n` below 2.
    """
    items, scores = np.asarray(items), np.asarray(scores, dtype=np.float64)
    if top_n is not None:
        if top_n < 2:
            raise ValueError(f"need at least the top 2 of a cohort, got {top_n}")
        order = np.lexsort((-scores, items))
        items, scores = items[order], scores[order]
        first = np.searchsorted(items, np.arange(num_items))
        kept = np.arange(len(items)) - first[items] < top_n
        items, scores = items[kept], scores[kept]
    count = np.bincount(items, minlength=num_items)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(items, weights=scores, minlength=num_items) / count
        spread = np.bincount(items, weights=(scores - mean[items]) ** 2, minlength=num_items) / count
    return mean, np.sqrt(spread)


def normalize_scores(scores, method: str, enrol=None, test=None) -> np.ndarray:
    """Normalised scores.

    Args:
        scores: (trials,) raw scores.
        method: `z-norm`: by the enrolment side's statistics; `t-norm`: by the test side's; `s-norm` and `as-norm`: the
            mean of both, of statistics over the whole cohort or its top.
        enrol: (trials,) means and (trials,) standard deviations of each trial's enrolment side; t-norm needs none.
        test: the same of the test side; z-norm needs none.

    Raises:
        ValueError: an unknown method, missing statistics, or a standard deviation that is not above zero.
    """
    if method not in METHODS:
        raise ValueError(f"unknown normalisation {method!r}: give one of {', '.join(METHODS)}")
    scores = np.asarray(scores, dtype=np.float64)
    sides = [side for side, unused in ((enrol, "t-norm"), (test, "z-norm")) if method != unused]
    total = np.zeros_like(scores)
    for side in sides:
        if side is None:
            raise ValueError(f"{method} needs the statistics of {'both sides' if len(sides) == 2 else 'its side'}")
        mean, deviation = side
        if not (np.asarray(deviation) > 0.0).all():
            raise ValueError("scores against the cohort do not vary: their standard deviation is zero or not known")
        total += (scores - mean) / deviation
    return total / len(sides)
