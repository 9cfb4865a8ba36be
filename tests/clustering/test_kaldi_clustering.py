"""Clustering by Kaldi's rules beside a plain search over all pairs of clusters: two passes, limits, labels."""

import numpy as np
import pytest

from speechlib.clustering.kaldi_clustering import Limits, cluster


def symmetric_integers(rng, num):
    upper = np.triu(rng.integers(-4, 5, (num, num)), 1).astype(np.float32)
    return upper + upper.T


def plain_clusters(costs, limits, method="average"):
    """Labels by Kaldi's description: in parts where there are many items, then over what is left of these."""
    num, first_pass = len(costs), limits.first_pass_max_items
    singles = [[item] for item in range(num)]
    if num <= first_pass:
        return in_order(plain_merges(costs, singles, limits, num, limits.min_clusters, method), num)
    width = -(-num // -(-num // first_pass))
    left = []
    for start in range(0, num, width):
        left += plain_merges(costs, singles[start : start + width], limits, num, 10 * limits.min_clusters, method)
    return in_order(plain_merges(costs, left, limits, num, limits.min_clusters, method), num)


def plain_merges(costs, clusters, limits, num, fewest, method):
    clusters = dict(enumerate(clusters))
    max_size = np.ceil(num * np.float32(limits.max_fraction)) if limits.max_fraction >= 1 / limits.min_clusters else num
    for number in range(len(clusters), 2 * len(clusters)):
        candidates = []
        for first, members in clusters.items():
            for second, others in clusters.items():
                block = costs[np.ix_(members, others)]
                cost = block.max() if method == "complete" else block.sum() / np.float32(block.size)
                if first < second and len(members) + len(others) <= max_size and cost <= limits.threshold:
                    candidates.append((cost, first, second))
        if len(clusters) <= fewest or not candidates:
            break
        _, first, second = min(candidates)
        clusters[number] = clusters.pop(first) + clusters.pop(second)
    return list(clusters.values())


def in_order(clusters, num):
    labels = np.empty(num, int)
    for label, members in enumerate(sorted(clusters, key=min)):
        labels[members] = label
    return labels


@pytest.mark.parametrize("method", ["average", "complete"])
def test_like_a_plain_search(method):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        costs = symmetric_integers(rng, int(rng.integers(3, 35)))
        limits = Limits(
            threshold=float(rng.choice([np.inf, 0.0, -1.5])),
            min_clusters=int(rng.integers(1, 4)),
            max_fraction=float(rng.choice([1.0, 0.5, 0.34])),
            first_pass_max_items=int(rng.choice([7, 20, 100])),
        )
        np.testing.assert_array_equal(cluster(costs, limits, method).labels, plain_clusters(costs, limits, method))


def test_the_upper_triangle_counts():
    costs = np.array([[0, 1.00001, 5], [1.00002, 0, 5], [5, 5, 0]])
    assert cluster(costs, Limits(threshold=1.000015)).labels.tolist() == [0, 0, 1]
    assert cluster(costs.T, Limits(threshold=1.000015)).labels.tolist() == [0, 1, 2]


def test_a_threshold_is_reached_at_equality():
    costs = np.array([[0, 0.1], [0.1, 0]])
    assert cluster(costs, Limits(threshold=0.1)).labels.tolist() == [0, 0]
    assert cluster(costs, Limits(threshold=0.0999)).labels.tolist() == [0, 1]


def test_the_tree_goes_on_beyond_the_limits():
    costs = symmetric_integers(np.random.default_rng(0), 12)
    clustering = cluster(costs, Limits(threshold=-1.0))
    assert clustering.tree.shape == (11, 4)
    assert clustering.tree[-1, 3] == 12
    assert clustering.labels.max() > 0


def test_two_passes_or_small_clusters_make_no_tree():
    costs = np.zeros((9, 9))
    assert cluster(costs, Limits(first_pass_max_items=4)).tree is None
    assert cluster(costs, Limits(min_clusters=3, max_fraction=0.34)).tree is None
    assert np.bincount(cluster(costs, Limits(min_clusters=2, max_fraction=0.5)).labels).max() <= 5


def test_a_share_too_small_for_the_clusters_is_no_limit():
    costs = np.zeros((9, 9))
    assert np.bincount(cluster(costs, Limits(min_clusters=2, max_fraction=0.3)).labels).max() > 3


def test_one_item_and_identical_items():
    assert cluster([[7.0]], Limits()).labels.tolist() == [0]
    assert cluster(np.zeros((5, 5)), Limits(threshold=0.0)).labels.tolist() == [0] * 5
    assert cluster(np.zeros((5, 5)), Limits(min_clusters=5)).labels.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"min_clusters": 4}, "3 utterances cannot be 4 clusters: expected 1 to 3"),
        ({"min_clusters": 0}, "0 clusters"),
        ({"threshold": np.nan}, "threshold is not a number"),
        ({"max_fraction": 1.5}, "a share of 1.5"),
        ({"first_pass_max_items": 0}, "a first pass over 0 items"),
    ],
)
def test_bad_limits(options, message):
    with pytest.raises(ValueError, match=message):
        cluster(np.zeros((3, 3)), Limits(**options))
