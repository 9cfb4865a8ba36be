"""Moments of frames: sums that add, standardised without changing what they say."""

import numpy as np
import pytest

from speechlib.clustering.moments import check_not_singular, covariances_of, frame_moments, standardise


def frames_of(seed, *counts, dim=3):
    generator = np.random.default_rng(seed)
    return [1e3 + generator.standard_normal((count, dim)) * [1, 10, 0.01][:dim] for count in counts]


def test_moments_hold_count_sum_and_products():
    (frames,) = frames_of(0, 5)
    moments = frame_moments(frames)
    assert moments[0, 0] == 5
    np.testing.assert_allclose(moments[0, 1:], frames.sum(axis=0))
    np.testing.assert_allclose(moments[1:, 1:], frames.T @ frames)
    (count,), (mean,), (covariance,) = covariances_of(moments[None])
    assert count == 5
    np.testing.assert_allclose(mean, frames.mean(axis=0))
    np.testing.assert_allclose(covariance, np.cov(frames.T, bias=True), rtol=1e-3, atol=1e-9)


def test_standardised_moments_are_those_of_standardised_frames():
    parts = frames_of(1, 8, 30, 12)
    together = np.concatenate(parts)
    mean, deviation = together.mean(axis=0), together.std(axis=0)
    found = standardise(np.array([frame_moments(part) for part in parts]))
    expected = [frame_moments((part - mean) / deviation) for part in parts]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_floor_is_noise_of_a_share_of_the_variance():
    parts = np.array([frame_moments(part) for part in frames_of(2, 10, 20)])
    plain, floored = standardise(parts), standardise(parts, 0.25)
    np.testing.assert_allclose(covariances_of(floored)[2] - covariances_of(plain)[2],
                               np.broadcast_to(0.25 * np.eye(3), (2, 3, 3)), atol=1e-9)  # fmt: skip
    # The moments of clusters still add.
    merged = standardise(parts.sum(axis=0, keepdims=True), 0.25)
    np.testing.assert_allclose(merged[0], floored.sum(axis=0), rtol=1e-5, atol=1e-5)


def test_singular_covariances_are_found():
    good, short = (frame_moments(part) for part in frames_of(3, 4, 3))
    check_not_singular(standardise(np.array([good, short + good])))
    with pytest.raises(ValueError, match=r"covariance of 3 frames of dimension 3 \(in place 1\) .* at least 4"):
        check_not_singular(standardise(np.array([good, short])))
    check_not_singular(standardise(np.array([good, short])), diagonal=True)
    check_not_singular(standardise(np.array([good, short]), 0.01), floored=True)


def test_nothing_to_standardise():
    assert standardise(np.empty((0, 4, 4))).shape == (0, 4, 4)
