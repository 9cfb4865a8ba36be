"""Exact agglomeration against a twin that looks at all pairs before every merge."""

import numpy as np
import pytest

from speechlib.clustering import exact_clustering
from speechlib.clustering.distances import DISTANCES, Distance, make_distance
from speechlib.clustering.exact_clustering import agglomerate
from speechlib.clustering.moments import frame_moments
from tests.clustering.examples import comparison_of, moments_of, statistics_of


def brute_force(statistics, distance):
    """The tree, from the matrix of all pairs of clusters that are left."""
    clusters = dict(enumerate(statistics))
    sizes = dict.fromkeys(clusters, 1)
    tree = []
    for new in range(len(statistics), 2 * len(statistics) - 1):
        names = np.array(sorted(clusters))
        matrix = distance(np.array([clusters[name] for name in names]))
        matrix[np.tril_indices(len(names))] = np.inf
        one, two = names[list(np.unravel_index(matrix.argmin(), matrix.shape))].tolist()
        clusters[new], sizes[new] = clusters.pop(one) + clusters.pop(two), sizes[one] + sizes[two]
        tree.append((one, two, matrix.min(), sizes[new]))
    return np.array(tree)


@pytest.mark.parametrize("neighbours", [1, 3, 16])
@pytest.mark.parametrize("name", DISTANCES)
def test_same_tree_as_brute_force(name, neighbours, monkeypatch):
    # Short lists run out, and few places are packed often.
    monkeypatch.setattr(exact_clustering, "_NEIGHBOURS", neighbours)
    monkeypatch.setattr(exact_clustering, "_SMALL", 4)
    statistics, distance = statistics_of(name, neighbours, num=40), make_distance(name, floor=0.01)
    tree, expected = agglomerate(statistics, distance), brute_force(statistics, distance)
    np.testing.assert_array_equal(tree[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    np.testing.assert_allclose(tree[:, 2], expected[:, 2], rtol=1e-6, atol=1e-9)


def test_distances_may_fall_and_a_threshold_stops_at_the_first_above_it():
    for seed in range(20):
        tree = agglomerate(comparison_of(seed, num=30), make_distance("ucm"))
        falls = np.flatnonzero(np.diff(tree[:, 2]) < 0)
        if falls.size:
            break
    stop = tree[falls[0], 2] - 1e-9
    stopped = agglomerate(comparison_of(seed, num=30), make_distance("ucm"), stop)
    assert (stopped == tree[: len(stopped)]).all()
    assert tree[len(stopped), 2] > stop and (stopped[:, 2] <= stop).all()
    assert (tree[len(stopped) :, 2] <= stop).any()  # below it again, but too late
    assert agglomerate(comparison_of(seed), make_distance("ucm"), -np.inf).shape == (0, 4)


def test_speakers_come_together():
    for name in ("ucm", "glr", "clr", "bic", "bic-diag"):
        statistics = comparison_of(7, num=18, frames=40) if name == "ucm" else moments_of(7, num=18)
        tree = agglomerate(statistics, make_distance(name))
        # Each of the three speakers is whole before two are mixed.
        mixed = tree[-2:, 2].min()
        assert (tree[:-2, 2] < mixed).all() and sorted(tree[-2:, 3]) == [12, 18], name


def test_order_of_utterances_does_not_matter():
    statistics = comparison_of(8, num=25)
    order = np.random.default_rng(0).permutation(25)
    tree, other = (agglomerate(some, make_distance("ucm")) for some in (statistics, statistics[order]))
    np.testing.assert_allclose(tree[:, 2:], other[:, 2:], atol=1e-9)


@pytest.mark.parametrize("name", DISTANCES)
def test_one_utterance_and_identical_ones(name):
    statistics, distance = statistics_of(name, 9), make_distance(name, floor=0.01)
    assert agglomerate(statistics[:1], distance).shape == (0, 4)
    tree = agglomerate(np.repeat(statistics[:1], 7, axis=0), distance)
    assert tree[-1, 3] == 7 and np.isfinite(tree).all()
    if name in ("ucm", "bic", "bic-diag"):
        assert (tree[:, 2] < 0).all()  # one speaker
    with pytest.raises(ValueError, match="no utterance"):
        agglomerate(statistics[:0], distance)


def test_frames_that_never_change():
    frames = np.full((50, 3), 2.5)
    statistics = np.array([frame_moments(frames)] * 4)
    for name in ("glr", "clr", "bic", "bic-diag"):
        assert np.isfinite(agglomerate(statistics, make_distance(name, floor=0.01))).all()


def test_distances_that_are_no_numbers_are_an_error():
    glr = make_distance("glr")

    def load(statistics):
        clusters = glr.load(statistics)
        clusters.described[0, 3] = np.nan
        return clusters

    with pytest.raises(ValueError, match="not finite"):
        agglomerate(moments_of(0), Distance("odd", "moments", load))


def test_memory_grows_with_the_utterances_alone():
    import tracemalloc

    statistics = comparison_of(0, num=1500, rank=2)
    tracemalloc.start()
    tree = agglomerate(statistics, make_distance("ucm"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(tree) == 1499
    assert peak < 0.5 * 1500 * 1500 * 8  # half of a matrix of distances
