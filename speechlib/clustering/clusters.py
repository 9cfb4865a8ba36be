"""Clusters of utterances that are compared and merged through statistics that add."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

Places = np.ndarray | slice


class Clusters(ABC):
    """Clusters, each in its place, at first one for each utterance; lower distances are closer.

    A distance is one such class: made from the statistics (N, a, b) of N utterances, it raises a ValueError for what
    is no statistics of its kind, or too little to compare.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Places."""

    @abstractmethod
    def distances(self, one: int, many: Places) -> np.ndarray:
        """(many,) distances from the cluster in one place to those in others."""

    @abstractmethod
    def merge(self, one: int, other: int) -> None:
        """Put what both places hold together into `one`; `other` keeps what it has."""

    @abstractmethod
    def keep(self, places: np.ndarray) -> None:
        """Keep the clusters in these places alone, in their order."""

    def pairwise(self) -> np.ndarray:
        """(N, N) distances between all, symmetric with a diagonal of zeros."""
        distances = np.zeros((len(self), len(self)))
        for one in range(1, len(self)):
            distances[one, :one] = distances[:one, one] = self.distances(one, slice(0, one))
        return distances


class ColumnClusters(Clusters):
    """Clusters whose statistics are columns, with what is to know of each cluster alone worked out once.

    Args:
        columns: (size.., N) float64 statistics of the utterances along the last axis.
    """

    def __init__(self, columns: np.ndarray):
        self.columns = np.ascontiguousarray(columns)
        self.described = self.describe(self.columns)

    @abstractmethod
    def describe(self, columns: np.ndarray) -> np.ndarray:
        """What there is to know of each cluster alone, (k, N), from columns (size.., N)."""

    @abstractmethod
    def compare(
        self, one: np.ndarray, described_one: np.ndarray, many: np.ndarray, described_many: np.ndarray
    ) -> np.ndarray:
        """(N,) distances from one cluster, (size..) and (k,), to many, (size.., N) and (k, N)."""

    def __len__(self) -> int:
        return self.columns.shape[-1]

    def distances(self, one: int, many: Places) -> np.ndarray:
        """(many,) distances from the cluster in one place to those in others."""
        return self.compare(
            self.columns[..., one], self.described[:, one], self.columns[..., many], self.described[:, many]
        )

    def merge(self, one: int, other: int) -> None:
        """Put what both places hold together into `one`."""
        self.columns[..., one] += self.columns[..., other]
        self.described[:, one] = self.describe(self.columns[..., [one]])[:, 0]

    def keep(self, places: np.ndarray) -> None:
        """Keep the clusters in these places alone."""
        self.columns, self.described = self.columns[..., places], self.described[:, places]
