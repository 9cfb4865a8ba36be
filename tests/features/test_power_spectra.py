"""Spectra of frames: where frames lie, what a waveform must be, other rates."""

import numpy as np
import pytest

from speechlib.features.power_spectra import (
    DB,
    LENGTH,
    POINTS,
    ROUNDING_POWER,
    SHIFT,
    WINDOW,
    check_waveform,
    frame_samples,
    num_frames,
    spectra_blocks,
)


def test_spectra_are_those_of_each_frame_by_itself():
    samples = np.random.default_rng(0).normal(0, 1000, 600 * SHIFT).astype(np.float32)  # more than a block
    frames = frame_samples(samples)
    padded = np.pad(samples, LENGTH)
    blocks = list(spectra_blocks(frames))
    power = np.concatenate([spectra.power for spectra, _ in blocks])
    log = np.concatenate([spectra.log for spectra, _ in blocks])
    assert len(power) == num_frames(len(samples)) == 600 and blocks[1][1] == slice(512, 600)
    for frame in (0, 1, 300, 511, 512, 599):
        centre = LENGTH + frame * SHIFT + SHIFT // 2
        windowed = padded[centre - LENGTH // 2 : centre + LENGTH // 2] * WINDOW.astype(np.float64)
        expected = np.abs(np.fft.rfft(windowed, POINTS)) ** 2
        expected[:3] = 0
        np.testing.assert_allclose(power[frame], expected, rtol=1e-3, atol=100)
        np.testing.assert_allclose(log[frame], DB * np.log(expected + ROUNDING_POWER), atol=0.05)
    chosen = np.array([3, 300, 599])
    (some, block), = spectra_blocks(frames, chosen)
    np.testing.assert_array_equal(some.power, power[chosen])
    assert block == slice(0, 3)


def test_there_is_always_a_frame():
    assert [num_frames(count) for count in (1, 79, 239, 240, 400)] == [1, 1, 1, 2, 3]
    np.testing.assert_array_equal(frame_samples(np.ones(1, np.float32)).sum(axis=1), [1])


def test_other_rates_are_resampled():
    time = np.arange(8000) / 8000
    samples = check_waveform((1000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16), 8000)
    assert samples.dtype == np.float32 and len(samples) == 16000
    expected = 1000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(samples - expected)[100:-100].max() < 10


@pytest.mark.parametrize(
    "samples, message",
    [
        (np.zeros((2, 100)), "expected a waveform"),
        (np.array(["a"]), "expected a waveform"),
        (np.zeros(0), "no samples"),
        (np.array([0.0, np.nan]), "sample 1 of the waveform is nan"),
        (np.array([0.0, 0.0, -np.inf]), "sample 2 of the waveform is -inf"),
        (np.array([2e6]), "sample 0 of the waveform is 2e.06"),
    ],
)
def test_what_is_no_waveform(samples, message):
    with pytest.raises(ValueError, match=message):
        check_waveform(samples)
