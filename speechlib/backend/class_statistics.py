"""What LDA and PLDA learn from: the mean of each speaker and the scatter within speakers (PldaStats in plda.cc)."""

from dataclasses import dataclass

import numpy as np

_BLOCK = 1 << 10  # rows that are worked on at a time, so that they stay in the cache


@dataclass(frozen=True)
class ClassStatistics:
    """Sums over labelled vectors.

    Attributes:
        means: (speakers, dim) float64.
        counts: (speakers,) vectors of each, all positive.
        within_scatter: (dim, dim) float64 sum of outer products of the vectors less their speakers' means.
    """

    means: np.ndarray
    counts: np.ndarray
    within_scatter: np.ndarray

    @property
    def dim(self) -> int:
        """Dimensions of the vectors."""
        return self.means.shape[1]

    @property
    def num_vectors(self) -> int:
        """All vectors together."""
        return int(self.counts.sum())


def class_statistics(vectors: np.ndarray, speakers: np.ndarray) -> ClassStatistics:
    """Sum up vectors of known speakers.

    Args:
        vectors: (utterances, dim).
        speakers: (utterances,) speaker of each, 0 .. speakers - 1, each of which occurs.

    Raises:
        ValueError: a speaker without vectors, or no vector at all.
    """
    counts = np.bincount(speakers)
    if not len(counts) or not counts.all():
        raise ValueError("a speaker without vectors: number the speakers from 0 without gaps")
    dim = vectors.shape[1]
    order = np.argsort(speakers, kind="stable")
    starts = np.cumsum(counts) - counts
    means, scatter = np.empty((len(counts), dim)), np.zeros((dim, dim))
    for count in np.unique(counts).tolist():  # speakers with as many vectors make a block without gaps
        alike = np.flatnonzero(counts == count)
        step = max(1, _BLOCK // count)
        buffer = np.empty((min(step, len(alike)) * count, dim))
        for first in range(0, len(alike), step):
            chosen = alike[first : first + step]
            rows = order[(starts[chosen, None] + np.arange(count)).ravel()]
            block = buffer[: len(rows)]
            in_order = rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all()
            block[:] = vectors[rows[0] : rows[-1] + 1] if in_order else vectors[rows]
            means[chosen] = block.reshape(len(chosen), count, dim).sum(axis=1) / count
            if count > 1:
                scatter += block.T @ block
    several = means[counts > 1] * np.sqrt(counts[counts > 1])[:, None]
    scatter -= several.T @ several
    return ClassStatistics(means, counts, scatter)
