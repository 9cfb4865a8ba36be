"""Cohort statistics and the four normalisations against plain loops."""

import numpy as np
import pytest

from speechlib.backend.score_normalization import METHODS, cohort_statistics, normalize_scores


@pytest.mark.parametrize("top_n", [None, 2, 5, 100])
def test_statistics_are_those_of_a_loop(top_n):
    generator = np.random.default_rng(0)
    items = generator.permutation(np.repeat(np.arange(4), [7, 3, 12, 5]))
    scores = generator.standard_normal(items.size).round(1)
    mean, deviation = cohort_statistics(items, scores, 4, top_n)
    for item in range(4):
        best = np.sort(scores[items == item])[::-1][:top_n]
        assert (mean[item], deviation[item]) == pytest.approx((best.mean(), best.std()))


def test_an_item_without_scores_has_no_statistics():
    mean, deviation = cohort_statistics([0, 0], [1.0, 2.0], 2)
    assert np.isnan([mean[1], deviation[1]]).all()


def test_methods():
    scores = np.array([1.0, 5.0])
    enrol, test = (np.array([0.0, 1.0]), np.array([1.0, 2.0])), (np.array([2.0, 1.0]), np.array([0.5, 4.0]))
    z, t = [1.0, 2.0], [-2.0, 1.0]
    assert normalize_scores(scores, "z-norm", enrol=enrol).tolist() == z
    assert normalize_scores(scores, "t-norm", test=test).tolist() == t
    for method in ("s-norm", "as-norm"):
        np.testing.assert_allclose(normalize_scores(scores, method, enrol, test), np.mean([z, t], axis=0))


def test_scale_and_offset_of_a_system_vanish():
    generator = np.random.default_rng(1)
    cohort, scores, items = generator.standard_normal(60), generator.standard_normal(6), np.repeat(np.arange(6), 10)

    def normalized(scale, offset):
        side = cohort_statistics(items, scale * cohort + offset, 6, 4)
        return normalize_scores(scale * scores + offset, "as-norm", side, side)

    np.testing.assert_allclose(normalized(1.0, 0.0), normalized(7.0, -3.0))


def test_bad_input():
    side = (np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match=f"unknown normalisation 'x': give one of {', '.join(METHODS)}"):
        normalize_scores([1.0], "x", side, side)
    with pytest.raises(ValueError, match="s-norm needs the statistics of both sides"):
        normalize_scores([1.0], "s-norm", side)
    with pytest.raises(ValueError, match="do not vary"):
        normalize_scores([1.0], "z-norm", (np.zeros(1), np.zeros(1)))
    with pytest.raises(ValueError, match="top 2"):
        cohort_statistics([0], [1.0], 1, top_n=1)
