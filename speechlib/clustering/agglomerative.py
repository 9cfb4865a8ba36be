"""Agglomerative clustering of embeddings by cosine distance, and choosing the cut (Lukic et al., 2016, section 4)."""

from __future__ import annotations

import numpy as np

METHODS = ("complete", "average", "single")
MAX_COSINE_DISTANCE = 2.0


def cosine_distances(embeddings) -> np.ndarray:
    """Cosine distances, 1 - cosine, between all pairs of rows.

    Args:
        embeddings: (items, dim) finite vectors, none of them zero.

    Returns:
        (items * (items - 1) / 2,) distances in [0, 2], in scipy's condensed order.

    Raises:
        ValueError: not a matrix with at least one row and column; a row holds NaN or infinity, or has no length.
    """
    from scipy.spatial.distance import pdist

    embeddings = np.asarray(embeddings, dtype=np.float64)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(f"need a matrix of at least one embedding, got shape {embeddings.shape}")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if bad.size:
        raise ValueError(f"{bad.size} embeddings are not finite, the first in row {bad[0]}")
    # Scaled by its largest entry first, a row whose squares would under- or overflow keeps its direction.
    largest = np.abs(embeddings).max(axis=1, keepdims=True)
    bad = np.flatnonzero(largest == 0.0)
    if bad.size:
        raise ValueError(f"{bad.size} embeddings are all zeros and have no direction, the first in row {bad[0]}")
    return np.clip(pdist(embeddings / largest, "cosine"), 0.0, MAX_COSINE_DISTANCE)


def cluster_tree(embeddings, method: str = "complete", legacy: bool = False) -> np.ndarray:
    """Merge the embeddings bottom up by cosine distance.

    Args:
        embeddings: (items, dim) vectors as for `cosine_distances`.
        method: `complete`, `average` or `single` linkage.
        legacy: as in the program behind the paper, which hands the square distance matrix to scipy's `linkage` as if
            its rows were the points: what counts is the cosine distance between two rows of distances, not between two
            embeddings. The paper describes the plain form, which is the default.

    Returns:
        (items - 1, 4) tree in scipy's form: the two merged clusters, their distance, the number of items in the result.

    Raises:
        ValueError: as `cosine_distances`; an unknown method; or, for `legacy`, all embeddings point the same way.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    if method not in METHODS:
        raise ValueError(f"unknown linkage method {method!r}: give one of {', '.join(METHODS)}")
    distances = cosine_distances(embeddings)
    if legacy and distances.size:
        rows = squareform(distances)
        if not rows.any(axis=1).all():
            raise ValueError("all embeddings point the same way: the rows of their distance matrix have no direction")
        distances = cosine_distances(rows)
    if distances.size == 0:
        return np.empty((0, 4))
    return linkage(distances, method)


def cut_tree(tree, num_merges: int) -> np.ndarray:
    """Clusters after the first merges of a tree.

    Args:
        tree: (items - 1, 2 or more) merges in scipy's form.
        num_merges: how many of them to make, from 0 (every item alone) to items - 1 (one cluster).

    Returns:
        (items,) cluster numbers 0, 1, ... in the order of their first items.

    Raises:
        ValueError: the tree has fewer merges.
    """
    tree = np.asarray(tree)
    num_items = tree.shape[0] + 1
    if not 0 <= num_merges < num_items:
        raise ValueError(f"a tree of {num_items} items has 0 to {num_items - 1} merges, not {num_merges}")
    cluster_of = list(range(num_items + num_merges))
    # From the last merge down, every cluster hands its own cluster to the two that it was made of.
    for step in range(num_merges - 1, -1, -1):
        for part in tree[step, :2]:
            cluster_of[int(part)] = cluster_of[num_items + step]
    _, first, inverse = np.unique(cluster_of[:num_items], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)]


def merges_at_distance(tree, threshold: float) -> int:
    """Number of merges at a distance of at most `threshold`; feeds `cut_tree`."""
    if np.isnan(threshold):
        raise ValueError("the distance threshold is not a number")
    return int(np.searchsorted(np.asarray(tree)[:, 2], threshold, side="right"))


def merges_for_clusters(tree, num_clusters: int) -> int:
    """Number of merges that leave `num_clusters` clusters; feeds `cut_tree`.

    Raises:
        ValueError: there are fewer items, or no cluster is asked for.
    """
    num_items = np.asarray(tree).shape[0] + 1
    if not 1 <= num_clusters <= num_items:
        raise ValueError(f"{num_items} items cannot be cut into {num_clusters} clusters")
    return num_items - num_clusters


def tune_threshold(heights, rates) -> float:
    """Choose the distance threshold with the lowest error on a development set.

    Of several equally good thresholds the middle of their interval is taken; of several such intervals the widest, of
    equally wide ones the lowest. Merges at the same distance cannot be separated by a threshold.

    Args:
        heights: (items - 1,) distances of the merges, rising.
        rates: (items,) error of the clustering after 0, 1, ... merges.

    Returns:
        The threshold: cut where merges at a distance of at most this are made.

    Raises:
        ValueError: the lengths do not fit.
    """
    heights, rates = np.asarray(heights, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    if heights.ndim != 1 or rates.shape != (heights.size + 1,):
        raise ValueError(f"{heights.shape} merges need one rate more than that, got {rates.shape}")
    # Thresholds in [low, high) make the first k merges; the last interval ends at the largest distance that there is.
    low = np.concatenate([[0.0], heights])
    high = np.concatenate([heights, [max(MAX_COSINE_DISTANCE, heights[-1] if heights.size else 0.0)]])
    reachable = high > low
    low, high, rates = low[reachable], high[reachable], rates[reachable]
    best = np.isclose(rates, rates.min(), rtol=0.0, atol=1e-12)
    starts = np.flatnonzero(best & ~np.concatenate([[False], best[:-1]]))
    ends = np.flatnonzero(best & ~np.concatenate([best[1:], [False]]))
    widest = int(np.argmax(high[ends] - low[starts]))
    return float((low[starts[widest]] + high[ends[widest]]) / 2.0)


def silhouette_merges(embeddings, tree) -> int:
    """Number of merges whose clusters have the highest mean silhouette (Rousseeuw, 1987); needs no labels.

    The silhouette compares each item's mean distance to its own cluster with that to the next one; it is not defined
    for one cluster or for singletons alone, so 2 to items - 1 clusters compete. Fewer than three items stay alone.

    Args:
        embeddings: (items, dim) vectors as for `cosine_distances`.
        tree: (items - 1, 4) their tree.
    """
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    num_items = np.asarray(tree).shape[0] + 1
    if num_items < 3:
        return 0
    distances = squareform(cosine_distances(embeddings))
    candidates = range(1, num_items - 1)
    scores = [silhouette_score(distances, cut_tree(tree, merges), metric="precomputed") for merges in candidates]
    return candidates[int(np.argmax(scores))]
