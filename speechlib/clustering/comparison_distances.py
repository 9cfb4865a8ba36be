"""Distances from the statistics {L, d} of the eigenvoice model: utterance comparison, points (Jeon et al., 2009).

Statistics are (N, v, v + 1): L beside d.
"""

from __future__ import annotations

import numpy as np

from speechlib.clustering.clusters import ColumnClusters
from speechlib.clustering.evidence import Evidence


class UtteranceComparison(ColumnClusters):
    """-log R: 0 where one speaker and two explain both clusters equally well."""

    def __init__(self, statistics):
        statistics = check_comparison(statistics)
        self._evidence = Evidence(statistics.shape[1])
        super().__init__(statistics.transpose(1, 2, 0))
        bad = np.flatnonzero(~np.isfinite(self.described[0]))
        if bad.size:
            raise ValueError(f"L of the statistics in place {bad[0]} is not positive semidefinite: they are no [L | d]")

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """(1, N) evidence of each cluster."""
        return self._evidence.of(columns)[None]

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) -log R."""
        return described_one[0] + described_many[0] - self._evidence.of(many, one)

    def pairwise(self) -> np.ndarray:
        """(N, N) -log R of all pairs, with a diagonal of zeros."""
        distances = self._evidence.pairwise(self.columns)
        np.negative(distances, out=distances)
        np.fill_diagonal(distances, 0.0)
        return distances


class EigenvoicePoints(ColumnClusters):
    """Distances between the most probable eigenvoice coordinates (I + L)^-1 d.

    Args:
        statistics: (N, v, v + 1).
        euclidean: their Euclidean distance; else 1 - cosine, which is 1 for a point at the origin.
    """

    def __init__(self, statistics, euclidean: bool = False):
        statistics = check_comparison(statistics)
        self._euclidean, self._rank = euclidean, statistics.shape[1]
        super().__init__(statistics.reshape(len(statistics), self._rank * (self._rank + 1)).T)

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """(v, N) points, of length 1 for the cosine."""
        rank = self._rank
        statistics = np.ascontiguousarray(columns.T).reshape(columns.shape[1], rank, rank + 1)
        points = np.linalg.solve(statistics[:, :, :rank] + np.eye(rank), statistics[:, :, rank:])[:, :, 0].T
        if self._euclidean:
            return points
        lengths = np.sqrt((points**2).sum(axis=0))
        return points / np.where(lengths > 0, lengths, 1.0)

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) distances."""
        if self._euclidean:
            return np.sqrt(((described_many - described_one[:, None]) ** 2).sum(axis=0))
        return 1.0 - described_one @ described_many


def check_comparison(statistics) -> np.ndarray:
    """Return statistics as float64.

    Raises:
        ValueError: not (N, v, v + 1), not finite, or L not symmetric; names the first place.
    """
    statistics = np.asarray(statistics, np.float64)
    if statistics.ndim != 3 or statistics.shape[2] != statistics.shape[1] + 1:
        raise ValueError(
            f"statistics of shape {statistics.shape}: expected (utterances, v, v + 1), L beside d, as "
            "extract_comparison_stats writes them"
        )
    bad = np.flatnonzero(~np.isfinite(statistics).all(axis=(1, 2)))
    if bad.size:
        raise ValueError(f"the statistics in place {bad[0]} hold NaN or infinity")
    precisions = statistics[:, :, :-1]
    scale = np.abs(precisions).max(axis=(1, 2), initial=0.0)
    asymmetry = np.abs(precisions - precisions.swapaxes(1, 2)).max(axis=(1, 2), initial=0.0)
    bad = np.flatnonzero(asymmetry > 1e-6 * scale)
    if bad.size:
        raise ValueError(f"the statistics in place {bad[0]} are not symmetric in L: they are no [L | d]")
    return statistics
