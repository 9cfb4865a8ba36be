"""Selection of Gaussians, sparse softmax, pruning."""

import numpy as np
import pytest

from speechlib.gmm.gselect import Posteriors, by_gaussian, prune, select_best, softmax, uniform_offsets


def test_the_best_come_in_order():
    likes = np.array([[0.1, 3, 2, -1], [5, 4, 3, 2]], np.float32)
    assert select_best(likes, 2).tolist() == [[1, 2], [0, 1]]
    assert select_best(likes, 9).tolist() == [[1, 2, 0, 3], [0, 1, 2, 3]]


def test_softmax_of_ragged_frames_is_that_of_each():
    offsets = np.array([0, 2, 3, 6])
    likes = np.array([-700.0, -701, -900, 1, 2, 3])
    values, totals = softmax(offsets, likes.copy())
    for start, end, total in zip(offsets, offsets[1:], totals, strict=False):
        part = likes[start:end]
        assert total == pytest.approx(np.logaddexp.reduce(part))
        assert np.allclose(values[start:end], np.exp(part - total))
    even, totals = softmax(uniform_offsets(3, 2), likes.copy())
    assert np.allclose(even.reshape(3, 2).sum(axis=1), 1) and totals[1] == pytest.approx(1)


def test_a_frame_without_gaussians_is_an_error():
    with pytest.raises(ValueError, match="frame 1 has no selected Gaussian"):
        softmax(np.array([0, 1, 1]), np.zeros(1))


def test_pruning_rescales_and_keeps_at_least_one():
    posteriors = Posteriors(
        np.array([0, 3, 6]),
        np.array([4, 1, 0, 2, 5, 6], np.int32),
        np.array([0.01, 0.33, 0.66, 0.3, 0.4, 0.3], np.float32),
    )
    pruned = prune(posteriors, 0.025)
    assert pruned.offsets.tolist() == [0, 2, 5] and pruned.gaussians.tolist() == [1, 0, 2, 5, 6]
    assert pruned.values == pytest.approx([0.33 / 0.99, 0.66 / 0.99, 0.3, 0.4, 0.3])
    lone = prune(posteriors, 0.9)
    assert lone.gaussians.tolist() == [0, 5] and lone.values.tolist() == [1, 1]
    zeros = posteriors._replace(values=np.array([0, 0.5, 0.5, 0, 1, 0], np.float32))
    assert prune(zeros, 0.0).gaussians.tolist() == [1, 0, 5]


def test_entries_are_grouped_in_the_order_of_their_frames():
    order, starts = by_gaussian(np.array([2, 0, 2, 1, 0], np.int32), 4)
    assert order.tolist() == [1, 4, 3, 0, 2] and starts.tolist() == [0, 2, 3, 5, 5]
    with pytest.raises(ValueError, match="Gaussian 4 of a mixture of 4"):
        by_gaussian(np.array([4]), 4)
