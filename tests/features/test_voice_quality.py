"""Jitter and shimmer of pulse trains whose perturbation is known."""

import numpy as np
import pytest

from speechlib.features.voice_quality import compare_cycles

RATE = 16000


def pulses(periods, heights):
    """Smooth pulses at given distances in samples, and where they are."""
    places = 300 + np.cumsum(periods)
    samples = np.zeros(int(places[-1]) + 300)
    time = np.arange(len(samples))
    for place, height in zip(places, heights, strict=True):
        near = slice(int(place) - 40, int(place) + 41)
        distance = time[near] - place
        samples[near] += height * np.exp(-0.5 * (distance / 3) ** 2)
    return samples.astype(np.float32), places


def compare(periods, heights):
    """The measures of frames that lie anywhere in the train."""
    samples, places = pulses(periods, heights)
    centres = np.arange(int(places[4]), int(places[-5]), 13)
    return compare_cycles(samples, centres, np.full(len(centres), np.mean(periods)))


@pytest.mark.parametrize("period", [27.3, 80.0, 161.7])
def test_a_steady_train_has_neither(period):
    found = compare(np.full(40, period), np.full(40, 5000.0))
    assert found.jitter.max() < 0.002 and found.shimmer.max() < 0.05 and found.likeness.min() > 0.99


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
def test_periods_that_alternate(share):
    """Long, short, long: neighbours differ by twice the deviation."""
    signs = np.where(np.arange(40) % 2, 1, -1)
    found = compare(100 * (1 + share * signs), np.full(40, 5000.0))
    assert found.jitter.mean() == pytest.approx(2 * share, rel=0.05, abs=2e-4)
    assert found.shimmer.mean() < 0.1


def test_random_jitter_is_the_mean_difference_of_neighbours():
    rng = np.random.default_rng(0)
    periods = 100 * (1 + 0.02 * rng.uniform(-1, 1, 200))
    found = compare(periods, np.full(200, 5000.0))
    expected = np.abs(np.diff(periods)).mean() / periods.mean()
    assert found.jitter.mean() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("decibel", [0.3, 1.0, 3.0])
def test_heights_that_alternate(decibel):
    heights = 5000 * 10 ** (np.where(np.arange(40) % 2, decibel, 0) / 20)
    found = compare(np.full(40, 100.0), heights)
    assert found.shimmer.mean() == pytest.approx(decibel, rel=0.05)
    assert found.jitter.max() < 0.002


def test_noise_has_cycles_that_are_not_alike():
    rng = np.random.default_rng(0)
    found = compare_cycles(rng.normal(0, 1000, RATE).astype(np.float32), np.arange(1000, 15000, 160), np.full(88, 80.0))
    assert np.median(found.likeness) < 0.5


def test_edges_silence_and_no_frame_at_all():
    found = compare_cycles(np.zeros(200, np.float32), np.array([0, 100, 199]), np.array([300.0, 25.0, 80.0]))
    for values in (found.jitter, found.shimmer, found.likeness):
        assert np.isfinite(values).all()
    assert len(compare_cycles(np.zeros(10, np.float32), np.zeros(0, int), np.zeros(0)).jitter) == 0
