"""Agglomerative clustering of a fixed matrix of distances, average and complete linkage, in NumPy alone.

Each cluster keeps its nearest neighbour, and looks for another one only when it comes to the front of the queue after
that neighbour was merged (the "generic" algorithm of Muellner, 2011, on the whole matrix instead of its triangle).
The order of merges is that of Kaldi's ivector/agglomerative-clustering.cc, ties included: the lowest distance first,
then the pair whose older cluster is the oldest, then the one whose newer cluster is the oldest.
"""

from __future__ import annotations

import numpy as np

METHODS = ("average", "complete")
_SHRINK = 0.5  # share of rows in use below which the matrix is packed
_SYMMETRY = 1e-4  # difference of two mirrored distances that rounding may explain, relative to the largest distance
_BLOCK = 256  # rows and columns compared with their mirror image at a time, which then lies in cache


def linkage_tree(distances, method: str = "average") -> np.ndarray:
    """Merge items bottom up by a matrix of their distances.

    Args:
        distances: (items, items) symmetric, finite; lower is closer, negative ones included; the diagonal is not read.
        method: `average` (UPGMA) or `complete` linkage.

    Returns:
        (items - 1, 4) float64 tree in scipy's form: the two merged clusters, the lower number first, their distance
        and the number of items in the result; merge m makes cluster `items + m`. Distances never fall but by rounding.

    Raises:
        ValueError: not a square matrix of at least one item, not finite or not symmetric, or an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown linkage method {method!r}: give one of {', '.join(METHODS)}")
    matrix = np.array(distances, dtype=np.float64)
    make_symmetric(matrix)
    return np.array(greedy_merges(matrix, np.ones(len(matrix)), method), dtype=np.float64).reshape(-1, 4)


def make_symmetric(matrix: np.ndarray) -> None:
    """Check a matrix, and let its upper triangle count where rounding made its lower one differ.

    Args:
        matrix: (items, items) float, finite and symmetric but for rounding; the diagonal is not read. Changed in place:
            exactly symmetric, with zeros on the diagonal.

    Raises:
        ValueError: another matrix; names a wrong entry.
    """
    if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or len(matrix) == 0:
        raise ValueError(f"need a square matrix of at least one item, got shape {matrix.shape}")
    np.fill_diagonal(matrix, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(matrix.sum()):  # NaN and infinity stay in a sum
            _check_finite(matrix)
    worst, where = 0.0, ""
    for row in range(0, len(matrix), _BLOCK):
        for column in range(row, len(matrix), _BLOCK):
            block = matrix[row : row + _BLOCK, column : column + _BLOCK].T.copy()
            mirrored = matrix[column : column + _BLOCK, row : row + _BLOCK]
            difference = mirrored - block
            most = max(difference.max(), -difference.min())
            if most > worst:
                worst = most
                second, first = np.unravel_index(np.abs(difference).argmax(), difference.shape)
                if row == column and first > second:
                    first, second = second, first
                above = matrix[row + first, column + second]
                where = (
                    f"{above:g} in row {row + first}, column {column + second}, but "
                    f"{mirrored[second, first]:g} the other way round (counted from 0)"
                )
            if most > 0:
                mirrored[:] = np.tril(block) + np.tril(block, -1).T if row == column else block
    if worst > 0 and worst > _SYMMETRY * np.abs(matrix).max():
        raise ValueError(f"the matrix is not symmetric: {where}")


def _check_finite(matrix: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{len(bad)} entries are not finite numbers, the first is {matrix[row, column]} in row {row}, column "
            f"{column} (counted from 0)"
        )


def greedy_merges(
    costs: np.ndarray,
    sizes: np.ndarray,
    method: str = "average",
    threshold: float = np.inf,
    min_clusters: int = 1,
    max_size: float = np.inf,
) -> list[tuple[int, int, float, int]]:
    """Merge the closest two clusters until one of the limits is reached.

    Args:
        costs: (clusters, clusters) symmetric and finite; the SUM of the distances between the items of two clusters
            for average linkage, the largest of them for complete linkage. Overwritten. All arithmetic is in its
            precision.
        sizes: (clusters,) numbers of items in the clusters to start from.
        method: `average` or `complete`.
        threshold: largest distance at which clusters are merged.
        min_clusters: stop when so many are left.
        max_size: clusters that would hold more items than this are not merged.

    Returns:
        A list of merges: lower number, higher number, distance, items. Merge m makes cluster `clusters + m`.
    """
    if len(costs) <= min_clusters:
        return []
    state = _Clusters(costs, sizes, method == "average", max_size)
    merges: list[tuple[int, int, float, int]] = []
    while state.num_active > min_clusters:
        pair = state.closest()
        if pair is None or state.distance > threshold:
            break
        merges.append(state.merge(*pair))
    return merges


class _Clusters:
    """Clusters in slots, the rows and columns of the matrix; each has a number that grows with time."""

    def __init__(self, costs: np.ndarray, sizes: np.ndarray, average: bool, max_size: float):
        num = len(costs)
        self.num_active, self._next = num, num
        self._costs, self._average, self._max_size = costs, average, max_size
        self._sizes = np.array(sizes, dtype=costs.dtype)
        self._numbers = np.arange(num)
        self._slot_of = list(range(num))  # slot by number, -1 for merged clusters
        self._closed = np.zeros(num, costs.dtype)  # infinite for empty slots
        self._limited = max_size < self._sizes.sum()
        self._row = np.empty(num, costs.dtype)
        self._nearest_distance = np.full(num, np.inf, costs.dtype)  # may lie below the truth until looked at again
        self._nearest = [-1] * num  # number of that neighbour
        self.distance = np.inf
        if self._limited or (average and self._sizes.max() > 1):
            for slot in range(num):
                self._look(slot)
        else:
            np.fill_diagonal(costs, np.inf)
            nearest = costs.argmin(axis=1)
            self._nearest_distance[:] = costs[np.arange(num), nearest]
            self._nearest = nearest.tolist()
            np.fill_diagonal(costs, 0)

    def closest(self) -> tuple[int, int] | None:
        """Slots of the pair to merge next, None if no pair may be merged; `distance` is theirs."""
        nearest = self._nearest_distance
        while True:
            slot = int(nearest.argmin())
            distance = nearest[slot]
            if distance == np.inf:
                return None
            partner = self._slot_of[self._nearest[slot]]
            if partner < 0:
                self._look(slot)
                if nearest[slot] != distance:
                    continue
            elif np.count_nonzero(nearest == distance) <= 2:  # the two of one pair
                self.distance = distance
                return slot, partner
            tied = np.flatnonzero(nearest == distance)
            slot = int(tied[self._numbers[tied].argmin()])
            self._look(slot)
            if nearest[slot] == distance:
                partners = np.flatnonzero(self._row == distance)
                self.distance = distance
                return slot, int(partners[self._numbers[partners].argmin()])

    def merge(self, slot: int, other: int) -> tuple[int, int, float, int]:
        """Merge the clusters of two slots, of which the first is then the new one's."""
        first, second = int(self._numbers[slot]), int(self._numbers[other])
        costs = self._costs
        (np.add if self._average else np.maximum)(costs[slot], costs[other], out=costs[slot])
        costs[:, slot] = costs[slot]
        self._sizes[slot] += self._sizes[other]
        self._closed[other] = self._nearest_distance[other] = np.inf
        self._slot_of[first] = self._slot_of[second] = -1
        self._slot_of.append(slot)
        self._numbers[slot] = self._next
        self._next += 1
        self.num_active -= 1
        size = int(self._sizes[slot])
        if self.num_active < _SHRINK * len(costs):
            slot = self._pack(slot)
        self._look(slot)
        return min(first, second), max(first, second), float(self.distance), size

    def _look(self, slot: int) -> None:
        """Find the nearest neighbour of a slot; leaves its distances to all in `_row`."""
        row = self._row
        if self._average:
            np.multiply(self._sizes, self._sizes[slot], out=row)
            np.divide(self._costs[slot], row, out=row)
            row += self._closed
        else:
            np.add(self._costs[slot], self._closed, out=row)
        row[slot] = np.inf
        if self._limited:
            row[self._sizes + self._sizes[slot] > self._max_size] = np.inf
        nearest = int(row.argmin())
        self._nearest_distance[slot] = row[nearest]
        self._nearest[slot] = int(self._numbers[nearest])

    def _pack(self, slot: int) -> int:
        """Drop the empty slots; returns where a slot went."""
        kept = np.flatnonzero(self._closed == 0)
        self._costs = self._costs[kept].take(kept, axis=1)
        self._sizes, self._numbers = self._sizes[kept], self._numbers[kept]
        self._nearest_distance = self._nearest_distance[kept]
        self._nearest = [self._nearest[old] for old in kept.tolist()]
        self._closed, self._row = np.zeros(len(kept), self._costs.dtype), np.empty(len(kept), self._costs.dtype)
        for new, number in enumerate(self._numbers.tolist()):
            self._slot_of[number] = new
        return int(np.searchsorted(kept, slot))
