"""Detection error measures of scored trials: EER, minDCF and Cllr (Brummer and du Preez, 2006)."""

from __future__ import annotations

import numpy as np


def detection_errors(target, nontarget) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Miss and false-alarm rates at every threshold that makes a difference.

    A trial is accepted if its score is at least the threshold. Costs one sort of all scores.

    Args:
        target: (targets,) scores of trials of the same speaker.
        nontarget: (nontargets,) scores of trials of different speakers.

    Returns:
        Three arrays (distinct scores + 1,), by rising threshold: the thresholds, the share of targets rejected and the
        share of nontargets accepted. The first accepts every trial, as a threshold of minus infinity does; the last,
        labelled infinity, rejects every trial.

    Raises:
        ValueError: one of the two is empty, has more than one dimension, or holds NaN.
    """
    target, nontarget = _scores(target, "target"), _scores(nontarget, "nontarget")
    thresholds = np.unique(np.concatenate([target, nontarget]))
    miss = np.searchsorted(np.sort(target), thresholds, side="left") / target.size
    accepted = nontarget.size - np.searchsorted(np.sort(nontarget), thresholds, side="left")
    false_alarm = accepted / nontarget.size
    return np.append(thresholds, np.inf), np.append(miss, 1.0), np.append(false_alarm, 0.0)


def equal_error_rate(target, nontarget) -> float:
    """Error rate where misses and false alarms are equal, interpolated linearly between the two operating points.

    It depends on the order of the scores alone. Arguments and errors as for `detection_errors`.
    """
    _, miss, false_alarm = detection_errors(target, nontarget)
    gap = miss - false_alarm  # rises from -1 to 1
    after = int(np.argmax(gap >= 0.0))
    before = after - 1
    weight = gap[before] / (gap[before] - gap[after])
    return float(miss[before] + weight * (miss[after] - miss[before]))


def min_dcf(target, nontarget, p_target: float) -> float:
    """Lowest normalised detection cost over all thresholds, with costs of 1 (Kaldi's compute_min_dcf.py).

    min over t of [p FRR(t) + (1 - p) FAR(t)] / min(p, 1 - p); rejecting all and accepting all are among the thresholds,
    so the value is at most 1.

    Args:
        target: (targets,) scores.
        nontarget: (nontargets,) scores.
        p_target: prior probability of a target, between 0 and 1 exclusive.

    Raises:
        ValueError: as `detection_errors`; or the prior is not inside (0, 1).
    """
    if not 0.0 < p_target < 1.0:
        raise ValueError(f"the prior of a target must lie between 0 and 1, got {p_target}")
    _, miss, false_alarm = detection_errors(target, nontarget)
    cost = p_target * miss + (1.0 - p_target) * false_alarm
    return float(cost.min() / min(p_target, 1.0 - p_target))


def cllr(target, nontarget) -> float:
    """Cost of log-likelihood ratios in bits: 0 for perfect ones, 1 for ratios that say nothing.

    Args:
        target: (targets,) natural-log likelihood ratios, same speaker over different speakers.
        nontarget: (nontargets,) likewise.

    Raises:
        ValueError: as `detection_errors`.
    """
    target, nontarget = _scores(target, "target"), _scores(nontarget, "nontarget")
    bits = np.mean(np.logaddexp(0.0, -target)) + np.mean(np.logaddexp(0.0, nontarget))
    return float(bits / (2.0 * np.log(2.0)))


def _scores(scores, name: str) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or scores.size == 0:
        raise ValueError(f"{name} scores must be one list of at least one score, got shape {scores.shape}")
    bad = np.flatnonzero(np.isnan(scores))
    if bad.size:
        raise ValueError(f"{bad.size} {name} scores are not numbers, the first at place {bad[0]}")
    return scores
