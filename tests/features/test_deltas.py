"""Deltas against a loop that follows Kaldi's definition, and against what they must be on simple signals."""

import numpy as np
import pytest

from speechlib.features.deltas import add_deltas, delta_windows


def naive_deltas(features, order, window):
    """DeltaFeatures: each order regresses the one before, on the filters (so that only the features are extended)."""
    scales = [np.ones(1)]
    for _ in range(order):
        previous = scales[-1]
        reach = len(previous) // 2
        current = np.zeros(len(previous) + 2 * window)
        for j in range(-window, window + 1):
            for k in range(-reach, reach + 1):
                current[j + k + reach + window] += j * previous[k + reach]
        scales.append(current / sum(j * j for j in range(-window, window + 1)))
    num_frames, dim = features.shape
    out = np.zeros((num_frames, dim * (order + 1)))
    for t in range(num_frames):
        for index, scale in enumerate(scales):
            reach = len(scale) // 2
            for j in range(-reach, reach + 1):
                frame = min(max(t + j, 0), num_frames - 1)
                out[t, index * dim : (index + 1) * dim] += scale[j + reach] * features[frame]
    return out


@pytest.mark.parametrize("order, window", [(0, 2), (1, 1), (2, 2), (2, 3), (3, 4)])
@pytest.mark.parametrize("num_frames", [1, 2, 5, 40])
def test_equals_a_loop(order, window, num_frames):
    features = np.random.default_rng(0).normal(0, 30, (num_frames, 3)).astype(np.float32)
    found = add_deltas(features, order, window)
    assert found.dtype == np.float32 and found.shape == (num_frames, 3 * (order + 1))
    np.testing.assert_allclose(found, naive_deltas(features, order, window), rtol=1e-5, atol=2e-5)
    np.testing.assert_array_equal(found[:, :3], features)


def test_slope_and_curvature():
    t = np.arange(30, dtype=np.float32)[:, None]
    found = add_deltas(np.hstack([3 * t, t * t]))
    inner = slice(4, -4)
    np.testing.assert_allclose(found[inner, 2], 3, rtol=1e-5)
    np.testing.assert_allclose(found[inner, 4], 0, atol=1e-4)
    np.testing.assert_allclose(found[inner, 5], 2, rtol=1e-4)


def test_the_classic_filter():
    np.testing.assert_allclose(delta_windows(1, 2)[1], [-0.2, -0.1, 0, 0.1, 0.2], rtol=1e-6)


def test_refuses_senseless_input():
    for arguments in ((np.zeros((0, 3)),), (np.zeros(3),), (np.zeros((2, 2)), -1), (np.zeros((2, 2)), 1, 0)):
        with pytest.raises(ValueError):
            add_deltas(*arguments)
