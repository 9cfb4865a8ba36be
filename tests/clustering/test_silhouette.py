"""Silhouettes against scikit-learn's, and the cut that they choose."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from sklearn.metrics import silhouette_score

from speechlib.clustering.agglomerative import cosine_distances
from speechlib.clustering.linkage import linkage_tree
from speechlib.clustering.silhouette import best_cut, mean_silhouette


def distances_of(points):
    return np.abs(points[:, None] - points[None]).sum(-1)


def test_the_mean_silhouette_is_scikit_learns():
    rng = np.random.default_rng(0)
    for labels in (rng.integers(0, 4, 30), np.r_[np.zeros(20, int), np.arange(1, 11)]):  # the latter: many alone
        distances = distances_of(rng.normal(size=(30, 3)))
        labels = np.unique(labels, return_inverse=True)[1]
        expected = silhouette_score(distances, labels, metric="precomputed")
        assert mean_silhouette(distances, labels) == pytest.approx(expected, abs=1e-12)


def test_a_silhouette_by_hand_and_of_points_that_coincide():
    # a = 1, b = 9.5 and 8.5 of the first two, and so on by symmetry: (8.5/9.5 + 7.5/8.5) / 2
    distances = distances_of(np.array([[0.0], [1], [9], [10]]))
    assert mean_silhouette(distances, np.array([0, 0, 1, 1])) == pytest.approx((8.5 / 9.5 + 7.5 / 8.5) / 2)
    assert mean_silhouette(np.zeros((3, 3)), np.array([0, 0, 1])) == 0
    with pytest.raises(ValueError, match="two clusters or more"):
        mean_silhouette(distances, np.zeros(4, int))


@pytest.mark.parametrize("number", [2, 3, 5])
def test_the_best_cut_finds_the_clusters(number):
    rng = np.random.default_rng(number)
    truth = np.repeat(np.arange(number), 6)
    distances = distances_of(10 * truth[:, None] * np.ones(2) + rng.normal(size=(len(truth), 2)))
    labels, reached = best_cut(linkage_tree(distances), distances, 10)
    assert labels.tolist() == truth.tolist() and reached > 0.6


def test_without_structure_or_room_there_is_one_cluster():
    distances = squareform(cosine_distances(np.random.default_rng(0).normal(size=(40, 10))))
    tree = linkage_tree(distances)
    labels, reached = best_cut(tree, distances, 10)
    assert set(labels) == {0} and 0 < reached <= 0.25
    assert len(set(best_cut(tree, distances, 10, least=0.0)[0])) > 1
    apart = distances_of(np.array([[0.0], [1], [9], [10]]))
    assert set(best_cut(linkage_tree(apart), apart, most=1)[0]) == {0}
