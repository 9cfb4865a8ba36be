"""EER, minDCF and Cllr: known numbers, brute force over thresholds, invariances."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.metrics.verification import cllr, detection_errors, equal_error_rate, min_dcf

relaxed = settings(deadline=None)  # the first example pays for imports
TARGET = [2, 1.2, 0.4, -0.3]
NONTARGET = [-2.1, -1, -0.5, 0.1, 0.6]
scores = st.lists(st.integers(-8, 8).map(float), min_size=1, max_size=12)


def test_worked_numbers():
    assert equal_error_rate(TARGET, NONTARGET) == pytest.approx(0.25, abs=1e-12)
    assert min_dcf(TARGET, NONTARGET, 0.01) == pytest.approx(0.5, abs=1e-12)
    assert min_dcf(TARGET, NONTARGET, 0.001) == pytest.approx(0.5, abs=1e-12)
    assert min_dcf(TARGET, NONTARGET, 0.5) == pytest.approx(0.4, abs=1e-12)
    assert cllr(TARGET, NONTARGET) == pytest.approx(0.7042831827, abs=1e-10)


@relaxed
@given(scores, scores)
def test_rates_are_those_of_counting(target, nontarget):
    thresholds, miss, false_alarm = detection_errors(target, nontarget)
    for threshold, frr, far in zip(thresholds, miss, false_alarm, strict=True):
        assert frr == pytest.approx(np.mean(np.array(target) < threshold))
        assert far == pytest.approx(np.mean(np.array(nontarget) >= threshold))
    assert (miss[0], false_alarm[0], miss[-1], false_alarm[-1]) == (0, 1, 1, 0)


@relaxed
@given(scores, scores)
def test_rates_do_not_depend_on_the_scale(target, nontarget):
    def bend(values):
        return np.arctan(np.array(values)) ** 3 * 2 + 5

    assert equal_error_rate(bend(target), bend(nontarget)) == pytest.approx(equal_error_rate(target, nontarget))
    assert min_dcf(bend(target), bend(nontarget), 0.05) == pytest.approx(min_dcf(target, nontarget, 0.05))


@relaxed
@given(scores, scores, st.floats(0.001, 0.999))
def test_minimum_cost_is_the_best_of_all_thresholds(target, nontarget, prior):
    tar, non = np.array(target), np.array(nontarget)
    costs = [
        (prior * np.mean(tar < t) + (1 - prior) * np.mean(non >= t)) / min(prior, 1 - prior)
        for t in [-np.inf, *np.unique(np.concatenate([tar, non])), np.inf]
    ]
    assert min_dcf(target, nontarget, prior) == pytest.approx(min(costs))
    assert 0 <= min_dcf(target, nontarget, prior) <= 1


@relaxed
@given(scores, scores)
def test_swapping_the_classes_mirrors_the_error(target, nontarget):
    mirrored = equal_error_rate([-value for value in nontarget], [-value for value in target])
    assert mirrored == pytest.approx(equal_error_rate(target, nontarget))
    assert 0 <= equal_error_rate(target, nontarget) <= 1


def test_extremes():
    assert equal_error_rate([1.0, 2.0], [-1.0, 0.0]) == 0
    assert equal_error_rate([-1.0], [1.0]) == 1
    assert equal_error_rate([0.0], [0.0]) == pytest.approx(0.5)
    assert min_dcf([-1.0], [1.0], 0.01) == 1
    assert cllr([0.0], [0.0]) == pytest.approx(1)
    assert cllr([np.inf], [-np.inf]) == 0
    assert cllr([-1000.0], [-1000.0]) == pytest.approx(500 / np.log(2))


def test_rejecting_all_counts_even_where_scores_are_infinite():
    assert min_dcf([np.inf, -np.inf], [np.inf] * 3, 0.001) == pytest.approx(1)


def test_a_million_trials_take_seconds():
    generator = np.random.default_rng(0)
    target, nontarget = generator.normal(2, 1, 100_000), generator.normal(0, 1, 900_000)
    start = time.process_time()
    assert equal_error_rate(target, nontarget) == pytest.approx(0.1587, abs=0.003)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("target", "nontarget", "message"),
    [
        ([], [1.0], "target scores must be one list of at least one"),
        ([1.0], [], "nontarget scores"),
        ([1.0, np.nan], [0.0], "1 target scores are not numbers, the first at place 1"),
        ([[1.0]], [0.0], r"got shape \(1, 1\)"),
    ],
)
@pytest.mark.parametrize("measure", [equal_error_rate, cllr, lambda tar, non: min_dcf(tar, non, 0.5)])
def test_bad_scores_are_refused(measure, target, nontarget, message):
    with pytest.raises(ValueError, match=message):
        measure(target, nontarget)


@pytest.mark.parametrize("prior", [0, 1, -0.5, float("nan")])
def test_impossible_prior_is_refused(prior):
    with pytest.raises(ValueError, match="prior"):
        min_dcf(TARGET, NONTARGET, prior)
