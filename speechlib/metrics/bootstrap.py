"""Percentile bootstrap that resamples speakers, because the errors of one speaker come together (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def bootstrap_interval(
    values, speakers, *, num_samples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of per-item values, such as errors (0 or 1), when speakers are drawn anew.

    Each resample draws as many speakers as there are, with replacement, and takes the mean over all their items: what
    the number would be on other speakers of the same kind. The decisions themselves (a clustering, a trained model) are
    held fixed. Where all speakers have the same mean the interval has no width; with few speakers it is too narrow.

    Args:
        values: (items,) numbers.
        speakers: (items,) the speaker that each item belongs to, of any sortable type.
        num_samples: number of resamples.
        seed: of the generator; the same seed gives the same interval, whatever the order of the items.
        confidence: probability inside the interval; the rest is cut off equally on both sides.

    Returns:
        The lower and the upper end.

    Raises:
        ValueError: no item, lengths that differ, NaN, or a confidence outside (0, 1).
    """
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_ratio(
        values, np.ones_like(values), speakers, num_samples=num_samples, seed=seed, confidence=confidence
    )


def bootstrap_ratio(
    numerators, denominators, groups, *, num_samples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a sum over another when groups (speakers, recordings) are drawn anew, as an error rate over time.

    Args:
        numerators: (items,) numbers.
        denominators: (items,) numbers, not negative; resamples in which they add up to nothing are left out.
        groups: (items,) what each item belongs to and is drawn with, of any sortable type.
        num_samples, seed, confidence: as for `bootstrap_interval`.

    Raises:
        ValueError: as for `bootstrap_interval`; or all denominators are zero, or one is negative.
    """
    numerators, index, num_groups = _check(numerators, groups, num_samples, confidence)
    denominators, _, _ = _check(denominators, groups, num_samples, confidence)
    if (denominators < 0).any() or not denominators.any():
        raise ValueError("the denominators must not be negative, nor all zero")
    sums = np.bincount(index, weights=numerators, minlength=num_groups)
    sizes = np.bincount(index, weights=denominators, minlength=num_groups)
    generator = np.random.default_rng(seed)
    # How often each group is drawn is all that matters to a ratio: a product of matrices replaces the loop.
    uniform = np.full(num_groups, 1.0 / num_groups)
    at_once = max(1, 2**22 // num_groups)
    ratios = []
    for start in range(0, num_samples, at_once):
        draws = generator.multinomial(num_groups, uniform, size=min(at_once, num_samples - start))
        drawn_sizes = draws @ sizes
        usable = drawn_sizes > 0
        ratios.append((draws @ sums)[usable] / drawn_sizes[usable])
    return percentile_interval(np.concatenate(ratios), confidence)


def bootstrap_statistic(
    statistic: Callable[[np.ndarray], float],
    speakers,
    *,
    num_samples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of any statistic of items when speakers are drawn anew.

    Args:
        statistic: from (drawn items,) positions of the items of one resample, repeated as often as drawn, to the
            number. It may raise ValueError where a resample cannot be scored (no target trial left, say); that resample
            is drawn again.
        speakers: (items,) the speaker that each item belongs to.
        num_samples, seed, confidence: as for `bootstrap_interval`.

    Raises:
        ValueError: as for `bootstrap_interval`; or the statistic fails on most resamples.
    """
    _, index, num_speakers = _check(np.zeros(np.asarray(speakers).shape), speakers, num_samples, confidence)
    order = np.argsort(index, kind="stable")
    items_of = np.split(order, np.cumsum(np.bincount(index, minlength=num_speakers))[:-1])
    generator = np.random.default_rng(seed)
    results: list[float] = []
    failures = 0
    while len(results) < num_samples:
        drawn = generator.integers(num_speakers, size=num_speakers)
        try:
            results.append(float(statistic(np.concatenate([items_of[speaker] for speaker in drawn]))))
        except ValueError as error:
            failures += 1
            if failures > num_samples:
                raise ValueError(f"most resamples of {num_speakers} speakers cannot be scored: {error}") from error
    return percentile_interval(np.array(results), confidence)


def percentile_interval(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """Lower and upper end of the middle share `confidence` of (resamples,) statistics."""
    outside = 50.0 * (1.0 - confidence)
    low, high = np.percentile(samples, [outside, 100.0 - outside])
    return float(low), float(high)


def _check(values, speakers, num_samples: int, confidence: float) -> tuple[np.ndarray, np.ndarray, int]:
    values = np.asarray(values, dtype=np.float64)
    speakers = np.asarray(speakers)
    if values.ndim != 1 or values.shape != speakers.shape or values.size == 0:
        raise ValueError(f"need one speaker for each of at least one value, got {speakers.shape} for {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"value {int(np.argmin(np.isfinite(values)))} is not a finite number")
    if num_samples < 1:
        raise ValueError(f"need at least one resample, got {num_samples}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"the confidence must lie between 0 and 1, got {confidence}")
    names, index = np.unique(speakers, return_inverse=True)
    return values, index.reshape(-1), len(names)
