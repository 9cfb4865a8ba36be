"""Linear calibration and fusion of scores by logistic regression weighted by a prior (Brummer's FoCal, 2007)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Keeps the weights finite where the dev trials are separable; far below what any list can tell apart.
_RIDGE = 1e-6
_MAX_ITERATIONS = 100


@dataclass(frozen=True)
class Calibration:
    """A calibrated score is `weights . scores + offset`, a natural-log likelihood ratio.

    Attributes:
        weights: (systems,) float64.
        offset: number.
        prior: of a target, for which it was trained.
    """

    weights: np.ndarray
    offset: float
    prior: float

    def apply(self, scores) -> np.ndarray:
        """(trials,) float64 from (systems, trials) scores.

        Raises:
            ValueError: another number of systems.
        """
        scores = np.asarray(scores)
        if scores.ndim != 2 or len(scores) != len(self.weights):
            raise ValueError(f"a calibration of {len(self.weights)} systems, but scores of shape {scores.shape}")
        return self.weights @ scores.astype(np.float64) + self.offset


def train_calibration(scores, target, prior: float = 0.5) -> Calibration:
    """Minimise the cross-entropy of the posteriors at the prior, by Newton's method.

    The objective is P mean_tar log(1 + exp(-s - t)) + (1 - P) mean_non log(1 + exp(s + t)) with t = log(P / (1 - P)),
    in which both classes have their say however many trials they have. It is convex: there is one minimum.

    Args:
        scores: (systems, trials) of dev trials.
        target: (trials,) bool.
        prior: of a target, between 0 and 1: the region of thresholds that matters.

    Raises:
        ValueError: trials of one class only, scores that are not finite or do not vary, or an impossible prior.
    """
    scores, target = np.asarray(scores, dtype=np.float64), np.asarray(target, dtype=bool)
    if scores.ndim != 2 or scores.shape[1:] != target.shape:
        raise ValueError(f"need (systems, trials) scores and as many labels, got {scores.shape} and {target.shape}")
    if not 0.0 < prior < 1.0:
        raise ValueError(f"the prior of a target must lie between 0 and 1, got {prior}")
    if target.all() or not target.any():
        raise ValueError("calibration needs target and nontarget trials to learn from")
    if not np.isfinite(scores).all():
        raise ValueError("scores to learn from must be finite")
    centre, spread = scores.mean(axis=1), scores.std(axis=1)
    if not (spread > 1e-12 * np.abs(centre)).all():
        raise ValueError(f"system {int(np.argmin(spread)) + 1} gives all dev trials the same score")
    inputs = np.vstack([(scores - centre[:, None]) / spread[:, None], np.ones(len(target))])
    weight = np.where(target, prior / target.sum(), (1.0 - prior) / (~target).sum())
    sign = np.where(target, 1.0, -1.0)
    ridge = np.append(np.full(len(scores), _RIDGE), 0.0)
    log_odds = np.log(prior) - np.log1p(-prior)
    model = np.zeros(len(inputs))

    def objective(model: np.ndarray) -> float:
        margin = sign * (model @ inputs + log_odds)
        return float(weight @ np.logaddexp(0.0, -margin) + 0.5 * ridge @ model**2)

    value = objective(model)
    for _ in range(_MAX_ITERATIONS):
        margin = sign * (model @ inputs + log_odds)
        wrong = np.exp(-np.logaddexp(0.0, margin))  # the posterior of the other class
        gradient = -inputs @ (weight * sign * wrong) + ridge * model
        curvature = (inputs * (weight * wrong * (1.0 - wrong))) @ inputs.T + np.diag(ridge)
        # Two systems with the same scores share their weight: the least-squares step is the shortest.
        step = np.linalg.lstsq(curvature, -gradient, rcond=1e-14)[0]
        scale, slope = 1.0, float(gradient @ step)
        while (new := objective(model + scale * step)) > value + 1e-4 * scale * slope and scale > 1e-10:
            scale *= 0.5
        model, improvement, value = model + scale * step, value - new, new
        if -slope < 1e-14 or abs(improvement) < 1e-16:
            break
    weights = model[:-1] / spread
    return Calibration(weights, float(model[-1] - weights @ centre), prior)
