"""Formants of filtered pulses, and Levinson's recursion beside a linear solver."""

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from speechlib.features.formants import FormantFinder, linear_prediction
from speechlib.features.power_spectra import RATE, frame_samples, spectra_blocks


def test_predictors_solve_the_normal_equations():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((5, 200))
    correlation = np.array([np.correlate(row, row, "full")[199:208] for row in samples])
    found = linear_prediction(correlation)
    for row, predictor in zip(correlation, found, strict=True):
        np.testing.assert_allclose(predictor, [1, *solve_toeplitz(row[:-1], -row[1:])], atol=1e-10)


@pytest.mark.parametrize("resonances", [(700, 1200, 2600), (300, 2200, 2900), (500, 1500, 2500)])
def test_formants_of_pulses_through_resonators(resonances):
    pulses = np.zeros(RATE // 2)
    pulses[:: RATE // 110] = 1
    samples = lfilter([1], [1, -0.95], pulses)  # the glottis
    for hertz in (*resonances, 3500, 4500):
        radius = np.exp(-np.pi * 80 / RATE)
        samples = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2], samples)
    samples = (samples * 3000 / samples.std()).astype(np.float32)
    (spectra, _), = spectra_blocks(frame_samples(samples))
    found = FormantFinder().compute(spectra)
    assert found.found[5:-5].mean() > 0.95
    # Peaks are drawn towards the harmonics of 110 Hz.
    np.testing.assert_allclose(np.median(found.hertz[5:-5], axis=0), resonances, rtol=0.1)
    assert (np.median(found.bandwidth[5:-5], axis=0) < 350).all()
    nearest = np.rint(np.array(resonances) / 110) * 110
    bins = np.rint(nearest / (RATE / 1024)).astype(int)
    expected = np.stack([spectra.log[:, b - 8 : b + 9].max(axis=1) for b in bins], axis=1)
    np.testing.assert_allclose(np.median(found.level - expected, axis=0), 0, atol=1.0)


def test_silence_has_no_formants():
    (spectra, _), = spectra_blocks(frame_samples(np.zeros(1600, np.float32)))
    found = FormantFinder().compute(spectra)
    assert not found.found.any() and np.isfinite(found.level).all()
    np.testing.assert_array_equal(found.hertz[0], [500, 1500, 2500])
