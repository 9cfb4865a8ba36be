"""Classes by the cosine to their means: what a layer tells apart without any training (Shon et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def class_means(batches: Iterable[tuple[np.ndarray, np.ndarray]], num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean vector of each class, taken in one batch after the other.

    Args:
        batches: (vectors, dim) and (vectors,) class numbers.
        num_classes: classes.

    Returns:
        (classes, dim) float64 means, zeros for a class without vectors, and (classes,) counts.

    Raises:
        ValueError: there was no vector.
    """
    sums, counts = None, np.zeros(num_classes, np.int64)
    for vectors, classes in batches:
        if sums is None:
            sums = np.zeros((num_classes, vectors.shape[1]))
        np.add.at(sums, classes, vectors)
        counts += np.bincount(classes, minlength=num_classes)
    if sums is None or not counts.any():
        raise ValueError("no vector to take class means of")
    return sums / np.maximum(counts, 1)[:, None], counts


def nearest_class(vectors: np.ndarray, means: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """(vectors,) number of the class whose mean has the largest cosine; classes without vectors are never chosen."""
    cosines = unit_rows(vectors) @ unit_rows(means).T
    cosines[:, np.asarray(counts) == 0] = -np.inf
    return cosines.argmax(axis=1)


def confusion_counts(truth: np.ndarray, decided: np.ndarray, num_classes: int) -> np.ndarray:
    """(classes, classes) counts, true class by decided class."""
    return np.bincount(truth * num_classes + decided, minlength=num_classes**2).reshape(num_classes, num_classes)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """(rows, dim) float64 of length 1; rows of zeros stay."""
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
