"""Closed-set speaker identification: pooling of snippet posteriors and accuracy (Lukic et al., 2016, section 3.2)."""

from __future__ import annotations

import numpy as np

POOLINGS = ("arithmetic", "geometric", "maximum")


def pool_posteriors(posteriors, pooling: str = "arithmetic") -> np.ndarray:
    """Pool the posteriors of all snippets of one test item into one score per speaker.

    Args:
        posteriors: (snippets, speakers) probabilities.
        pooling: `arithmetic` mean (the paper's), `geometric` mean, or `maximum` over the snippets.

    Returns:
        (speakers,) float64 pooled scores; only the arithmetic ones sum to 1.

    Raises:
        ValueError: no snippet, a value outside [0, 1] or NaN, or an unknown pooling.
    """
    posteriors = np.asarray(posteriors)
    if posteriors.ndim != 2 or 0 in posteriors.shape:
        raise ValueError(f"need at least one snippet and one speaker, got posteriors of shape {posteriors.shape}")
    # Below the smallest normal float32 a softmax has underflowed. Without a floor two snippets that rule out every
    # speaker between them would leave nothing to choose from.
    floor = float(np.finfo(np.float32).tiny)
    posteriors = posteriors.astype(np.float64)
    if not (posteriors.min() >= 0.0 and posteriors.max() <= 1.0 + 1e-4):  # true of NaN as well
        raise ValueError(f"posteriors must lie in [0, 1], got {posteriors.min():.6g} to {posteriors.max():.6g}")
    if pooling == "arithmetic":
        return posteriors.mean(axis=0)
    if pooling == "geometric":
        return np.exp(np.log(np.maximum(posteriors, floor)).mean(axis=0))
    if pooling == "maximum":
        return posteriors.max(axis=0)
    raise ValueError(f"unknown pooling {pooling!r}: give one of {', '.join(POOLINGS)}")


def identify(scores) -> np.ndarray:
    """(items,) column of the highest score in each row of (items, speakers) scores; of equal ones the first.

    Raises:
        ValueError: `scores` is not a table with at least one speaker, or holds NaN.
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"need a table of items by speakers, got shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"scores of item {int(np.isnan(scores).any(axis=1).argmax())} are not numbers")
    return scores.argmax(axis=1)


def accuracy(reference, decided) -> float:
    """Share of items whose decided speaker is the reference; (items,) labels each, at least one."""
    reference, decided = np.asarray(reference), np.asarray(decided)
    if reference.ndim != 1 or reference.shape != decided.shape or reference.size == 0:
        raise ValueError(f"need as many decisions as items, got shapes {decided.shape} and {reference.shape}")
    return float(np.mean(reference == decided))
