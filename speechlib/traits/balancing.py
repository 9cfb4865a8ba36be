"""Balancing of classes in a training part: rarer ones are drawn again, filled in (SMOTE), or others are thinned out."""

from __future__ import annotations

import numpy as np

METHODS = ("ros", "smote", "randomundersampler")


def balance(x: np.ndarray, y: np.ndarray, method: str, seed: int, neighbours: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Give all classes the same number of rows.

    ros draws rows of the rarer classes again. smote adds rows between a row and one of its nearest neighbours of the
    same class, at a uniform place of the line (Chawla et al., 2002). randomundersampler keeps as many rows of each
    class as the rarest has.

    Args:
        x: (rows, columns) training features.
        y: (rows,) class numbers.
        method: one of METHODS.
        seed: of the draws.
        neighbours: of smote, fewer in classes with fewer rows.

    Returns:
        (rows', columns) and (rows',); what was there comes first, in its order.

    Raises:
        ValueError: an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown balancing {method!r}: choose one of {', '.join(METHODS)}")
    x, y = np.asarray(x), np.asarray(y)
    generator = np.random.default_rng(seed)
    classes, counts = np.unique(y, return_counts=True)
    if method == "randomundersampler":
        kept = [generator.permutation(np.flatnonzero(y == label))[: counts.min()] for label in classes]
        rows = np.sort(np.concatenate(kept))
        return x[rows], y[rows]
    added = [x]
    for label, count in zip(classes, counts, strict=True):
        missing = int(counts.max() - count)
        if not missing:
            added.append(x[:0])
            continue
        own = x[y == label]
        base = generator.integers(len(own), size=missing)
        if method == "ros" or len(own) < 2:
            added.append(own[base])
            continue
        squares = (own * own).sum(1)
        distances = squares[:, None] + squares - 2.0 * own @ own.T
        np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(neighbours, len(own) - 1)]
        other = nearest[base, generator.integers(nearest.shape[1], size=missing)]
        added.append(own[base] + generator.random((missing, 1)) * (own[other] - own[base]))
    extra = [np.full(len(rows), label, y.dtype) for rows, label in zip(added[1:], classes, strict=True)]
    return np.concatenate(added), np.concatenate([y, *extra])
