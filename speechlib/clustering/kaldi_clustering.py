"""Clustering of a matrix of costs as Kaldi's agglomerative-cluster does it (ivector/agglomerative-clustering.cc)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.clustering.linkage import greedy_merges, make_symmetric

MAX_ONE_PASS = np.iinfo(np.int16).max  # Kaldi's default
_FIRST_PASS_CLUSTERS = 10  # times as many as are wanted in the end are left by the first pass, at least


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        threshold: largest cost at which clusters are merged.
        min_clusters: fewest clusters to leave.
        max_fraction: share of the items that one cluster may hold.
        first_pass_max_items: with more items than this, contiguous parts of at most so many are clustered first, and
            what is left of all of them then.
    """

    threshold: float = np.inf
    min_clusters: int = 1
    max_fraction: float = 1.0
    first_pass_max_items: int = MAX_ONE_PASS

    def __post_init__(self):
        if np.isnan(self.threshold):
            raise ValueError("the threshold is not a number")
        if self.min_clusters < 1:
            raise ValueError(f"{self.min_clusters} clusters: expected at least 1")
        if not 0 < self.max_fraction <= 1:
            raise ValueError(f"a share of {self.max_fraction} in one cluster: expected more than 0, at most 1")
        if self.first_pass_max_items < 1:
            raise ValueError(f"a first pass over {self.first_pass_max_items} items: expected at least 1")

    def max_size(self, num_items: int) -> float:
        """Most items in a cluster. A share too small for the number of clusters is no limit, as in Kaldi."""
        if 1.0 / self.min_clusters > float(np.float32(self.max_fraction)):
            return np.inf
        return float(np.ceil(np.float32(num_items) * np.float32(self.max_fraction)))


@dataclass(frozen=True)
class Clustering:
    """Clusters of items.

    Attributes:
        labels: (items,) cluster numbers 0, 1, ... in the order of their first items.
        tree: (items - 1, 4) all merges in scipy's form, beyond the limits too; None if there is no such tree: after two
            passes, or where the size of clusters was limited.
    """

    labels: np.ndarray
    tree: np.ndarray | None


def cluster(matrix, limits: Limits, method: str = "average", are_scores: bool = False) -> Clustering:
    """Merge the two closest clusters until a limit is reached.

    Sums and costs are in single precision, as Kaldi's, so that even what hangs on rounding comes out the same; only the
    sums between clusters of different parts, in the second pass, are more exact than Kaldi's.

    Args:
        matrix: (items, items) symmetric costs, low for items that belong together; the upper triangle counts.
        limits: when to stop.
        method: `average` linkage, which is Kaldi's, or `complete`.
        are_scores: the matrix holds negative costs.

    Raises:
        ValueError: the matrix is not square, finite and symmetric, or has fewer items than clusters are wanted.
    """
    costs = np.multiply(matrix, -1.0 if are_scores else 1.0, dtype=np.float32)
    try:
        make_symmetric(costs)
    except ValueError:
        make_symmetric(np.array(matrix, np.float32))  # complains of the numbers that the caller knows
        raise
    num = len(costs)
    if limits.min_clusters > num:
        raise ValueError(
            f"{num} {'utterance' if num == 1 else 'utterances'} cannot be {limits.min_clusters} clusters: expected 1 "
            f"to {num}"
        )
    threshold, max_size = float(np.float32(limits.threshold)), limits.max_size(num)
    if num > limits.first_pass_max_items:
        return Clustering(_two_passes(costs, limits, threshold, max_size, method), None)
    # Stopping later than asked for changes no merge before: that makes the whole tree.
    merges = greedy_merges(costs, np.ones(num), method, max_size=max_size)
    heights = np.maximum.accumulate([merge[2] for merge in merges])
    wanted = min(num - limits.min_clusters, int(np.searchsorted(heights, threshold, side="right")))
    tree = np.array(merges, np.float64).reshape(-1, 4) if len(merges) == num - 1 else None
    return Clustering(_labels(_members(num, merges[:wanted]), num), tree)


def _two_passes(costs: np.ndarray, limits: Limits, threshold: float, max_size: float, method: str) -> np.ndarray:
    num = len(costs)
    num_parts = -(-num // limits.first_pass_max_items)
    width = -(-num // num_parts)
    members: list[np.ndarray] = []
    for start in range(0, num, width):
        part = costs[start : start + width, start : start + width].copy()
        size = len(part)
        few = limits.min_clusters * _FIRST_PASS_CLUSTERS
        merges = greedy_merges(part, np.ones(size), method, threshold, few, max_size)
        members += [items + start for items in _members(size, merges)]
    merges = greedy_merges(
        _between(costs, members, method), np.array([len(items) for items in members]), method, threshold,
        limits.min_clusters, max_size,
    )  # fmt: skip
    joined = [np.concatenate([members[part] for part in parts]) for parts in _members(len(members), merges)]
    return _labels(joined, num)


def _between(costs: np.ndarray, members: Sequence[np.ndarray], method: str) -> np.ndarray:
    """(clusters, clusters) float32 sums or maxima of the costs between clusters."""
    join = np.maximum if method == "complete" else np.add
    order = np.concatenate(members)
    starts = np.cumsum([0, *map(len, members[:-1])])
    between = np.empty((len(members), len(members)), np.float32)
    for row, items in enumerate(members):
        between[row] = join.reduceat(join.reduce(costs[items], axis=0, dtype=np.float64)[order], starts)
    upper = np.triu(between, 1)
    return upper + upper.T


def _members(num: int, merges: Sequence[tuple[int, int, float, int]]) -> list[np.ndarray]:
    """The items of each cluster that is left, oldest cluster first."""
    clusters: dict[int, list[int]] = {number: [number] for number in range(num)}
    for number, (first, second, *_) in enumerate(merges, num):
        clusters[number] = clusters.pop(first) + clusters.pop(second)
    return [np.array(items) for items in clusters.values()]


def _labels(members: Sequence[np.ndarray], num: int) -> np.ndarray:
    """(items,) cluster numbers in the order of the clusters' first items."""
    labels = np.empty(num, np.int64)
    for label, items in enumerate(sorted(members, key=lambda items: items.min())):
        labels[items] = label
    return labels
