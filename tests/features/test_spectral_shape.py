"""Measures of the spectrum's shape, beside loops over bins and known spectra."""

import numpy as np
import pytest

from speechlib.features.power_spectra import (
    FREQS,
    MIN_HZ,
    POINTS,
    ROUNDING_POWER,
    SHIFT,
    WINDOW_POWER,
    frame_samples,
    spectra_blocks,
)
from speechlib.features.spectral_shape import (
    NUM_BANDS,
    NUM_CEPS,
    SHAPE_NAMES,
    SpectralFrames,
    SpectralShape,
    equal_loudness,
    mel_filters,
    slope_weights,
    spectral_flux,
)


def measure(samples):
    shape = SpectralShape()
    blocks = list(spectra_blocks(frame_samples(np.asarray(samples, np.float32))))
    return SpectralFrames.joined([shape.compute(spectra) for spectra, _ in blocks]), blocks[0][0]


@pytest.fixture(scope="module")
def coloured():
    """Noise with a formant, and its measures."""
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 300, 20 * SHIFT) + 900 * np.sin(2 * np.pi * 700 * np.arange(20 * SHIFT) / 16000)
    return measure(samples)


def test_measures_are_those_of_their_formulas(coloured):
    found, spectra = coloured
    for frame in (0, 7, 19):
        power = spectra.power[frame].astype(np.float64) + ROUNDING_POWER
        inside = {}
        for low, high in ((MIN_HZ, 500), (500, 1500), (1500, 5000), (MIN_HZ, 1000), (1000, 5000), (MIN_HZ, 8000)):
            inside[low, high] = (FREQS >= low) & (FREQS <= high)
        strict = {hertz: power[(FREQS >= MIN_HZ) & (FREQS < hertz)].sum() for hertz in (500, 1000)}
        audible = inside[MIN_HZ, 8000]
        total = power[audible].sum()
        decibel = 10 * np.log10(power)
        kilohertz = FREQS / 1000
        slopes = [
            np.polyfit(kilohertz[inside[band]], decibel[inside[band]], 1)[0]
            for band in ((MIN_HZ, 500), (500, 1500), (1500, 5000))
        ]
        centroid = (kilohertz * power)[audible].sum() / total
        spread = np.sqrt(((kilohertz - centroid) ** 2 * power)[audible].sum() / total)
        summed = np.cumsum(spectra.power[frame].astype(np.float64))
        rolloffs = [kilohertz[np.flatnonzero(summed >= share * summed[-1])[0]] for share in (0.5, 0.85)]
        flatness = decibel[audible].mean() - 10 * np.log10(power[audible].mean())
        expected = [
            *slopes,
            10 * np.log10(strict[1000] / power[inside[1000, 5000]].sum()),
            decibel[(FREQS >= MIN_HZ) & (FREQS < 2000)].max() - decibel[(FREQS >= 2000) & (FREQS < 5000)].max(),
            10 * np.log10(strict[500] / total), 10 * np.log10(strict[1000] / total),
            centroid, spread, *rolloffs, flatness,
        ]  # fmt: skip
        np.testing.assert_allclose(found.shape[frame, :-1], expected, rtol=2e-3, atol=0.02)
        bands = power @ mel_filters()[0]
        np.testing.assert_allclose(found.bands[frame], bands, rtol=1e-3)
        places = np.arange(NUM_BANDS) + 0.5
        cepstrum = [
            np.sqrt(2 / NUM_BANDS) * (np.log(bands) * np.cos(np.pi * number * places / NUM_BANDS)).sum()
            for number in range(1, NUM_CEPS + 1)
        ]
        np.testing.assert_allclose(found.cepstrum[frame], cepstrum, atol=2e-3)
        loudness = ((equal_loudness(mel_filters()[1]) * bands * 2 / (WINDOW_POWER * POINTS)) ** 0.33).sum()
        assert found.loudness[frame] == pytest.approx(loudness, rel=1e-3)


def test_flux_is_a_distance_of_shapes():
    bands = np.array([[1.0, 0, 0], [10, 0, 0], [0, 5, 0], [0, 5, 5]])
    np.testing.assert_allclose(spectral_flux(bands), [0, 1, np.sqrt(1 - np.sqrt(0.5))], atol=1e-12)
    found, _ = measure(np.random.default_rng(0).normal(0, 100, 600 * SHIFT))  # over the border of a block
    flux = found.shape[:, SHAPE_NAMES.index("flux")]
    assert flux[0] == 0 and 0.05 < flux[1:].min() < flux[1:].max() < 0.6


def test_level_is_the_mean_square():
    time = np.arange(3200) / 16000
    found, _ = measure(1000 * np.sqrt(2) * np.sin(2 * np.pi * 1000 * time) + 500)  # an offset does not count
    np.testing.assert_allclose(found.level[3:-3], 60, atol=0.05)


def test_silence_is_the_noise_of_rounding():
    found, _ = measure(np.zeros(1600))
    np.testing.assert_allclose(found.level, 10 * np.log10(1 / 12), atol=0.1)
    shape = dict(zip(SHAPE_NAMES, found.shape[3], strict=True))
    assert shape["flatness"] == pytest.approx(0, abs=1e-3) and shape["centroid"] == pytest.approx(4.02, abs=0.02)
    assert shape["hammarberg"] == pytest.approx(0, abs=1e-4)


def test_gain_moves_the_level_only():
    samples = np.random.default_rng(2).normal(0, 3000, 3200)
    loud, _ = measure(samples)
    soft, _ = measure(samples / 10)
    np.testing.assert_allclose(soft.shape, loud.shape, atol=0.02)
    np.testing.assert_allclose(soft.cepstrum, loud.cepstrum, atol=0.01)
    np.testing.assert_allclose(loud.level - soft.level, 20, atol=0.01)
    np.testing.assert_allclose(loud.loudness / soft.loudness, 100**0.33, rtol=1e-3)


def test_slope_of_a_line():
    line = 3 - 12 * FREQS / 1000
    assert line @ slope_weights(500, 1500) == pytest.approx(-12)
    assert len(slope_weights(0, 500)) == POINTS // 2 + 1


def test_filters_add_up_to_one_between_the_outer_middles():
    weights, middles = mel_filters()
    between = (FREQS >= middles[0]) & (FREQS <= middles[-1])
    np.testing.assert_allclose(weights.sum(axis=1)[between], 1)


def test_the_ear_hears_best_in_the_middle():
    weights = 10 * np.log10(equal_loudness(np.array([100.0, 1000, 3500, 8000])))
    assert weights[0] < weights[1] < weights[2] > weights[3]
