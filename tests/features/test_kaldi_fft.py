"""Kaldi's transform for odd factors: a Fourier transform but for single-precision roots of unity."""

import numpy as np
import pytest

from speechlib.features.kaldi_fft import real_transform_matrix


@pytest.mark.parametrize("size", [2, 6, 10, 30, 200, 400, 441 * 2, 14])
def test_is_a_fourier_transform_but_for_rounding(size):
    frames = np.random.default_rng(size).normal(size=(5, size))
    spectrum = (frames @ real_transform_matrix(size).astype(np.float64)).reshape(5, -1, 2)
    expected = np.fft.rfft(frames)
    error = np.abs(spectrum[..., 0] + 1j * spectrum[..., 1] - expected).max()
    assert error < 1e-5 * size


def test_roots_drift_as_in_single_precision():
    drift = np.abs(real_transform_matrix(400) - np.fft.rfft(np.eye(400)).view(np.float64)).max()
    assert 1e-6 < drift < 1e-4


def test_odd_lengths_are_refused():
    with pytest.raises(ValueError, match="even number of samples, got 401"):
        real_transform_matrix(401)
