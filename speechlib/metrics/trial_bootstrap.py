"""Intervals of detection error measures, and a paired test, when speakers are drawn anew (Efron, 1979; Poh, 2007).

A resample draws as many speakers as there are, with replacement. A target trial counts as often as its speaker was
drawn, a nontarget trial as often as its two speakers together (the product): what the trials between copies of speakers
would be. Trials are weighted, never copied: scores are sorted once, the curve's corners become bins, and all resamples
are products of sparse matrices (bins x pairs of speakers) with the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from speechlib.metrics.verification import (
    bayes_threshold,
    detection_errors,
    eer_of_curves,
    min_cllr_of_curve,
    min_dcf_of_curves,
    sort_scores,
)

# Finest bins of long lists: shares of the targets, and the false alarms' logarithm, whose small rates minDCF needs.
_TARGET_STEPS, _NONTARGET_STEPS = 4096, 256
_MAX_CORNERS = 12_000
_AT_ONCE = 1 << 22  # weights of pairs of speakers in memory


class Curves(NamedTuple):
    """What resamples gave; (resamples, ...)."""

    miss: np.ndarray
    false_alarm: np.ndarray
    actual: Mapping[float, np.ndarray]
    cllr: np.ndarray


class TrialBootstrap:
    """Trials prepared for resampling.

    Args:
        scores: (trials,) of one system.
        target: (trials,) bool.
        first, second: (trials,) whole numbers from 0: the speakers of the two sides, equal for target trials. A
            nontarget trial whose two are equal counts as often as that one was drawn.
        priors: for the actual costs.

    Raises:
        ValueError: shapes that differ, a target trial of two speakers, or fewer than two speakers.
    """

    def __init__(self, scores, target, first, second, priors: Sequence[float] = ()):
        scores, target = np.asarray(scores), np.asarray(target, dtype=bool)
        first, second = np.asarray(first), np.asarray(second)
        if not scores.shape == target.shape == first.shape == second.shape or scores.ndim != 1:
            raise ValueError(f"need one label and two speakers a score, got {target.shape} for {scores.shape}")
        if (first[target] != second[target]).any():
            raise ValueError("a target trial has two different speakers")
        self.num_speakers = int(max(first.max(), second.max())) + 1
        if self.num_speakers < 2:
            raise ValueError("resampling needs the trials of at least two speakers")
        self.priors = tuple(priors)
        corners = _thin(*detection_errors(sort_scores(scores[target], scores[~target])))
        self.num_bins = len(corners) + 1
        bits = {True: _bits(scores[target], -1.0), False: _bits(scores[~target], 1.0)}
        columns, pairs = _pairs(first[~target], second[~target], self.num_speakers)
        self._pairs = pairs
        self._classes = {
            True: _ClassCounts(scores[target], first[target], self.num_speakers, corners, bits[True], self.priors),
            False: _ClassCounts(scores[~target], columns, len(pairs), corners, bits[False], self.priors),
        }

    def resample(self, weights: np.ndarray) -> Curves:
        """The curves and costs if each speaker is there as often as its weight says.

        Args:
            weights: (speakers, resamples); with all ones the result is that of the trials as they are.

        Raises:
            ValueError: a resample without a target or without a nontarget trial.
        """
        first, second = self._pairs.T
        paired = weights[first]
        paired *= weights[second]
        alone = first == second
        if alone.any():
            paired[alone] = weights[first[alone]]
        miss, bits_of_targets, missed = self._classes[True].sums(weights)
        false_alarm, bits_of_nontargets, rejected = self._classes[False].sums(paired)
        actual = {
            prior: (prior * missed[index] + (1.0 - prior) * (1.0 - rejected[index])) / min(prior, 1.0 - prior)
            for index, prior in enumerate(self.priors)
        }
        return Curves(miss, 1.0 - false_alarm, actual, (bits_of_targets + bits_of_nontargets) / 2.0)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """(speakers, count) float32 weights of resamples that hold target and nontarget trials.

        Raises:
            ValueError: hardly any draw of speakers holds both.
        """
        drawn, left = [], 20 * count + 100
        uniform = np.full(self.num_speakers, 1.0 / self.num_speakers)
        while count:
            weights = generator.multinomial(self.num_speakers, uniform, size=count).astype(np.float32).T
            good = weights[self._classes[True].used].any(axis=0)
            good &= _any_pair(weights, self._pairs[:256])
            unsure = np.flatnonzero(~good)
            good[unsure] = weights[np.ix_(self._classes[True].used, unsure)].any(axis=0)
            good[unsure] &= _any_pair(weights[:, unsure], self._pairs)
            drawn.append(weights[:, good])
            left -= count
            count -= int(good.sum())
            if left <= 0 and count:
                raise ValueError("hardly any draw of speakers has both target and nontarget trials: no intervals")
        return np.concatenate(drawn, axis=1)

    def measure(self, num_samples: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Measures of all resamples: eer, eer_kaldi, min_cllr, cllr, and by prior min_dcf_P and act_dcf_P.

        The same seed draws the same speakers, whatever the scores: two systems' measures belong together.
        """
        generator = np.random.default_rng(seed)
        found: dict[str, list] = {}
        size = max(1, min(64, _AT_ONCE // max(self.num_speakers, len(self._pairs), self.num_bins)))
        for start in range(0, num_samples, size):
            curves = self.resample(self.draw(generator, min(size, num_samples - start)))
            for name, values in _measures(curves).items():
                found.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in found.items()}


class _ClassCounts:
    """Trials of one class, counted by bin and column (a speaker or a pair of them)."""

    def __init__(self, scores, columns, num_columns, corners, bits, priors):
        from scipy.sparse import csr_matrix

        bins = np.searchsorted(corners, scores, side="right")
        keys = bins.astype(np.int64)
        keys *= num_columns
        keys += columns
        keys.sort()
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        counts = np.diff(np.append(starts, len(keys))).astype(np.float32)
        rows, places = np.divmod(keys[starts], num_columns)
        shape = (len(corners) + 1, num_columns)
        pointers = np.searchsorted(rows, np.arange(shape[0] + 1))
        self._by_bin = csr_matrix((counts, places.astype(np.int32), pointers.astype(np.int64)), shape=shape)
        self._count = np.bincount(columns, minlength=num_columns).astype(np.float64)
        self.used = np.flatnonzero(self._count)
        self._bits = np.bincount(columns, weights=bits, minlength=num_columns)
        self._below = [
            np.bincount(columns[scores < bayes_threshold(prior)], minlength=num_columns).astype(np.float64)
            for prior in priors
        ]

    def sums(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Shares of the class below each corner (resamples, corners + 1), mean bits, shares below the thresholds."""
        total = self._count @ weights
        if not (total > 0.0).all():
            raise ValueError("a resample lacks target or nontarget trials")
        inside = np.asarray(self._by_bin @ weights).T
        below = np.cumsum(inside, axis=1, dtype=np.float64)
        below /= below[:, -1:]
        return below, (self._bits @ weights) / total, [(counts @ weights) / total for counts in self._below]


def interval(samples: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """The percentiles that leave out equal shares on both sides."""
    outside = 50.0 * (1.0 - confidence)
    low, high = np.percentile(samples, [outside, 100.0 - outside])
    return float(low), float(high)


def paired_test(first: np.ndarray, second: np.ndarray, observed: float) -> tuple[tuple[float, float], float]:
    """Interval of the difference of a measure between two systems, and the two-sided bootstrap p-value of none.

    Args:
        first, second: (resamples,) of the two systems, from the same draws.
        observed: difference, first minus second, on the trials as they are.

    Returns:
        The 95 % interval; and p: twice the smaller share of resamples on either side of zero, ties half on each; at
        least 2 / (resamples + 1), so that it never claims more than the resamples can tell. 1 if nothing differs.
    """
    difference = np.asarray(first) - np.asarray(second)
    if observed == 0.0 and not difference.any():
        return (0.0, 0.0), 1.0
    ties = np.count_nonzero(difference == 0.0) / 2.0
    smaller = min(np.count_nonzero(difference < 0.0), np.count_nonzero(difference > 0.0)) + ties
    return interval(difference), float(min(1.0, 2.0 * (smaller + 1.0) / (len(difference) + 1.0)))


def _measures(curves: Curves) -> dict[str, np.ndarray]:
    miss, false_alarm = curves.miss, curves.false_alarm
    # Both as shares of what is below a corner, with nothing below the first: from accepting all to rejecting all.
    miss = np.concatenate([np.zeros((len(miss), 1)), miss], axis=1)
    false_alarm = np.concatenate([np.ones((len(miss), 1)), false_alarm], axis=1)
    measures = {"eer": eer_of_curves(miss, false_alarm), "eer_kaldi": _kaldi_eer(miss, false_alarm)}
    for prior, actual in curves.actual.items():
        measures[f"min_dcf_{prior:g}"] = min_dcf_of_curves(miss, false_alarm, prior)
        measures[f"act_dcf_{prior:g}"] = actual
    measures["cllr"] = curves.cllr
    measures["min_cllr"] = np.array([min_cllr_of_curve(*curve) for curve in zip(miss, false_alarm, strict=True)])
    return measures


def _kaldi_eer(miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
    """compute-eer's rule on weighted trials: the first target whose share of targets below reaches the false alarms."""
    reached = np.argmax(false_alarm[:, :-1] <= miss[:, 1:], axis=1)
    rows = np.arange(len(miss))
    return np.maximum(miss[rows, reached], false_alarm[rows, reached])


def _thin(corners: np.ndarray, miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
    """The corners but the last; of a long curve those where the rates have changed by a step of the bins."""
    if len(corners) <= _MAX_CORNERS:
        return corners[:-1]
    with np.errstate(divide="ignore"):
        place = np.floor(_TARGET_STEPS * miss)
        low = np.floor(-_NONTARGET_STEPS * np.log(false_alarm))
    new = np.append(True, (np.diff(place) != 0.0) | (low[1:] != low[:-1]))
    return corners[:-1][new[:-1]]


def _pairs(first: np.ndarray, second: np.ndarray, num_speakers: int) -> tuple[np.ndarray, np.ndarray]:
    """(trials,) number of each trial's pair of speakers, and (pairs, 2) the speakers, the lower first."""
    keys = np.minimum(first, second).astype(np.int64)
    keys *= num_speakers
    keys += np.maximum(first, second)
    if num_speakers <= 4096:
        used = np.flatnonzero(np.bincount(keys, minlength=num_speakers**2))
        number = np.zeros(num_speakers**2, np.int32)
        number[used] = np.arange(len(used), dtype=np.int32)
        columns = number[keys]
    else:
        used, columns = np.unique(keys, return_inverse=True)
    return columns.astype(np.int32, copy=False), np.stack(np.divmod(used, num_speakers), axis=1)


def _any_pair(weights: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    first, second = pairs.T
    return ((weights[first] > 0.0) & (weights[second] > 0.0)).any(axis=0)


def _bits(scores: np.ndarray, sign: float) -> np.ndarray:
    bits = np.logaddexp(0.0, sign * scores)
    bits /= np.log(2.0)
    return bits
