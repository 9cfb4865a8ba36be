"""Statistics of contours, beside NumPy's and by hand."""

import numpy as np
import pytest

from speechlib.features.contours import (
    deltas,
    modulation_shares,
    moments,
    num_peaks,
    percentiles,
    quantile,
    segment_lengths,
    slopes,
    smoothed,
)


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_moments_and_percentiles_are_numpys(frames):
    values = np.random.default_rng(frames).standard_normal((frames, 3))
    expected = np.stack([values.mean(axis=0), values.std(axis=0)], axis=1).ravel()
    np.testing.assert_allclose(moments(values), expected)
    np.testing.assert_allclose(moments(values[:, 0]), expected[:2])
    low, middle, high = np.percentile(values[:, 0], (20, 50, 80))
    np.testing.assert_allclose(percentiles(values[:, 0]), [low, middle, high, high - low], atol=1e-12)
    for share in (0.0, 0.33, 0.99, 1.0):
        assert quantile(values[:, 1], share) == pytest.approx(np.quantile(values[:, 1], share))


def test_only_what_is_present_counts():
    values = np.array([[1.0, 5], [3, 100], [2, 7]])
    present = np.array([[True, True], [False, False], [True, True]])
    np.testing.assert_allclose(moments(values, present), [1.5, 0.5, 6, 1])
    np.testing.assert_array_equal(moments(values, np.zeros((3, 2), bool)), 0)


def test_without_a_frame_all_is_zero():
    np.testing.assert_array_equal(moments(np.zeros((0, 2))), np.zeros(4))
    np.testing.assert_array_equal(percentiles(np.zeros(0)), np.zeros(4))
    np.testing.assert_array_equal(slopes(np.zeros(1)), np.zeros(4))
    np.testing.assert_array_equal(segment_lengths(np.zeros(5, bool)), np.zeros(2))


def test_rises_and_falls_a_second():
    values = np.array([0.0, 1, 3, 3, 2, 2, 9])
    np.testing.assert_allclose(slopes(values), [1000 / 3, np.std([100, 200, 700]), 100, 0])
    inside = np.array([True, True, True, True, True, False, True])
    np.testing.assert_allclose(slopes(values, inside), [150, 50, 100, 0])


def test_lengths_of_segments_in_seconds():
    flags = np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)
    np.testing.assert_allclose(segment_lengths(flags), [0.02, np.std([2, 1, 3]) / 100])


def test_smoothing_and_peaks():
    np.testing.assert_allclose(smoothed(np.array([3.0, 0, 6, 0])), [1.5, 3, 2, 3])
    np.testing.assert_allclose(smoothed(np.array([4.0, 0])), [2, 2])
    np.testing.assert_allclose(smoothed(np.array([4.0])), [4])
    assert num_peaks(np.array([5.0, 1, 2, 2, 0, 3, 1, 9])) == 2
    assert num_peaks(np.array([5.0])) == num_peaks(np.array([5.0, 1])) == 0


def test_deltas_are_least_squares_slopes():
    values = np.random.default_rng(0).standard_normal((20, 2))
    expected = [np.polyfit(np.arange(5), values[frame - 2 : frame + 3], 1)[0] for frame in range(2, 18)]
    np.testing.assert_allclose(deltas(values)[2:18], expected, atol=1e-12)
    np.testing.assert_array_equal(deltas(np.ones((1, 2))), [[0, 0]])


@pytest.mark.parametrize("hertz, band", [(1.0, 0), (3.0, 1), (5.5, 2), (11.0, 3)])
@pytest.mark.parametrize("frames", [300, 2000])
def test_modulation_is_found_in_its_band(hertz, band, frames):
    shares = modulation_shares(5 + np.sin(2 * np.pi * hertz * np.arange(frames) / 100))
    assert shares.argmax() == band and shares[band] > -0.5 and shares.sum() < -20
    assert (10 ** (shares / 10)).sum() == pytest.approx(1, abs=1e-5)


def test_a_contour_that_stands_still_has_no_rhythm():
    np.testing.assert_allclose(modulation_shares(np.full(50, 3.0)), 10 * np.log10(0.25))
    np.testing.assert_allclose(modulation_shares(np.full(1, 3.0)), 10 * np.log10(0.25))
