"""Calibration error and Brier score: numbers by hand, a loop over items, probabilities that mean what they say."""

import numpy as np
import pytest

from speechlib.metrics.calibration_error import (
    ReliabilityBin,
    brier_score,
    calibration_error,
    class_bins,
    reliability_bins,
    top_label_bins,
)

PROBABILITIES = [[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]]
TRUTH = [0, 1, 0, 1]


def test_by_hand():
    # top labels .9 right | .7 wrong | .6 right | .8 right; five bins: .6 alone, .7 and .8, .9 alone
    bins = top_label_bins(PROBABILITIES, TRUTH, 5)
    assert [bin.count for bin in bins] == [0, 0, 1, 2, 1]
    assert bins[3] == ReliabilityBin(0.6, 0.8, 2, pytest.approx(0.75), 0.5)
    assert calibration_error(bins) == pytest.approx((0.4 + 2 * 0.25 + 0.1) / 4)
    # rows: 2 * .01, 2 * .49, 2 * .16, 2 * .04
    assert brier_score(PROBABILITIES, TRUTH) == pytest.approx(0.35)


def test_each_class_is_looked_at_by_itself():
    first, second = class_bins(PROBABILITIES, TRUTH, 2)
    assert [bin.count for bin in first] == [1, 3] and [bin.count for bin in second] == [3, 1]
    assert first[1].confidence == pytest.approx(2.2 / 3) and first[1].accuracy == pytest.approx(2 / 3)
    assert calibration_error(first) == pytest.approx((0.2 + 3 * (2.2 / 3 - 2 / 3)) / 4)
    assert calibration_error(second) == pytest.approx(calibration_error(first))


def test_limits_belong_to_the_lower_bin():
    bins = reliability_bins([0.0, 0.5, np.nextafter(0.5, 1), 1.0 + 1e-9], [0, 1, 0, 1], 2)
    assert [bin.count for bin in bins] == [2, 2] and [bin.accuracy for bin in bins] == [0.5, 0.5]


def test_fifteen_bins_agree_with_a_loop():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=300)
    truth = rng.integers(4, size=300)
    total = 0.0
    for number in range(15):
        members = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, truth, strict=True)
            if number / 15 < row.max() <= (number + 1) / 15
        ]
        if members:
            confidence, right = np.mean(members, axis=0)
            total += len(members) * abs(confidence - right)
    assert calibration_error(top_label_bins(probabilities, truth)) == pytest.approx(total / 300)


def test_true_probabilities_are_calibrated_and_sharpened_ones_are_not():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), size=20_000)
    truth = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=2)
    assert calibration_error(top_label_bins(probabilities, truth)) < 0.015
    assert all(calibration_error(bins) < 0.015 for bins in class_bins(probabilities, truth))
    sharp = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert calibration_error(top_label_bins(sharp, truth)) > 0.1
    assert brier_score(sharp, truth) > brier_score(probabilities, truth)


@pytest.mark.parametrize(
    ("probabilities", "truth", "message"),
    [
        ([0.5, 0.5], [0, 1], "a true class for each row"),
        ([[0.5, 0.5]], [0, 1], "a true class for each row"),
        ([[0.5, 0.6]], [0], "of item 0 add up to 1.1"),
        ([[1.5, -0.5]], [0], r"in \[0, 1\], got -0.5 to 1.5"),
        ([[np.nan, 1.0]], [0], r"in \[0, 1\]"),
        ([[0.5, 0.5]], [2], "columns 0 to 1"),
        ([[0.5, 0.5]], ["a"], "columns 0 to 1"),
    ],
)
def test_what_is_no_probability(probabilities, truth, message):
    for measure in (top_label_bins, class_bins, brier_score):
        with pytest.raises(ValueError, match=message):
            measure(probabilities, truth)


def test_what_cannot_be_binned():
    with pytest.raises(ValueError, match="at least one bin, got 0"):
        reliability_bins([0.5], [1], 0)
    with pytest.raises(ValueError, match="an outcome for each"):
        reliability_bins([], [])
