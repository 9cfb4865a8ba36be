"""Convolution with a room's response: against numpy, aligned at the peak, in blocks; and changes of speed."""

import numpy as np
import pytest

from speechlib.augment import reverberation
from speechlib.augment.reverberation import convolve, early_power, power, reverberate, scale_to_power
from speechlib.augment.speed import change_speed, num_samples_at, resample


@pytest.mark.parametrize("count", [1, 50, 1000, 4099])
@pytest.mark.parametrize("length", [1, 7, 3000])
def test_convolution_is_numpys_shifted_by_the_peak(count, length, monkeypatch):
    rng = np.random.default_rng(count + length)
    samples = rng.normal(size=count).astype(np.float32)
    response = rng.normal(size=length).astype(np.float32)
    peak = int(np.argmax(np.abs(response)))
    expected = np.convolve(samples.astype(float), response)[peak : peak + count]
    expected = np.pad(expected, (0, count - len(expected)))
    for block in (1 << 18, 1000):
        monkeypatch.setattr(reverberation, "_BLOCK", block)
        np.testing.assert_allclose(reverberate(samples, response), expected, atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_delay_leaves_speech_where_it_was(sign):
    samples = np.random.default_rng(0).normal(size=800).astype(np.float32)
    response = np.zeros(500, np.float32)
    response[300] = sign * 0.25
    np.testing.assert_allclose(reverberate(samples, response), sign * 0.25 * samples, atol=1e-6)


def test_early_power_is_kaldis():
    """1 ms before the peak to 50 ms after it; the mean is over the tail, too."""
    rng = np.random.default_rng(0)
    samples = rng.normal(size=3000).astype(np.float32)
    response = rng.uniform(-0.5, 0.5, 4000).astype(np.float32)
    for peak, begin in ((100, 84), (5, 0)):
        loud = response.copy()
        loud[peak] = 1.0
        expected = np.mean(np.convolve(samples, loud[begin : peak + 800]) ** 2)
        assert early_power(samples, loud, 16000) == pytest.approx(expected, rel=1e-4)
    assert early_power(samples, np.ones(1, np.float32), 16000) == pytest.approx(power(samples), rel=1e-5)


def test_scaling_keeps_power_and_leaves_silence():
    samples = np.random.default_rng(0).normal(size=100).astype(np.float32)
    scaled, factor = scale_to_power(samples, 4.0)
    assert power(scaled) == pytest.approx(4.0) and factor == pytest.approx((4 / power(samples)) ** 0.5)
    assert scale_to_power(np.zeros(3, np.float32), 4.0)[1] == 1.0


@pytest.mark.parametrize("response", [np.zeros(5, np.float32), np.zeros(0, np.float32)])
def test_an_empty_or_zero_response_is_an_error(response):
    with pytest.raises(ValueError, match="not 0"):
        reverberate(np.ones(3, np.float32), response)


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_speed_moves_length_and_pitch(factor):
    rate, tone = 16000, 1000.0
    samples = (1000 * np.sin(2 * np.pi * tone * np.arange(2 * rate) / rate)).astype(np.float32)
    changed = change_speed(samples, factor)
    assert len(changed) == num_samples_at(len(samples), factor) == round(len(samples) / factor)
    expected = 1000 * np.sin(2 * np.pi * tone * factor * np.arange(len(changed)) / rate)
    np.testing.assert_allclose(changed[200:-200], expected[200:-200], atol=1.0)


def test_speed_of_one_and_wrong_speeds():
    samples = np.ones(10, np.float32)
    assert change_speed(samples, 1.0) is samples
    with pytest.raises(ValueError, match="positive"):
        change_speed(samples, 0.0)
    assert len(change_speed(samples[:1], 1.1)) == 1


def test_resampling_keeps_level_and_channels():
    samples = np.full((441, 2), 100, np.float32)
    changed = resample(samples, 44100, 16000)
    assert changed.shape == (160, 2) and changed[80, 1] == pytest.approx(100, rel=0.01)


def test_a_part_of_the_response_is_enough():
    samples = np.random.default_rng(0).normal(size=100).astype(np.float32)
    response = np.random.default_rng(1).normal(size=100000).astype(np.float32)
    np.testing.assert_allclose(convolve(samples, response, 20), np.convolve(samples, response)[20:120], atol=1e-4)
