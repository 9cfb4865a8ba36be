"""Where to cut trees of clusters: at a distance, at a number of clusters, and which distance suits a development set.

Unlike those of average or complete linkage, distances between clusters that are compared anew may fall from one merge
to the next. A threshold stops at the first merge above it, so that what counts is the largest distance so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechlib.clustering.agglomerative import cut_tree


def levels(tree) -> np.ndarray:
    """Lowest threshold that makes each merge, (merges,): the largest distance up to it."""
    return np.maximum.accumulate(np.asarray(tree, np.float64).reshape(-1, 4)[:, 2])


def clusters_at_threshold(tree, threshold: float) -> np.ndarray:
    """Clusters before the first merge above a threshold.

    Args:
        tree: (items - 1, 4) merges in scipy's form; (0, 4) or empty of a single item.
        threshold: largest distance at which clusters are merged; -inf and inf are for none and all.

    Returns:
        (items,) cluster numbers 0, 1, ... in the order of their first items.

    Raises:
        ValueError: a threshold that is no number.
    """
    if np.isnan(threshold):
        raise ValueError("the distance threshold is not a number")
    heights = levels(tree)
    return cut_tree(np.reshape(tree, (-1, 4)), int(np.searchsorted(heights, threshold, side="right")))


def clusters_of_number(tree, num_clusters: int) -> np.ndarray:
    """So many clusters, numbered as by `clusters_at_threshold`.

    Raises:
        ValueError: fewer items than that, or no cluster is asked for.
    """
    tree = np.reshape(tree, (-1, 4))
    num_items = len(tree) + 1
    if not 1 <= num_clusters <= num_items:
        items = "1 utterance" if num_items == 1 else f"{num_items} utterances"
        raise ValueError(f"{items} cannot be {num_clusters} clusters: expected 1 to {num_items}")
    return cut_tree(tree, num_items - num_clusters)


def tune_common_threshold(trees: Sequence[np.ndarray], losses: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Choose one threshold for many trees: that with the lowest mean loss on a development set.

    Of several equally good thresholds the middle of their interval is taken; of several such intervals the widest, of
    equally wide ones the lowest.

    Args:
        trees: (items - 1, 4) each.
        losses: of each tree (items,): the loss after 0, 1, ... merges.

    Returns:
        The threshold, and the mean loss at it.

    Raises:
        ValueError: no tree has a merge, a loss is missing or no number, or a distance is not finite.
    """
    steps, changes, total = [], [], 0.0
    for tree, loss in zip(trees, losses, strict=True):
        heights, loss = levels(tree), np.asarray(loss, np.float64)
        if loss.shape != (len(heights) + 1,) or not np.isfinite(loss).all() or not np.isfinite(heights).all():
            raise ValueError(f"{len(heights)} merges need finite distances, and one finite loss more than that")
        steps.append(heights)
        changes.append(np.diff(loss))
        total += loss[0]
    heights = np.concatenate([np.empty(0), *steps])
    if not heights.size:
        raise ValueError("no merge to tune a threshold on: every conversation has one utterance alone")
    edges, places = np.unique(heights, return_inverse=True)
    change = np.bincount(places.reshape(-1), np.concatenate(changes), len(edges))
    # Loss i is that of thresholds in [edges[i - 1], edges[i]); the outermost intervals have no end: they get one.
    loss = np.concatenate([[total], total + np.cumsum(change)]) / len(steps)
    margin = 0.1 * (edges[-1] - edges[0]) or max(1.0, abs(edges[0]))
    low, high = np.concatenate([[edges[0] - margin], edges]), np.concatenate([edges, [edges[-1] + margin]])
    best = loss <= loss.min() + 1e-9
    starts = np.flatnonzero(best & ~np.concatenate([[False], best[:-1]]))
    ends = np.flatnonzero(best & ~np.concatenate([best[1:], [False]]))
    widest = int(np.argmax(high[ends] - low[starts]))
    return float((low[starts[widest]] + high[ends[widest]]) / 2), float(loss[starts[widest]])
