"""Pitch of pulse trains and tones, voicing, the harmonics-to-noise ratio of mixtures; a man and a woman."""

import numpy as np
import pytest

from speechlib.features.pitch import (
    MAX_HNR,
    HarmonicsToNoise,
    PitchCandidates,
    PitchFinder,
    PitchOptions,
    harmonic_level,
    window_autocorrelation,
)
from speechlib.features.power_spectra import RATE, WINDOW, WINDOW_POWER, frame_samples, spectra_blocks


def track_of(samples, options=None):
    finder = PitchFinder(options)
    frames = frame_samples(np.asarray(samples, np.float32))
    return finder.track(PitchCandidates.joined([finder.candidates(spectra) for spectra, _ in spectra_blocks(frames)]))


def buzz(pitch, seconds=0.4, tilt=0.0):
    """Harmonics of a pitch that may move; a pulse train where tilt is 0."""
    pitch = np.broadcast_to(pitch, int(seconds * RATE))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return 500 * sum(np.cos(number * phase) / number**tilt for number in range(1, int(7000 / pitch.max())))


@pytest.mark.parametrize("pitch", [75, 100, 147.3, 220, 333, 480, 630])
@pytest.mark.parametrize("tilt", [0.0, 2.0])
def test_pitch_within_a_percent(pitch, tilt):
    track = track_of(buzz(pitch, tilt=tilt))
    assert track.voiced[4:-4].all()
    np.testing.assert_allclose(track.hertz[4:-4], pitch, rtol=0.01)
    np.testing.assert_allclose(track.semitones[4:-4], 12 * np.log2(pitch / 27.5), atol=0.17)


def test_a_pitch_that_moves_is_followed():
    pitch = np.linspace(120, 260, int(0.8 * RATE))
    track = track_of(buzz(pitch, 0.8))
    centres = np.arange(80) * 160 + 80
    assert track.voiced[4:-4].all()
    np.testing.assert_allclose(track.hertz[4:-4], pitch[centres][4:-4], rtol=0.01)


def test_a_strong_formant_is_no_pitch():
    """The second harmonic 20 dB above all others."""
    time = np.arange(RATE // 2) / RATE
    samples = buzz(110, 0.5) / 5 + 1000 * np.cos(2 * np.pi * 220 * time)
    np.testing.assert_allclose(track_of(samples).hertz[4:-4], 110, rtol=0.01)


def test_noise_and_silence_are_unvoiced():
    noise = np.random.default_rng(0).normal(0, 1000, 2 * RATE)
    assert track_of(noise).voiced.mean() < 0.01
    silent = track_of(np.zeros(RATE))
    assert not silent.voiced.any() and not silent.hertz.any() and not silent.semitones.any()
    # Far below the loud frames there is no voice, however periodic.
    both = np.concatenate((buzz(150), buzz(150) / 3000))
    voiced = track_of(both).voiced
    assert voiced[5:35].all() and not voiced[45:].any()


@pytest.mark.parametrize("ratio", [0, 5, 10, 20])
def test_hnr_of_a_tone_in_noise(ratio):
    """White noise has no correlation at the lag of the period: the peak is the share of the tone's power."""
    rng = np.random.default_rng(ratio)
    time = np.arange(2 * RATE) / RATE
    tone = 1000 * np.sqrt(2) * np.sin(2 * np.pi * 200 * time)
    samples = tone + rng.normal(0, 1000 * 10 ** (-ratio / 20), len(time))
    (spectra, _), = spectra_blocks(frame_samples(samples.astype(np.float32)))
    found = HarmonicsToNoise().compute(spectra, np.full(200, 80.0))
    assert np.median(found[4:-4]) == pytest.approx(ratio, abs=0.7)


def test_hnr_has_limits():
    measure = HarmonicsToNoise()
    (spectra, _), = spectra_blocks(frame_samples(buzz(200, tilt=1.0).astype(np.float32)))
    clean = measure.compute(spectra, np.full(len(spectra.power), 80.0))
    assert clean[4:-4].min() > 25 and clean.max() <= MAX_HNR + 1e-3
    (spectra, _), = spectra_blocks(frame_samples(np.zeros(800, np.float32)))
    np.testing.assert_allclose(measure.compute(spectra, np.full(5, 320.0)), -MAX_HNR, rtol=1e-5)


def test_the_windows_own_autocorrelation():
    window = WINDOW.astype(np.float64)
    lags = [0, 1, 77, 300]
    expected = [np.dot(window[lag:], window[: len(window) - lag]) / WINDOW_POWER for lag in lags]
    np.testing.assert_allclose(window_autocorrelation(301)[lags], expected, rtol=1e-5)


def test_level_of_a_harmonic():
    time = np.arange(1600) / RATE
    samples = 2000 * np.sin(2 * np.pi * 437.5 * time) + 200 * np.sin(2 * np.pi * 875 * time)
    (spectra, _), = spectra_blocks(frame_samples(samples.astype(np.float32)))
    hertz = np.full(len(spectra.power), 440.0)  # a little beside the tone
    first, second = harmonic_level(spectra, hertz)[3:-3], harmonic_level(spectra, 2 * hertz)[3:-3]
    np.testing.assert_allclose(first, 20 * np.log10(2000 * WINDOW.sum(dtype=np.float64) / 2), atol=0.05)
    np.testing.assert_allclose(first - second, 20, atol=0.1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"min_pitch": 40.0}, "pitch from 40 to 650 Hz: expected 50 <= min-pitch"),
        ({"min_pitch": 700.0}, "min-pitch < max-pitch"),
        ({"max_pitch": 2000.0}, "max-pitch <= 1000"),
        ({"octave_cost": -1.0}, "octave-cost=-1.0 must not be negative"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        PitchOptions(**options)


def test_a_man_and_a_woman(corpora):
    from speechlib.io.audio import read_audio

    median = {}
    for name in ("03a01Nc", "09a01Nb"):
        track = track_of(read_audio(corpora / f"emodb/wav/{name}.wav")[0])
        assert 0.25 < track.voiced.mean() < 0.8
        median[name] = np.median(track.hertz[track.voiced])
    assert 90 < median["03a01Nc"] < 150 < median["09a01Nb"] < 260
