"""Resampled speakers: equal to copying trials, exact without resampling, and a paired test that holds its level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.metrics import trial_bootstrap
from speechlib.metrics.trial_bootstrap import TrialBootstrap, interval, paired_test
from speechlib.metrics.verification import all_measures, sort_scores

PRIORS = (0.01, 0.05, 0.5)


def system(seed=0, speakers=12, trials=400, spread=1.0):
    """Scores of all kinds of pairs; rounded, so that there are ties."""
    generator = np.random.default_rng(seed)
    first = generator.integers(0, speakers, trials)
    second = np.where(generator.random(trials) < 0.4, first, generator.integers(0, speakers, trials))
    target = first == second
    ease = generator.standard_normal(speakers)
    scores = 1.5 * target + spread * generator.standard_normal(trials) + 0.5 * ease[first]
    return scores.round(1), target, first, second


def measures_of(bootstrap, weights):
    return {name: value[0] for name, value in trial_bootstrap._measures(bootstrap.resample(weights[:, None])).items()}


def test_ones_give_the_trials_as_they_are():
    scores, target, first, second = system()
    got = measures_of(TrialBootstrap(scores, target, first, second, PRIORS), np.ones(12))
    expected = all_measures(sort_scores(scores[target], scores[~target]), PRIORS)
    for name in set(expected) - {"eer_kaldi"}:
        assert got[name] == pytest.approx(expected[name], abs=1e-6), name
    assert got["eer_kaldi"] == pytest.approx(expected["eer_kaldi"], abs=1.01 / target.sum())


@given(st.integers(0, 10_000))
def test_weights_are_copies(seed):
    scores, target, first, second = system(seed % 7, speakers=5, trials=60)
    weights = np.random.default_rng(seed).multinomial(5, np.full(5, 0.2)).astype(float)
    times = np.where(first == second, weights[first], weights[first] * weights[second]).astype(int)
    copied, labels = np.repeat(scores, times), np.repeat(target, times)
    bootstrap = TrialBootstrap(scores, target, first, second, PRIORS)
    if labels.all() or not labels.any():
        with pytest.raises(ValueError, match="lacks target or nontarget"):
            bootstrap.resample(weights[:, None])
        return
    got = measures_of(bootstrap, weights)
    expected = all_measures(sort_scores(copied[labels], copied[~labels]), PRIORS)
    for name in set(expected) - {"eer_kaldi"}:
        assert got[name] == pytest.approx(expected[name], abs=1e-5), name
    assert abs(got["eer_kaldi"] - expected["eer_kaldi"]) <= 1.01 / labels.sum()


def test_thinned_corners_change_little(monkeypatch):
    scores, target, first, second = system(trials=30_000, speakers=30)
    scores = scores + np.random.default_rng(1).random(scores.size)
    exact = TrialBootstrap(scores, target, first, second, PRIORS).measure(20, seed=3)
    monkeypatch.setattr(trial_bootstrap, "_MAX_CORNERS", 2000)
    thinned = TrialBootstrap(scores, target, first, second, PRIORS)
    assert thinned.num_bins < 6000
    for name, values in thinned.measure(20, seed=3).items():
        np.testing.assert_allclose(values, exact[name], atol=2e-3, err_msg=name)


def test_many_speakers_number_their_pairs_otherwise():
    scores, target, first, second = system(speakers=9)
    near = TrialBootstrap(scores, target, first, second, PRIORS)
    far = TrialBootstrap(scores, target, first + 5000, second + 5000, PRIORS)
    weights = np.arange(9.0)
    expected = measures_of(near, weights)
    assert measures_of(far, np.append(np.zeros(5000), weights)) == pytest.approx(expected)


def test_same_seed_same_draws():
    trials = system()
    first, again = (TrialBootstrap(*trials, PRIORS).measure(70, seed=5)["eer"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != TrialBootstrap(*trials, PRIORS).measure(70, seed=6)["eer"]).any()
    assert first.shape == (70,)


def test_interval_covers_the_truth():
    """Of many worlds with another 20 speakers each, about 95 % of the intervals hold the EER of all speakers."""
    many = [system(seed=1000 + i, speakers=20, trials=800) for i in range(60)]
    scores, labels = np.concatenate([m[0] for m in many]), np.concatenate([m[1] for m in many])
    truth = all_measures(sort_scores(scores[labels], scores[~labels]), ())["eer"]
    held = 0
    for trials in many:
        low, high = interval(TrialBootstrap(*trials).measure(200)["eer"])
        held += low <= truth <= high
    assert 0.8 <= held / len(many) <= 1.0


def test_paired_test_finds_a_difference_and_only_then():
    scores, target, first, second = system(speakers=30, trials=3000)
    generator = np.random.default_rng(2)
    twin = scores + 0.01 * generator.standard_normal(scores.size)
    worse = scores + 2.0 * generator.standard_normal(scores.size)
    samples = [
        TrialBootstrap(each, target, first, second).measure(300)["eer"] for each in (scores, twin, worse)
    ]
    (low, high), p_value = paired_test(samples[0], samples[2], samples[0].mean() - samples[2].mean())
    assert high < 0 and p_value < 0.02
    (low, high), p_value = paired_test(samples[0], samples[1], 1e-4)
    assert low <= 0 <= high and p_value > 0.02
    assert paired_test(samples[0], samples[0], 0.0) == ((0.0, 0.0), 1.0)
    assert paired_test(np.zeros(99), np.ones(99), -1.0)[1] == pytest.approx(0.02)  # no less than the draws can tell


def test_pairs_narrow_the_interval_of_a_difference():
    scores, target, first, second = system(speakers=15, trials=1500)
    other = scores + 0.3 * np.random.default_rng(4).standard_normal(scores.size)
    one, two = (TrialBootstrap(each, target, first, second).measure(300)["eer"] for each in (scores, other))
    paired = np.ptp(paired_test(one, two, 0.01)[0])
    unpaired = np.ptp(paired_test(one, two[::-1], 0.01)[0])
    assert paired < 0.8 * unpaired


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [True, False], [0, 1], [1, 0]), "a target trial has two different speakers"),
        (([1.0, 2.0], [True, False], [0, 0], [0, 0]), "at least two speakers"),
        (([1.0, 2.0], [True], [0], [0]), "one label and two speakers a score"),
    ],
)
def test_bad_trials(arguments, message):
    with pytest.raises(ValueError, match=message):
        TrialBootstrap(*arguments)


def test_draws_without_nontargets_are_drawn_again():
    scores, target = np.array([2.0, 1.0, 0.0]), np.array([True, True, False])
    bootstrap = TrialBootstrap(scores, target, [0, 1, 0], [0, 1, 1])
    assert bootstrap.measure(100)["eer"].shape == (100,)


def test_the_bulk_of_long_lists_is_resampled_alike(monkeypatch):
    """The sum of two counts less one stands for their product where many pairs come together."""
    trials = system(trials=60_000, speakers=200)
    exact = TrialBootstrap(*trials, PRIORS)
    for name, value in (("_TAIL", 4000), ("_FEW_PAIRS", 100), ("_PIECE", 7000)):
        monkeypatch.setattr(trial_bootstrap, name, value)
    split = TrialBootstrap(*trials, PRIORS)
    assert len(split._nontargets) == 2 and len(exact._nontargets) == 1
    expected = measures_of(exact, np.ones(200))
    assert measures_of(split, np.ones(200)) == pytest.approx(expected, abs=1e-5)
    one, two = exact.measure(300, seed=1), split.measure(300, seed=1)
    for name, values in one.items():
        assert np.std(values - two[name]) < values.mean() / np.sqrt(4000), name
        np.testing.assert_allclose(interval(two[name]), interval(values), atol=0.3 * np.std(values), err_msg=name)
