"""Detection error measures of scored trials: EER, minDCF, Cllr and minCllr (Brummer and du Preez, 2006).

Everything needs one sort of each class. Scores may be float32 or float64 and are compared as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class SortedScores(NamedTuple):
    """Scores of the target and of the nontarget trials, each rising."""

    target: np.ndarray
    nontarget: np.ndarray


def sort_scores(target, nontarget) -> SortedScores:
    """Sort once what several measures are taken of; they take the result in place of both lists.

    Args:
        target: (targets,) scores of trials of the same speaker.
        nontarget: (nontargets,) scores of trials of different speakers.

    Raises:
        ValueError: one of the two is empty, has more than one dimension, or holds NaN.
    """
    return SortedScores(np.sort(_scores(target, "target")), np.sort(_scores(nontarget, "nontarget")))


def detection_errors(target, nontarget=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Miss and false-alarm rates at every threshold that makes a difference: the corners of the DET curve.

    A trial is accepted if its score is at least the threshold. Between two corners the curve is straight: only targets,
    or only nontargets, have their scores there (or all have the same).

    Args:
        target: (targets,) scores, or what `sort_scores` returns.
        nontarget: (nontargets,) scores.

    Returns:
        Three arrays (corners + 1,), by rising threshold: the thresholds, the share of targets rejected and the share of
        nontargets accepted. The first accepts every trial, as a threshold of minus infinity does; the last, labelled
        infinity, rejects every trial.

    Raises:
        ValueError: as `sort_scores`.
    """
    target, nontarget = _sorted(target, nontarget)
    own = target[_run_starts(target)]
    below = np.searchsorted(nontarget, own, side="left")
    up_to = np.searchsorted(nontarget, own, side="right")
    tied = below != up_to
    between = np.append(below[0] > 0, below[1:] > up_to[:-1])  # nontargets just below this target score
    starts_targets = between | tied
    starts_targets[0] = True
    starts_targets[1:] |= tied[:-1]
    first_below = np.append(0, up_to)[:-1][between]
    thresholds = [own[starts_targets], nontarget[first_below]]
    if up_to[-1] < len(nontarget):
        thresholds.append(nontarget[up_to[-1] : up_to[-1] + 1])
    corners = np.sort(np.concatenate(thresholds))
    miss = np.searchsorted(target, corners, side="left") / target.size
    false_alarm = (nontarget.size - np.searchsorted(nontarget, corners, side="left")) / nontarget.size
    return np.append(corners, np.inf), np.append(miss, 1.0), np.append(false_alarm, 0.0)


def equal_error_rate(target, nontarget=None) -> float:
    """Error rate where misses and false alarms are equal, interpolated linearly between the two operating points.

    It depends on the order of the scores alone. Arguments and errors as for `detection_errors`.
    """
    _, miss, false_alarm = detection_errors(target, nontarget)
    return float(eer_of_curves(miss[None], false_alarm[None])[0])


def eer_of_curves(miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
    """(curves,) equal error rates of (curves, points) rates by rising threshold, from accepting to rejecting all."""
    gap = miss - false_alarm  # rises from -1 to 1
    after = np.argmax(gap >= 0.0, axis=1)
    rows = np.arange(len(gap))
    before = after - 1
    weight = gap[rows, before] / (gap[rows, before] - gap[rows, after])
    return miss[rows, before] + weight * (miss[rows, after] - miss[rows, before])


def kaldi_equal_error_rate(target, nontarget=None) -> tuple[float, float]:
    """Equal error rate by the rule of Kaldi's compute-eer, and its threshold: a multiple of 1 / targets.

    The first target score, by rising order, that as many targets are below, in proportion, as nontargets are at or
    above. Arguments and errors as for `detection_errors`.
    """
    target, nontarget = _sorted(target, nontarget)

    def is_past(position: int) -> bool:
        rank = len(nontarget) - 1 - int(len(nontarget) * position * 1.0 / len(target))
        return bool(nontarget[max(rank, 0)] < target[position])

    low, high = 0, len(target) - 1  # Kaldi's loop ends at the last target whatever its score
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_past(middle) else (middle + 1, high)
    return low / len(target), float(target[low])


def min_dcf(target, nontarget=None, p_target: float = 0.01) -> float:
    """Lowest normalised detection cost over all thresholds, with costs of 1.

    min over t of [p FRR(t) + (1 - p) FAR(t)] / min(p, 1 - p); rejecting all and accepting all are among the thresholds,
    so the value is at most 1. Kaldi's compute_min_dcf.py has the same normalisation, but never tries to accept all, and
    between trials with equal scores it tries thresholds that no number can have.

    Args:
        target: (targets,) scores, or what `sort_scores` returns.
        nontarget: (nontargets,) scores.
        p_target: prior probability of a target, between 0 and 1 exclusive.

    Raises:
        ValueError: as `sort_scores`; or the prior is not inside (0, 1).
    """
    check_prior(p_target)
    target, nontarget = _sorted(target, nontarget)
    # The best threshold is a target's score: from anywhere else it can be raised to the next one for nothing.
    own = _run_starts(target)
    accepted = nontarget.size - np.searchsorted(nontarget, target[own], side="left")
    cost = p_target * (own / target.size) + (1.0 - p_target) * (accepted / nontarget.size)
    return float(min(cost.min(), p_target, 1.0 - p_target) / min(p_target, 1.0 - p_target))


def min_dcf_of_curves(miss: np.ndarray, false_alarm: np.ndarray, p_target: float) -> np.ndarray:
    """(curves,) normalised costs of (curves, points) rates; see `eer_of_curves`."""
    return (p_target * miss + (1.0 - p_target) * false_alarm).min(axis=1) / min(p_target, 1.0 - p_target)


def bayes_threshold(p_target: float) -> float:
    """The natural-log likelihood ratio above which accepting costs less, for costs of 1: log((1 - p) / p)."""
    check_prior(p_target)
    return float(np.log1p(-p_target) - np.log(p_target))


def actual_dcf(target, nontarget=None, p_target: float = 0.01) -> float:
    """Normalised detection cost at the threshold that the prior asks for, if scores are natural-log likelihood ratios.

    It is never below `min_dcf`; what it is above is for calibration to mend. Arguments and errors as for `min_dcf`.
    """
    threshold = bayes_threshold(p_target)
    target, nontarget = _sorted(target, nontarget)
    miss = np.searchsorted(target, threshold, side="left") / target.size
    false_alarm = 1.0 - np.searchsorted(nontarget, threshold, side="left") / nontarget.size
    return float((p_target * miss + (1.0 - p_target) * false_alarm) / min(p_target, 1.0 - p_target))


def cllr(target, nontarget=None) -> float:
    """Cost of log-likelihood ratios in bits: 0 for perfect ones, 1 for ratios that say nothing.

    Args:
        target: (targets,) natural-log likelihood ratios, same speaker over different speakers; or what `sort_scores`
            returns.
        nontarget: (nontargets,) likewise.

    Raises:
        ValueError: as `sort_scores`.
    """
    if not isinstance(target, SortedScores):
        target = SortedScores(_scores(target, "target"), _scores(nontarget, "nontarget"))
    return (_mean_bits(target.target, -1.0) + _mean_bits(target.nontarget, 1.0)) / 2.0


def min_cllr(target, nontarget=None) -> float:
    """Cllr after the best monotone calibration, by pooling adjacent violators (Brummer and du Preez, 2006, section 7).

    It depends on the order of the scores alone, and lies between 0 and 1. Arguments and errors as for
    `detection_errors`.
    """
    _, miss, false_alarm = detection_errors(target, nontarget)
    return min_cllr_of_curve(miss, false_alarm)


def min_cllr_of_curve(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    """The same from (points,) rates by rising threshold, from accepting all to rejecting all.

    Pooling adjacent violators gives all trials between two vertices of the curve's convex hull the same likelihood
    ratio, the hull's slope there.
    """
    hull = convex_hull(miss, false_alarm)
    targets, nontargets = np.diff(miss[hull]), -np.diff(false_alarm[hull])
    with np.errstate(divide="ignore"):
        ratio = np.log(targets) - np.log(nontargets)
    bits = 0.0
    for share, sign in ((targets, -1.0), (nontargets, 1.0)):
        some = share > 0.0  # a likelihood ratio without end costs nothing where it is right
        bits += float(np.dot(share[some], np.logaddexp(0.0, sign * ratio[some])))
    return float(bits / (2.0 * np.log(2.0)))


def convex_hull(miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
    """Places of the vertices of the lower convex hull of (points,) rates, the ends included.

    A point on or above the line between its neighbours is no vertex, and all such points can go at once; few rounds
    leave few points.
    """
    places = np.flatnonzero(np.append(True, (np.diff(miss) != 0.0) | (np.diff(false_alarm) != 0.0)))
    while len(places) > 2:
        x, y = miss[places], false_alarm[places]
        dx, dy = np.diff(x), np.diff(y)
        keep = np.ones(len(places), bool)
        # Scaled to the sizes at hand, so that the rounding of equal slopes decides nothing.
        left, right = dx[:-1] * dy[1:], dx[1:] * dy[:-1]
        keep[1:-1] = left - right > 1e-12 * (np.abs(left) + np.abs(right))
        if keep.all():
            break
        places = places[keep]
    return places


def all_measures(scores: SortedScores, priors: Sequence[float]) -> dict[str, float]:
    """Every measure by name: eer, eer_kaldi, cllr, min_cllr, and for each prior P min_dcf_P and act_dcf_P."""
    measures = {"eer": equal_error_rate(scores), "eer_kaldi": kaldi_equal_error_rate(scores)[0]}
    for prior in priors:
        measures[f"min_dcf_{prior:g}"] = min_dcf(scores, p_target=prior)
        measures[f"act_dcf_{prior:g}"] = actual_dcf(scores, p_target=prior)
    return measures | {"cllr": cllr(scores), "min_cllr": min_cllr(scores)}


def check_prior(p_target: float) -> None:
    """Raise a ValueError unless the prior probability of a target lies inside (0, 1)."""
    if not 0.0 < p_target < 1.0:
        raise ValueError(f"the prior of a target must lie between 0 and 1, got {p_target}")


def parse_priors(text: str) -> list[float]:
    """Distinct priors from a list with commas, as options have it; anything else is a ValueError."""
    try:
        priors = [float(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"priors '{text}': expected numbers separated by commas") from None
    for prior in priors:
        check_prior(prior)
    if len({f"{prior:g}" for prior in priors}) < len(priors):
        raise ValueError(f"priors '{text}': a prior comes twice")
    return priors


def _run_starts(values: np.ndarray) -> np.ndarray:
    """Where each distinct value of a sorted array begins."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def _mean_bits(scores: np.ndarray, sign: float) -> float:
    total = 0.0
    for start in range(0, len(scores), 1 << 18):
        total += float(np.logaddexp(0.0, sign * scores[start : start + (1 << 18)].astype(np.float64)).sum())
    return total / (len(scores) * float(np.log(2.0)))


def _sorted(target, nontarget) -> SortedScores:
    return target if isinstance(target, SortedScores) else sort_scores(target, nontarget)


def _scores(scores, name: str) -> np.ndarray:
    scores = np.asarray(scores)
    if scores.dtype != np.float32:
        scores = scores.astype(np.float64)
    if scores.ndim != 1 or scores.size == 0:
        raise ValueError(f"{name} scores must be one list of at least one score, got shape {scores.shape}")
    bad = np.flatnonzero(np.isnan(scores))
    if bad.size:
        raise ValueError(f"{bad.size} {name} scores are not numbers, the first at place {bad[0]}")
    return scores
