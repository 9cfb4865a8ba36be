"""Agglomerative clustering: agreement with scipy, the authors' quirk, cuts and thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import silhouette_score

from speechlib.clustering.agglomerative import (
    METHODS,
    cluster_tree,
    cosine_distances,
    cut_tree,
    merges_at_distance,
    merges_for_clusters,
    silhouette_merges,
    tune_threshold,
)


def embeddings(num_speakers=8, per_speaker=3, spread=0.5, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(num_speakers, 6))
    noise = generator.normal(scale=spread, size=(num_speakers * per_speaker, 6))
    return np.repeat(centres, per_speaker, axis=0) + noise


def same_partition(first, second):
    return (np.equal.outer(first, first) == np.equal.outer(second, second)).all()


@pytest.mark.parametrize("method", METHODS)
def test_tree_is_scipys_of_pairwise_cosine_distances(method):
    points = embeddings()
    tree = cluster_tree(points, method)
    np.testing.assert_allclose(tree, linkage(pdist(points, "cosine"), method), atol=1e-12)
    assert (np.diff(tree[:, 2]) >= 0).all()


def test_complete_linkage_by_hand():
    angles = np.radians([0, 10, 60, 100])
    tree = cluster_tree(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert tree[:, :2].astype(int).tolist() == [[0, 1], [2, 3], [4, 5]]
    np.testing.assert_allclose(tree[:, 2], 1 - np.cos(np.radians([10, 40, 100])), atol=1e-12)


@pytest.mark.filterwarnings("ignore:The symmetric non-negative hollow observation matrix")
def test_legacy_tree_is_scipys_of_the_square_matrix_and_differs():
    points = embeddings(spread=1.0)
    legacy = cluster_tree(points, legacy=True)
    np.testing.assert_allclose(legacy, linkage(cdist(points, points, "cosine"), "complete", "cosine"), atol=1e-7)
    plain = cluster_tree(points)
    assert not np.allclose(legacy[:, 2], plain[:, 2])
    assert not same_partition(cut_tree(legacy, 16), cut_tree(plain, 16))


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_length_does_not_matter_however_extreme(scale):
    points = embeddings()
    np.testing.assert_allclose(cosine_distances(points * scale), cosine_distances(points), atol=1e-12)


def test_distances_stay_in_range():
    distances = cosine_distances([[0.1, 0.2], [0.3, 0.6], [-0.1, -0.2]])
    assert distances.min() >= 0 and distances.max() <= 2
    np.testing.assert_allclose(distances, [0, 2, 2], atol=1e-12)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 1000), st.integers(0, 12))
def test_cuts_equal_scipys(num_items, seed, num_merges):
    points = np.random.default_rng(seed).normal(size=(num_items, 3))
    tree = cluster_tree(points)
    num_merges = min(num_merges, num_items - 1)
    clusters = cut_tree(tree, num_merges)
    assert len(set(clusters)) == num_items - num_merges
    assert clusters[0] == 0 and (np.diff(np.maximum.accumulate(clusters)) <= 1).all()
    if num_items > 1:
        assert same_partition(clusters, fcluster(tree, num_items - num_merges, "maxclust"))
        threshold = float(np.median(tree[:, 2]))
        assert same_partition(
            cut_tree(tree, merges_at_distance(tree, threshold)), fcluster(tree, threshold, "distance")
        )


def test_counts_and_thresholds_become_merges():
    tree = cluster_tree(embeddings())
    assert merges_for_clusters(tree, 8) == 16
    assert merges_for_clusters(tree, 24) == 0
    assert merges_at_distance(tree, -1) == 0
    assert merges_at_distance(tree, tree[4, 2]) == 5
    assert merges_at_distance(tree, 2) == 23


@pytest.mark.parametrize(
    ("heights", "rates", "threshold"),
    [
        ([0.1, 0.3, 0.5], [0.5, 0.2, 0.4, 0.6], 0.2),  # one best cut: the middle of its interval
        ([0.1, 0.3, 0.5], [0.5, 0.2, 0.2, 0.6], 0.3),  # neighbours unite
        ([0.1, 0.2, 0.5, 0.6], [0.5, 0.2, 0.4, 0.2, 0.5], 0.15),  # as wide: the lower
        ([0.1, 0.2, 0.5, 0.8], [0.5, 0.2, 0.4, 0.2, 0.5], 0.65),  # the wider
        ([0.2, 0.2, 0.4], [0.5, 0.0, 0.3, 0.6], 0.3),  # a cut between equal distances is out of reach
        ([0.4], [0.0, 1.0], 0.2),  # never merge
        ([0.4], [1.0, 0.0], 1.2),  # always merge
        ([], [0.0], 1.0),
    ],
)
def test_tuned_threshold(heights, rates, threshold):
    assert tune_threshold(heights, rates) == pytest.approx(threshold)


def test_tuned_threshold_reaches_the_best_rate():
    generator = np.random.default_rng(1)
    for _ in range(50):
        heights = np.sort(generator.integers(1, 30, size=20) / 20)
        rates = generator.integers(0, 6, size=21) / 10
        tree = np.column_stack([np.zeros((20, 2)), heights, np.zeros(20)])
        reached = rates[merges_at_distance(tree, tune_threshold(heights, rates))]
        reachable = [rates[merges_at_distance(tree, t)] for t in [0, *heights]]
        assert reached == min(reachable)


def test_silhouette_finds_clear_groups_and_is_the_best_of_all():
    points = embeddings(spread=0.05)
    tree = cluster_tree(points)
    assert silhouette_merges(points, tree) == merges_for_clusters(tree, 8)
    points = embeddings(spread=0.8)
    tree = cluster_tree(points)
    scores = [silhouette_score(points, cut_tree(tree, merges), metric="cosine") for merges in range(1, 23)]
    assert silhouette_merges(points, tree) == 1 + int(np.argmax(scores))


def test_few_items():
    one = cluster_tree([[1.0, 2.0]])
    assert one.shape == (0, 4)
    assert cut_tree(one, 0).tolist() == [0]
    assert merges_at_distance(one, 1.0) == 0
    assert silhouette_merges([[1.0, 2.0]], one) == 0
    assert cluster_tree([[1.0, 2.0]], legacy=True).shape == (0, 4)
    two = cluster_tree([[1.0, 0.0], [0.0, 1.0]])
    assert two.tolist() == [[0, 1, 1, 2]]
    assert silhouette_merges([[1.0, 0.0], [0.0, 1.0]], two) == 0


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.empty((0, 4)), {}, "at least one embedding"),
        ([1.0, 2.0], {}, r"got shape \(2,\)"),
        ([[1.0, 2.0], [np.nan, 0.0]], {}, "1 embeddings are not finite, the first in row 1"),
        ([[0.0, 0.0], [1.0, 0.0]], {}, "all zeros and have no direction, the first in row 0"),
        ([[1.0, 0.0]], {"method": "ward"}, "unknown linkage method 'ward'.*complete, average, single"),
        ([[1.0, 0.0], [2.0, 0.0]], {"legacy": True}, "point the same way"),
    ],
)
def test_bad_embeddings_are_refused(points, options, message):
    with pytest.raises(ValueError, match=message):
        cluster_tree(points, **options)


def test_bad_cuts_are_refused():
    tree = cluster_tree(embeddings())
    with pytest.raises(ValueError, match="0 to 23 merges, not 24"):
        cut_tree(tree, 24)
    with pytest.raises(ValueError, match="24 items cannot be cut into 25"):
        merges_for_clusters(tree, 25)
    with pytest.raises(ValueError, match="cannot be cut into 0"):
        merges_for_clusters(tree, 0)
    with pytest.raises(ValueError, match="not a number"):
        merges_at_distance(tree, float("nan"))
    with pytest.raises(ValueError, match="one rate more"):
        tune_threshold([0.1], [0.1])
