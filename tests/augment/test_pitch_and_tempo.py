"""Pitch and tempo: exact durations, frequencies of tones, places of events, level, speech-like pulses, limits."""

import numpy as np
import pytest

from speechlib.augment.pitch import change_pitch
from speechlib.augment.reverberation import power
from speechlib.augment.speed import num_samples_at
from speechlib.augment.tempo import change_tempo

RATE = 16000


def tone(frequency, seconds=1.0, rate=RATE):
    return (8000 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pulses(frequency, seconds=1.0, formant=1200.0):
    """A vowel: a decaying resonance at each pulse."""
    count = round(seconds * RATE)
    train = np.zeros(count)
    train[np.round(np.arange(0, count - 1, RATE / frequency)).astype(int)] = 1.0
    times = np.arange(400) / RATE
    resonance = np.exp(-300 * times) * np.cos(2 * np.pi * formant * times)
    return (8000 * np.convolve(train, resonance)[:count]).astype(np.float32)


def frequency_of(samples, rate=RATE):
    """Of the largest peak of the spectrum, between the bins by a parabola."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17)) + 1e-9)
    top = int(spectrum.argmax())
    left, middle, right = spectrum[top - 1 : top + 2]
    return (top + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / (1 << 17)


def period_of(samples, rate=RATE):
    """Frequency of the strongest repetition within 60 to 400 Hz."""
    likeness = np.correlate(samples, samples, "full")[len(samples) - 1 :]
    lags = np.arange(rate // 400, rate // 60)
    return rate / lags[likeness[lags].argmax()]


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.93, 1.1, 1.7, 2.0])
@pytest.mark.parametrize("frequency", [110.0, 440.0, 3000.0])
def test_tempo_leaves_the_frequency(factor, frequency):
    changed = change_tempo(tone(frequency), factor, RATE)
    assert changed.dtype == np.float32 and len(changed) == num_samples_at(RATE, factor)
    assert frequency_of(changed) == pytest.approx(frequency, rel=0.01)
    assert power(changed) == pytest.approx(power(tone(frequency)), rel=1e-4)


@pytest.mark.parametrize("semitones", [-12, -4, -0.5, 1, 3.3, 12])
@pytest.mark.parametrize("frequency", [150.0, 1000.0])
def test_pitch_multiplies_the_frequency(semitones, frequency):
    samples = tone(frequency)
    changed = change_pitch(samples, semitones, RATE)
    assert changed.dtype == np.float32 and len(changed) == len(samples)
    assert frequency_of(changed) == pytest.approx(frequency * 2 ** (semitones / 12), rel=0.01)
    assert power(changed) == pytest.approx(power(samples), rel=1e-4)


def test_other_rates():
    samples = tone(440.0, rate=44100)
    assert frequency_of(change_tempo(samples, 1.3, 44100), 44100) == pytest.approx(440, rel=0.01)
    assert frequency_of(change_pitch(samples, 2, 44100), 44100) == pytest.approx(440 * 2 ** (2 / 12), rel=0.01)


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_tempo_keeps_voice_and_its_formant(factor):
    samples = pulses(120.0)
    changed = change_tempo(samples, factor, RATE)
    assert period_of(changed) == pytest.approx(120, rel=0.01)
    assert frequency_of(changed) == pytest.approx(frequency_of(samples), rel=0.01)
    # no flutter: every tenth of a second is about as loud as all of it
    pieces = changed[: len(changed) // 1600 * 1600].reshape(-1, 1600)
    assert 10 * np.log10([power(piece) / power(changed) for piece in pieces]) == pytest.approx(0, abs=1.0)


def test_pitch_moves_the_voice():
    assert period_of(change_pitch(pulses(120.0), 4, RATE)) == pytest.approx(120 * 2 ** (4 / 12), rel=0.01)


@pytest.mark.parametrize("change", [lambda x: change_tempo(x, 0.6, RATE), lambda x: change_pitch(x, 5, RATE)])
def test_events_keep_their_share_of_the_time(change):
    samples = np.concatenate([tone(200, 0.4), np.zeros(3200, np.float32), tone(200, 0.4)])
    changed = change(samples)
    loud = np.flatnonzero(np.abs(changed) > 100)
    edges = np.flatnonzero(np.diff(loud) > 1000)
    assert len(edges) == 1
    begin, end = loud[edges[0]] / len(changed), loud[edges[0] + 1] / len(changed)
    assert (begin, end) == pytest.approx((0.4, 0.6), abs=0.025)


@pytest.mark.parametrize("count", [0, 1, 5, 300, 700, 1601])
@pytest.mark.parametrize("factor", [0.25, 0.9, 4.0])
def test_any_length_and_silence(count, factor):
    for samples in (np.zeros(count, np.float32), np.random.default_rng(0).normal(0, 100, count).astype(np.float32)):
        changed = change_tempo(samples, factor, RATE)
        assert changed.shape == (num_samples_at(count, factor),) and changed.dtype == np.float32
        assert np.isfinite(changed).all() and (samples.any() or not changed.any())
        raised = change_pitch(samples, 12 * np.log2(factor) / 2, RATE)
        assert raised.shape == samples.shape and raised.dtype == np.float32 and np.isfinite(raised).all()


def test_no_change_is_the_same_samples_and_the_same_change_the_same_bits():
    samples = tone(300, 0.3)
    assert np.array_equal(change_tempo(samples, 1, RATE), samples)
    assert np.array_equal(change_pitch(samples, 0, RATE), samples)
    assert np.array_equal(change_pitch(samples, 1, RATE), change_pitch(samples, 1, RATE))


@pytest.mark.parametrize("factor", [0, -1, 0.2, 4.1, np.nan])
def test_limits_of_tempo(factor):
    with pytest.raises(ValueError, match="between 0.25 and 4"):
        change_tempo(tone(100, 0.1), factor, RATE)


@pytest.mark.parametrize("semitones", [13, -12.1, np.nan])
def test_limits_of_pitch(semitones):
    with pytest.raises(ValueError, match="between -12 and 12"):
        change_pitch(tone(100, 0.1), semitones, RATE)
