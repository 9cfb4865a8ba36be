"""Agglomerative clustering that compares merged clusters anew, from their added statistics (Jeon et al., 2009)."""

from __future__ import annotations

import numpy as np

from speechlib.clustering.distances import Distance


def agglomerate(statistics, distance: Distance, stop: float | None = None) -> np.ndarray:
    """Merge the two closest clusters until one is left.

    Args:
        statistics: (items, a, b) of the distance's kind.
        distance: between clusters.
        stop: the merges end before the first at a distance above this.

    Returns:
        (items - 1, 4) tree in scipy's form, fewer rows with `stop`: the two merged clusters (smaller first), their
        distance, the number of items in the result. Distances may fall from one merge to the next.

    Raises:
        ValueError: statistics that the distance rejects, or none.
    """
    columns = distance.columns(statistics)
    num = columns.shape[1]
    if not num:
        raise ValueError("no utterance to cluster")
    described = distance.describe(columns)
    distances = np.full((num, num), np.inf)
    for row in range(num - 1):
        rest = slice(row + 1, num)
        distances[row, rest] = distances[rest, row] = distance.compare(
            columns[:, row], described[:, row], columns[:, rest], described[:, rest]
        )
    names, sizes = np.arange(num), np.ones(num, int)
    active = np.ones(num, bool)
    nearest = distances.argmin(axis=1)
    lowest = distances[np.arange(num), nearest]
    tree = []
    for step in range(num - 1):
        one = int(lowest.argmin())
        other = int(nearest[one])
        height = lowest[one]
        if stop is not None and height > stop:
            break
        one, other = min(one, other), max(one, other)
        tree.append((*sorted((names[one], names[other])), height, sizes[one] + sizes[other]))
        columns[:, one] += columns[:, other]
        described[:, one] = distance.describe(columns[:, [one]])[:, 0]
        names[one], sizes[one] = num + step, sizes[one] + sizes[other]
        active[other] = False
        distances[other] = distances[:, other] = np.inf
        lowest[other] = np.inf
        rest = np.flatnonzero(active)
        rest = rest[rest != one]
        if not rest.size:
            break
        new = distance.compare(columns[:, one], described[:, one], columns[:, rest], described[:, rest])
        distances[one, rest] = distances[rest, one] = new
        stale = rest[(nearest[rest] == one) | (nearest[rest] == other)]
        for row in [one, *stale]:
            nearest[row] = distances[row].argmin()
            lowest[row] = distances[row, nearest[row]]
        closer = rest[new < lowest[rest]]
        nearest[closer], lowest[closer] = one, distances[one, closer]
    return np.array(tree, float).reshape(-1, 4)
