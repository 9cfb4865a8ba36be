"""Where to cut a tree of clusters when nobody knows their number: at the best silhouette (Rousseeuw, 1987)."""

from __future__ import annotations

import numpy as np

from speechlib.clustering.agglomerative import cut_tree, merges_for_clusters


def mean_silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette of items: (b - a) / max(a, b), a the mean distance to the others of the own cluster, b that to
    the items of the nearest other cluster; 0 for an item alone in its cluster.

    Args:
        distances: (items, items) symmetric with a diagonal of zeros.
        labels: (items,) cluster numbers 0, 1, ..., at least two of them.

    Returns:
        From -1 to 1, 1 for clusters that are points.

    Raises:
        ValueError: there is one cluster alone.
    """
    members = np.eye(int(labels.max()) + 1)[labels]
    sizes = members.sum(0)
    if len(sizes) < 2:
        raise ValueError("a silhouette needs two clusters or more")
    sums, items = distances @ members, np.arange(len(labels))
    own = sums[items, labels] / np.maximum(sizes[labels] - 1, 1)
    others = sums / sizes
    others[items, labels] = np.inf
    nearest = others.min(1)
    larger = np.maximum(own, nearest)
    values = np.where((sizes[labels] > 1) & (larger > 0), (nearest - own) / np.where(larger > 0, larger, 1), 0.0)
    return float(values.mean())


def best_cut(tree: np.ndarray, distances: np.ndarray, most: int, least: float = 0.25) -> tuple[np.ndarray, float]:
    """Cut a tree into the number of clusters with the highest mean silhouette.

    Args:
        tree: (items - 1, 4) merges in scipy's form.
        distances: (items, items) that it was made of.
        most: clusters that are tried, from 2 on.
        least: a lower best silhouette means that there is one cluster: Kaufman and Rousseeuw (1990) find no
            substantial structure up to 0.25.

    Returns:
        (items,) cluster numbers as `cut_tree`, and the highest silhouette; 0 where there was nothing to try.
    """
    best, reached = 1, 0.0
    for number in range(2, min(most, len(distances) - 1) + 1):
        found = mean_silhouette(distances, cut_tree(tree, merges_for_clusters(tree, number)))
        if found > reached:
            best, reached = number, found
    return cut_tree(tree, merges_for_clusters(tree, best if reached > least else 1)), reached
