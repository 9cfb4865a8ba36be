"""Intervals of detection error measures, and a paired test, when speakers are drawn anew (Efron, 1979; Poh, 2007).

A resample draws as many speakers as there are, with replacement. A target trial counts as often as its speaker was
drawn, a nontarget trial as often as its two speakers together (the product): what the trials between copies of speakers
would be. Trials are weighted, never copied: scores are sorted once, the curve's corners become bins, and all resamples
are products of matrices (bins x pairs of speakers) with the weights.

In long lists of many speakers that product of two counts is taken of the nontarget trials with the highest scores
alone; of the bulk, the sum of both counts less one, which has the same expectation and leaves out what two speakers'
counts deviate by together: 1 / sqrt(2^18), 0.2 % of a false-alarm rate, where intervals are wider by an order.
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
_TAIL, _FEW_PAIRS = 1 << 18, 1 << 14
_PIECE = 1 << 22


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
        ordered = sort_scores(scores[target], scores[~target])
        corners = _thin(*detection_errors(ordered))
        self.num_bins = len(corners) + 1
        self._targets = _Counts(scores, target, [first], self.num_speakers, corners, -1.0, self.priors)
        tail = ~target
        if len(ordered.nontarget) > _TAIL and self.num_speakers**2 > 2 * _FEW_PAIRS:
            tail &= scores >= ordered.nontarget[-_TAIL]
        del ordered
        columns, self._pairs = _pairs(first[tail], second[tail], self.num_speakers)
        self._nontargets = [_Counts(scores, tail, [columns], len(self._pairs), corners, 1.0, self.priors)]
        bulk = ~target
        bulk &= ~tail
        if bulk.any():
            both = [first, second]
            self._nontargets.append(_Counts(scores, bulk, both, self.num_speakers, corners, 1.0, self.priors))

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
        miss, target_sums = _shares(self._targets.sums(weights))
        parts = [part.sums(each) for part, each in zip(self._nontargets, (paired, weights), strict=False)]
        below, nontarget_sums = _shares(tuple(sum(sums) for sums in zip(*parts, strict=True)))
        actual = {
            prior: (prior * target_sums[place] + (1.0 - prior) * (1.0 - nontarget_sums[place]))
            / min(prior, 1.0 - prior)
            for place, prior in enumerate(self.priors)
        }
        return Curves(miss, 1.0 - below, actual, (target_sums[-1] + nontarget_sums[-1]) / 2.0)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """(speakers, count) float32 weights of resamples that hold target and nontarget trials.

        Raises:
            ValueError: hardly any draw of speakers holds both.
        """
        drawn, left = [], 20 * count + 100
        uniform = np.full(self.num_speakers, 1.0 / self.num_speakers)
        while count:
            weights = generator.multinomial(self.num_speakers, uniform, size=count).astype(np.float32).T
            good = weights[self._targets.used].any(axis=0)
            good &= _any_pair(weights, self._pairs[:256])
            unsure = np.flatnonzero(~good)
            good[unsure] = weights[np.ix_(self._targets.used, unsure)].any(axis=0)
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


class _Counts:
    """Some trials of one class, counted by bin and column (a speaker, or a pair of them).

    Args:
        scores: (trials,) of all trials.
        chosen: (trials,) bool: these ones.
        columns: one array with the column of each trial, all or chosen; or two, see the module's text on the bulk.
        num_columns: how many there are.
        corners: rising thresholds between the bins.
        sign: of the scores in Cllr: -1 for targets, 1 for nontargets.
        priors: of the actual costs.
    """

    def __init__(self, scores, chosen, columns, num_columns, corners, sign, priors):
        places = np.flatnonzero(chosen)
        columns = [each if len(each) == len(places) else each[places] for each in columns]
        self._times = len(columns)
        size = (len(corners) + 1) * num_columns
        dense = size <= max(len(places), 1 << 16) or self._times > 1 and size <= 1 << 26
        by_bin = np.zeros(size, np.float32) if dense else []
        rows = np.zeros((len(priors) + 1, num_columns))  # trials below each prior's threshold, and bits
        self._count = sum(np.bincount(each, minlength=num_columns) for each in columns).astype(np.float64)
        self.used = np.flatnonzero(self._count)
        for start in range(0, len(places), _PIECE):
            part = slice(start, start + _PIECE)
            values = scores[places[part]]
            first_of_bin = np.searchsorted(corners, values, side="right") * num_columns
            bits = _bits(values, sign)
            for each in columns:
                keys = first_of_bin + each[part]
                if dense:
                    by_bin += np.bincount(keys, minlength=size)
                else:
                    by_bin.append(keys)
                rows[-1] += np.bincount(each[part], weights=bits, minlength=num_columns)
                for row, prior in zip(rows, priors, strict=False):
                    row += np.bincount(each[part][values < bayes_threshold(prior)], minlength=num_columns)
        self._rows = rows
        shape = (len(corners) + 1, num_columns)
        self._by_bin = by_bin.reshape(shape) if dense else _sparse(np.concatenate(by_bin), shape)
        # Counted twice, a trial's weight is the sum of two: less one, on average, is what it should be.
        ones = (self._times - 1) / self._times * np.ones((num_columns, 1), np.float32)
        self._extra = [np.asarray(each @ ones) for each in (self._by_bin, self._count, self._rows)]

    def sums(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (resamples, bins) by bin, (resamples,) in all, and (priors + 1, resamples) of the other rows."""
        inside = np.asarray(self._by_bin @ weights)
        total, others = self._count @ weights, self._rows @ weights
        if self._times > 1:
            inside = np.maximum(inside - self._extra[0], 0.0)
            total, others = total - self._extra[1], others - self._extra[2]
        return inside.T, total, others


def _sparse(keys: np.ndarray, shape: tuple[int, int]):
    """Counts of keys, row * columns + column, as a sparse matrix."""
    from scipy.sparse import csr_matrix

    keys.sort()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    counts = np.diff(np.append(starts, len(keys))).astype(np.float32)
    rows, columns = np.divmod(keys[starts], shape[1])
    pointers = np.searchsorted(rows, np.arange(shape[0] + 1))
    return csr_matrix((counts, columns.astype(np.int32), pointers.astype(np.int32)), shape=shape)


def _shares(sums: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(resamples, bins) shares of the weight up to each bin, and the other sums as shares."""
    inside, total, others = sums
    if not (total > 0.0).all():
        raise ValueError("a resample lacks target or nontarget trials")
    below = np.cumsum(inside, axis=1, dtype=np.float64)
    below /= below[:, -1:]
    return below, others / total


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
