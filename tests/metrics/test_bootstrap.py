"""Speaker bootstrap: agreement of the fast path with the plain one, coverage, determinism."""

import numpy as np
import pytest

from speechlib.metrics.bootstrap import bootstrap_interval, bootstrap_ratio, bootstrap_statistic


def data(num_speakers=12, seed=0):
    generator = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(num_speakers), generator.integers(1, 6, size=num_speakers))
    rates = generator.random(num_speakers)
    return (generator.random(speakers.size) < rates[speakers]).astype(float), speakers


def test_fast_mean_agrees_with_the_general_form():
    values, speakers = data()
    fast = bootstrap_interval(values, speakers, num_samples=20_000, seed=1)
    slow = bootstrap_statistic(lambda items: values[items].mean(), speakers, num_samples=4_000, seed=2)
    np.testing.assert_allclose(fast, slow, atol=0.02)


def test_same_seed_gives_the_same_interval_whatever_the_order():
    values, speakers = data()
    order = np.random.default_rng(3).permutation(values.size)
    names = np.array([f"spk{speaker:02d}" for speaker in speakers])
    first = bootstrap_interval(values, speakers, seed=5)
    assert first == pytest.approx(bootstrap_interval(values[order], names[order], seed=5))
    assert first != bootstrap_interval(values, speakers, seed=6)


def test_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(4)
    hits = 0
    for trial in range(200):
        rates = generator.beta(2, 2, size=60)
        speakers = np.repeat(np.arange(60), 2)
        values = (generator.random(120) < rates[speakers]).astype(float)
        low, high = bootstrap_interval(values, speakers, num_samples=400, seed=trial)
        hits += low <= 0.5 <= high
    assert 0.89 <= hits / 200 <= 0.985


def test_items_of_one_speaker_widen_the_interval():
    """Errors that come together by speaker say less than as many independent ones."""
    speakers = np.repeat(np.arange(20), 10)
    values = np.repeat(np.arange(20) % 2, 10).astype(float)
    by_speaker = np.diff(bootstrap_interval(values, speakers))
    by_item = np.diff(bootstrap_interval(values, np.arange(200)))
    assert by_speaker > 2 * by_item


def test_no_spread_between_speakers_gives_no_width():
    assert bootstrap_interval(np.zeros(24), np.repeat(np.arange(12), 2)) == (0, 0)
    assert bootstrap_interval([0.5], ["a"]) == (0.5, 0.5)


def test_many_resamples_of_many_speakers_run_in_pieces():
    low, high = bootstrap_interval(np.arange(3000) % 2, np.arange(3000), num_samples=3000)
    assert 0.47 < low < 0.49 < 0.51 < high < 0.53


def test_resamples_that_cannot_be_scored_are_drawn_again():
    speakers = np.arange(4)

    def needs_first(items):
        if 0 not in items:
            raise ValueError("speaker 0 is needed")
        return 1.0

    assert bootstrap_statistic(needs_first, speakers, num_samples=50) == (1, 1)

    def never(items):
        raise ValueError("no target trial")

    with pytest.raises(ValueError, match="most resamples of 4 speakers cannot be scored: no target trial"):
        bootstrap_statistic(never, speakers, num_samples=5)


@pytest.mark.parametrize(
    ("values", "speakers", "options", "message"),
    [
        ([], [], {}, "one speaker for each of at least one value"),
        ([1.0], ["a", "b"], {}, "one speaker for each"),
        ([1.0, np.inf], ["a", "b"], {}, "value 1 is not a finite number"),
        ([1.0], ["a"], {"num_samples": 0}, "at least one resample"),
        ([1.0], ["a"], {"confidence": 95}, "between 0 and 1"),
    ],
)
def test_bad_input_is_refused(values, speakers, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values, speakers, **options)


def test_ratio_weighs_groups_by_their_denominators():
    """An error rate over time: the long recording decides, and a silent one that is drawn alone cannot be scored."""
    errors, speech, recordings = [1.0, 90.0, 0.0], [10.0, 100.0, 0.0], ["a", "b", "c"]
    low, high = bootstrap_ratio(errors, speech, recordings, seed=1)
    assert (low, high) == (0.1, 0.9)
    drawn = bootstrap_statistic(lambda items: np.array(errors)[items].sum() / max(np.array(speech)[items].sum(), 1e-9),
                                recordings, num_samples=5000)  # fmt: skip
    assert drawn[1] == high


def test_ratio_of_one_to_one_is_the_mean():
    values, speakers = data()
    assert bootstrap_ratio(values, np.ones_like(values), speakers) == bootstrap_interval(values, speakers)


@pytest.mark.parametrize("denominators", [[0.0, 0.0], [1.0, -1.0]])
def test_ratio_needs_something_below(denominators):
    with pytest.raises(ValueError, match="the denominators must not be negative, nor all zero"):
        bootstrap_ratio([1.0, 2.0], denominators, ["a", "b"])
