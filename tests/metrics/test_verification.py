"""EER, DCF, Cllr and minCllr: known numbers, brute force over thresholds, invariances."""

import gzip
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.metrics.verification import (
    actual_dcf,
    all_measures,
    cllr,
    detection_errors,
    equal_error_rate,
    kaldi_equal_error_rate,
    min_cllr,
    min_dcf,
    parse_priors,
    sort_scores,
)

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


def kaldi_rule(target, nontarget):
    """ComputeEer of Kaldi's compute-eer.cc, line by line."""
    target, nontarget = sorted(target), sorted(nontarget)
    position = 0
    while position + 1 < len(target):
        rank = len(nontarget) - 1 - int(len(nontarget) * position * 1.0 / len(target))
        if nontarget[max(rank, 0)] < target[position]:
            break
        position += 1
    return position / len(target), target[position]


@relaxed
@given(scores, scores)
def test_kaldi_rule_by_bisection(target, nontarget):
    assert kaldi_equal_error_rate(target, nontarget) == kaldi_rule(target, nontarget)


def kaldi_min_dcf(target, nontarget, prior):
    """ComputeErrorRates and ComputeMinDcf of Kaldi's compute_min_dcf.py: every trial a threshold, ties or not."""
    trials = sorted([(score, 1) for score in target] + [(score, 0) for score in nontarget])
    misses, alarms, best = 0, len(nontarget), np.inf
    for _, label in trials:
        misses, alarms = misses + label, alarms - (1 - label)
        best = min(best, prior * misses / len(target) + (1 - prior) * alarms / len(nontarget))
    return best / min(prior, 1 - prior)


distinct = st.lists(st.integers(-40, 40), min_size=2, max_size=24, unique=True)


@relaxed
@given(distinct, st.data(), st.sampled_from([0.001, 0.01, 0.05, 0.3]))
def test_kaldi_min_dcf_differs_where_all_are_accepted_or_tied(values, data, prior):
    count = data.draw(st.integers(1, len(values) - 1))
    target, nontarget = values[:count], values[count:]
    kaldi, accept_all = kaldi_min_dcf(target, nontarget, prior), (1 - prior) / min(prior, 1 - prior)
    assert min(kaldi, accept_all) == pytest.approx(min_dcf(target, nontarget, prior))


def test_golden_error_rates(golden):
    """Every score file that Kaldi's own tools evaluated."""
    trials = [line.split() for line in (golden / "plda/trials").read_text().splitlines()]
    labels = {(enrol, test): label == "target" for enrol, test, label in trials}
    title, *rows = [line.split("\t") for line in (golden / "plda/results.tsv").read_text().splitlines()]
    assert len(rows) == 8
    for row in rows:
        with gzip.open(golden / f"plda/{row[0]}.txt.gz", "rt") as file:
            lines = [line.split() for line in file]
        target = np.array([labels[enrol, test] for enrol, test, _ in lines])
        values = np.array([float(score) for *_, score in lines], dtype=np.float32)
        ordered = sort_scores(values[target], values[~target])
        rate, threshold = kaldi_equal_error_rate(ordered)
        assert (f"{100 * rate:.4g}", f"{threshold:.6g}") == (row[1], f"{float(row[3]):.6g}")
        for prior, known in zip((0.01, 0.001, 0.05), row[4:], strict=True):
            assert f"{min_dcf(ordered, p_target=prior):.4f}" == known
            assert f"{kaldi_min_dcf(values[target], values[~target], prior):.4f}" == known


def pooled_cllr(target, nontarget):
    """minCllr by textbook PAV: blocks of equal posterior over the trials in order, ties together."""
    blocks = []
    for value in sorted({*target, *nontarget}):
        blocks.append([target.count(value), nontarget.count(value)])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            one, two = blocks.pop(), blocks.pop()
            blocks.append([one[0] + two[0], one[1] + two[1]])
    total = 0.0
    for tar, non in blocks:
        if tar and non:
            ratio = (tar / len(target)) / (non / len(nontarget))
            total += tar / len(target) * np.log2(1 + 1 / ratio) + non / len(nontarget) * np.log2(1 + ratio)
    return total / 2


@relaxed
@given(scores, scores)
def test_min_cllr_is_that_of_pooled_blocks(target, nontarget):
    got = min_cllr(target, nontarget)
    assert got == pytest.approx(pooled_cllr(target, nontarget), abs=1e-9)
    assert -1e-12 <= got <= min(1.0, cllr(target, nontarget)) + 1e-9
    bent = min_cllr(np.arctan(target), np.arctan(nontarget))
    assert bent == pytest.approx(got)


@relaxed
@given(scores, scores, st.floats(0.001, 0.999))
def test_actual_cost_is_that_of_counting(target, nontarget, prior):
    threshold = np.log((1 - prior) / prior)
    cost = prior * np.mean(np.array(target) < threshold) + (1 - prior) * np.mean(np.array(nontarget) >= threshold)
    got = actual_dcf(target, nontarget, prior)
    assert got == pytest.approx(cost / min(prior, 1 - prior))
    assert got >= min_dcf(target, nontarget, prior) - 1e-12


@relaxed
@given(scores, scores)
def test_equal_error_rate_is_where_the_full_curve_crosses(target, nontarget):
    tar, non = np.array(target), np.array(nontarget)
    thresholds = [*np.unique(np.concatenate([tar, non])), np.inf]
    points = [(np.mean(tar < t), np.mean(non >= t)) for t in thresholds]
    after = next(i for i, (miss, alarm) in enumerate(points) if miss >= alarm)
    (m0, f0), (m1, f1) = points[after - 1], points[after]
    weight = (f0 - m0) / ((f0 - m0) + (m1 - f1))
    assert equal_error_rate(target, nontarget) == pytest.approx(m0 + weight * (m1 - m0))


def test_single_precision_is_kept():
    ordered = sort_scores(np.float32([1, 2]), np.float32([0]))
    assert ordered.target.dtype == np.float32 and cllr(ordered) == pytest.approx(cllr([1, 2], [0]))
    assert all_measures(ordered, [0.01])["min_dcf_0.01"] == 0


@pytest.mark.parametrize("text", ["", "0.01,", "0.5,x", "0.1,0.1", "0", "1.5"])
def test_bad_lists_of_priors(text):
    with pytest.raises(ValueError, match="prior"):
        parse_priors(text)
