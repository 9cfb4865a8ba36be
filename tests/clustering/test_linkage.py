"""Average and complete linkage beside scipy's, the order of ties, and matrices that are none."""

import numpy as np
import pytest

from speechlib.clustering.linkage import METHODS, greedy_merges, linkage_tree


def random_distances(num, seed):
    noise = np.random.default_rng(seed).standard_normal((num, num))
    return noise + noise.T


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("num", [2, 3, 17, 120])
def test_same_tree_as_scipys(method, num):
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    for seed in range(3):
        distances = random_distances(num, seed)
        points = np.random.default_rng(seed).standard_normal((num, 4))
        for matrix in (distances, np.linalg.norm(points[:, None] - points, axis=2)):
            # scipy refuses no negative distances, but its results are checked on positive ones all the same
            expected = linkage(squareform(matrix + 50.0, checks=False), method)
            expected[:, 2] -= 50.0
            np.testing.assert_allclose(linkage_tree(matrix, method), expected, atol=1e-10)


def test_the_matrix_given_is_left_alone_and_its_diagonal_not_read():
    distances = random_distances(30, 1)
    copy = distances.copy()
    tree = linkage_tree(distances)
    np.testing.assert_array_equal(distances, copy)
    np.fill_diagonal(copy, np.nan)
    np.testing.assert_array_equal(linkage_tree(copy), tree)


def test_one_item_is_a_tree_without_merges():
    assert linkage_tree([[0.0]]).shape == (0, 4)


def test_ties_take_the_oldest_clusters_first():
    # All distances equal: Kaldi's queue gives (0, 1), (2, 3), then 4 with the older of the two new clusters.
    tree = linkage_tree(np.ones((5, 5)))
    np.testing.assert_array_equal(tree[:, :2], [[0, 1], [2, 3], [4, 5], [6, 7]])
    np.testing.assert_array_equal(tree[:, 2:], [[1, 2], [1, 2], [1, 3], [1, 5]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("max_size", [np.inf, 4])
def test_same_merges_as_a_plain_search_where_ties_abound(method, max_size):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        num = int(rng.integers(2, 25))
        matrix = rng.integers(0, 4, (num, num)).astype(np.float32)
        matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T
        merges = greedy_merges(matrix.copy(), np.ones(num), method, max_size=max_size)
        assert merges == plain_merges(matrix, method, max_size)


def plain_merges(matrix, method, max_size):
    """All pairs of clusters, every time anew."""
    clusters = {number: [number] for number in range(len(matrix))}
    merges = []
    while True:
        candidates = []
        for first, members in clusters.items():
            for second, others in clusters.items():
                if first < second and len(members) + len(others) <= max_size:
                    block = matrix[np.ix_(members, others)]
                    cost = block.max() if method == "complete" else block.sum() / np.float32(block.size)
                    candidates.append((cost, first, second))
        if not candidates:
            return merges
        cost, first, second = min(candidates)
        clusters[len(matrix) + len(merges)] = members = clusters.pop(first) + clusters.pop(second)
        merges.append((first, second, float(cost), len(members)))


def test_limits():
    matrix = np.full((6, 6), 5.0)
    matrix[:3, :3] = matrix[3:, 3:] = 1.0
    sizes = np.ones(6)
    assert len(greedy_merges(matrix.copy(), sizes)) == 5
    assert len(greedy_merges(matrix.copy(), sizes, threshold=1.0)) == 4
    assert len(greedy_merges(matrix.copy(), sizes, threshold=0.99)) == 0
    assert len(greedy_merges(matrix.copy(), sizes, min_clusters=3)) == 3
    assert len(greedy_merges(matrix.copy(), sizes, min_clusters=9)) == 0
    assert max(size for *_, size in greedy_merges(matrix.copy(), sizes, max_size=2)) == 2


@pytest.mark.parametrize(
    "matrix, message",
    [
        (np.zeros((2, 3)), r"square matrix of at least one item, got shape \(2, 3\)"),
        (np.zeros((0, 0)), "at least one item"),
        (np.zeros(3), r"got shape \(3,\)"),
        ([[0, 1, np.nan], [1, 0, 2], [np.nan, 2, 0]], "2 entries are not finite numbers, the first is nan in row 0"),
        ([[0, np.inf], [np.inf, 0]], "inf in row 0, column 1"),
        ([[0, 1], [2, 0]], "not symmetric: 1 in row 0, column 1, but 2 the other way round"),
    ],
)
def test_bad_matrices(matrix, message):
    with pytest.raises(ValueError, match=message):
        linkage_tree(matrix)


def test_asymmetry_far_from_the_first_block_is_found():
    matrix = random_distances(600, 0)
    matrix[10, 590] += 0.1
    with pytest.raises(ValueError, match="in row 10, column 590"):
        linkage_tree(matrix)


def test_unknown_method():
    with pytest.raises(ValueError, match="unknown linkage method 'ward': give one of average, complete"):
        linkage_tree([[0, 1], [1, 0]], "ward")
