"""Rules that make one decision of the class probabilities of several models (Burkhardt and Atmaja, Nkululeko 1.0).

With p_m(c) the probability of class c by model m, its label the class of its largest probability, and its uncertainty
u_m = H(p_m) / ln K, the entropy in units of that of a fair die with K sides:

    majority_voting        the label of most models
    mean, sum              the class of the largest mean, or sum, of p_m(c): the same decision
    max                    the class whose largest p_m(c) over the models is largest
    max_class              the label of the model that has the largest probability of all; differs from `max` in ties:
                           there the first class wins, here the first model
    uncertainty_threshold  the label of the least uncertain model if its u_m is at most the threshold, else as `mean`
    uncertainty_weighted   as `mean` with weights 1 / u_m, at most 1e10
    confidence_weighted    as `mean` with weights 1 - u_m
    performance_weighted   as `mean` with weights given for the models, from scores on other data

All ties but that of `max_class` go to the first class, which is the first of the alphabet where classes are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

METHODS = (
    "majority_voting",
    "mean",
    "max",
    "sum",
    "max_class",
    "uncertainty_threshold",
    "uncertainty_weighted",
    "confidence_weighted",
    "performance_weighted",
)
UNCERTAINTIES = ("entropy", "nkululeko")


def combine(
    method: str,
    probabilities,
    threshold: float = 1.0,
    weights: Sequence[float] | None = None,
    uncertainty: str = "entropy",
) -> np.ndarray:
    """Decide on a class for every sample.

    Args:
        method: one of METHODS.
        probabilities: (models, samples, classes).
        threshold: of uncertainty_threshold; 1 trusts the least uncertain model always.
        weights: (models,) of performance_weighted, from 0 to 1.
        uncertainty: `entropy`, u above; or `nkululeko`, as that program's code has it (`uncertainties`).

    Returns:
        (samples,) class numbers.

    Raises:
        ValueError: an unknown method, a shape that is none, probabilities outside [0, 1], or weights that are missing,
            not wanted, or unfit.
    """
    return combine_probabilities(method, probabilities, threshold, weights, uncertainty)[0]


def combine_probabilities(
    method: str,
    probabilities,
    threshold: float = 1.0,
    weights: Sequence[float] | None = None,
    uncertainty: str = "entropy",
) -> tuple[np.ndarray, np.ndarray]:
    """Decide, and say how sure the ensemble is; arguments as for `combine`.

    Returns:
        (samples,) class numbers; (samples, classes) probabilities that the decision was made from: shares of votes,
        (weighted) means, normalised maxima, or those of the chosen model.
    """
    if method not in METHODS:
        raise ValueError(f"unknown ensemble method {method!r}: choose one of {', '.join(METHODS)}")
    p = _checked(probabilities)
    if (weights is not None) != (method == "performance_weighted"):
        raise ValueError("weights belong to performance_weighted, which needs them, and to no other method")
    labels = p.argmax(2)
    if method == "majority_voting":
        shares = (labels[..., None] == np.arange(p.shape[2])).mean(0)
    elif method == "max":
        shares = p.max(0)
    elif method == "max_class":
        return _of_model(p, p.max(2).argmax(0))
    elif method == "uncertainty_threshold":
        u = uncertainties(p, uncertainty)
        chosen, shares = _of_model(p, u.argmin(0))
        mean = p.mean(0)
        trusted = u.min(0) <= threshold
        return np.where(trusted, chosen, mean.argmax(1)), np.where(trusted[:, None], shares, mean)
    else:
        shares = np.einsum("ms,msc->sc", _weights(method, p, weights, uncertainty), p)
    return shares.argmax(1), shares / np.maximum(shares.sum(1, keepdims=True), np.finfo(float).tiny)


def uncertainties(probabilities, kind: str = "entropy") -> np.ndarray:
    """How uncertain the models are.

    Args:
        probabilities: (models, samples, classes).
        kind: `entropy`: H(p) / ln K. `nkululeko`: (H(q) - h) / (ln K - h), where q is the softmax of the probabilities
            (a second one) and h the least H(q) of all samples of the model, as its reporter computes it.

    Returns:
        (models, samples) from 0, sure, to 1, all classes alike.
    """
    p = _checked(probabilities)
    if kind not in UNCERTAINTIES:
        raise ValueError(f"unknown uncertainty {kind!r}: choose one of {', '.join(UNCERTAINTIES)}")
    limit = np.log(p.shape[2])
    if kind == "entropy":
        return np.clip(_entropy(p) / limit, 0.0, 1.0)
    q = np.exp(p)
    entropy = _entropy(q / q.sum(2, keepdims=True))
    least = entropy.min(1, keepdims=True)
    return np.clip((entropy - least) / np.maximum(limit - least, np.finfo(float).tiny), 0.0, 1.0)


def _weights(method: str, p: np.ndarray, weights: Sequence[float] | None, uncertainty: str) -> np.ndarray:
    """(models, samples) weights that add up to 1 over the models."""
    models, samples, _ = p.shape
    if method == "performance_weighted":
        given = np.asarray(weights, np.float64)
        if given.shape != (models,) or not ((given >= 0) & (given <= 1)).all() or not given.any():
            raise ValueError(f"expected {models} weights from 0 to 1, not all 0, got {weights}")
        raw = np.repeat(given[:, None], samples, 1)
    elif method == "uncertainty_weighted":
        u = uncertainties(p, uncertainty)
        raw = 1.0 / np.maximum(u, 1e-10)
    elif method == "confidence_weighted":
        raw = 1.0 - uncertainties(p, uncertainty)
        raw[:, ~raw.any(0)] = 1.0  # no model knows anything: all count alike
    else:
        raw = np.ones((models, samples))
        if method == "sum":
            return raw
    return raw / raw.sum(0)


def _of_model(p: np.ndarray, model: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shares = np.take_along_axis(p, model[None, :, None], 0)[0]
    return shares.argmax(1), shares


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(2)


def _checked(probabilities) -> np.ndarray:
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 3 or min(p.shape) < 1 or p.shape[2] < 2:
        raise ValueError(f"expected probabilities (models, samples, classes) of two classes or more, got {p.shape}")
    if not (np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1 + 1e-6):
        raise ValueError("probabilities must lie between 0 and 1")
    return p
