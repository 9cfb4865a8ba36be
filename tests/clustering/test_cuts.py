"""Cuts of trees whose distances may fall, and one threshold for many trees."""

import numpy as np
import pytest

from speechlib.clustering.cuts import clusters_at_threshold, clusters_of_number, levels, tune_common_threshold

# a b c d: c and d at 1, then b with them at 3, which makes a closer: 2.
TREE = np.array([[2, 3, 1.0, 2], [1, 4, 3.0, 3], [0, 5, 2.0, 4]])


def test_a_threshold_stops_at_the_first_merge_above_it():
    np.testing.assert_array_equal(levels(TREE), [1, 3, 3])
    for threshold, expected in ((-np.inf, [0, 1, 2, 3]), (0.9, [0, 1, 2, 3]), (1, [0, 1, 2, 2]),
                                (2.5, [0, 1, 2, 2]), (3, [0, 0, 0, 0]), (np.inf, [0, 0, 0, 0])):  # fmt: skip
        np.testing.assert_array_equal(clusters_at_threshold(TREE, threshold), expected)
    with pytest.raises(ValueError, match="not a number"):
        clusters_at_threshold(TREE, np.nan)


def test_known_numbers():
    np.testing.assert_array_equal(clusters_of_number(TREE, 2), [0, 1, 1, 1])
    np.testing.assert_array_equal(clusters_of_number(TREE, 4), [0, 1, 2, 3])
    alone = np.empty((0, 4))
    for tree, number, message in ((TREE, 5, "4 utterances cannot be 5 clusters: expected 1 to 4"),
                                  (TREE, 0, "0 clusters"), (alone, 2, "1 utterance cannot be 2")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            clusters_of_number(tree, number)


def test_one_utterance():
    for tree in (np.empty((0, 4)), np.empty((0, 0))):
        assert clusters_at_threshold(tree, 0.0).tolist() == [0]
        assert clusters_of_number(tree, 1).tolist() == [0]


def test_threshold_equals_a_search_over_all():
    generator = np.random.default_rng(0)
    for _ in range(30):
        trees, losses = [], []
        for items in generator.integers(1, 8, size=5):
            heights = generator.integers(-3, 9, size=items - 1).astype(float)
            tree = [(0, 1, height, 2) for height in heights]  # only the distances count
            trees.append(np.array(tree, float).reshape(-1, 4))
            losses.append(generator.integers(0, 4, size=items) / 3)
        if not any(map(len, trees)):
            continue

        def mean_loss(threshold, trees=trees, losses=losses):
            return np.mean([loss[(levels(tree) <= threshold).sum()] for tree, loss in zip(trees, losses, strict=True)])

        threshold, loss = tune_common_threshold(trees, losses)
        best = min(map(mean_loss, np.arange(-4.5, 10, 0.5)))
        assert mean_loss(threshold) == pytest.approx(loss) == pytest.approx(best)


def test_the_middle_of_the_widest_best_interval():
    trees = [np.array([[0, 1, 1.0, 2], [2, 3, 2.0, 3]]), np.array([[0, 1, 5.0, 2], [2, 3, 6.0, 3]])]
    # Best in [1, 2) and in [5, 6) and in between once.
    assert tune_common_threshold(trees, [[1, 0, 0], [0, 0, 1]]) == (3.5, 0)
    assert tune_common_threshold(trees, [[1, 0, 1], [0, 0, 1]]) == (1.5, 0)
    # Everything together, or nothing at all, is best: beyond the last merge, before the first.
    assert tune_common_threshold(trees, [[1, 1, 0], [1, 1, 0]])[0] > 6
    assert tune_common_threshold(trees, [[0, 1, 1], [0, 1, 1]])[0] < 1


def test_what_cannot_be_tuned():
    with pytest.raises(ValueError, match="one utterance alone"):
        tune_common_threshold([np.empty((0, 4))], [[0]])
    with pytest.raises(ValueError, match="one finite loss more"):
        tune_common_threshold([TREE], [[0, 1, 2]])
    with pytest.raises(ValueError, match="finite"):
        tune_common_threshold([TREE], [[0, 1, 2, np.nan]])
