"""Made noises and rooms: their spectra, their decay, their levels."""

import numpy as np
import pytest

from speechlib.augment.made_sounds import decaying_noise, pink_noise, white_noise

RATE = 16000


def samples_of(clip):
    return clip.read(0, clip.num_samples, 0).astype(np.float64)


@pytest.mark.parametrize("make, fall", [(white_noise, 0.0), (pink_noise, 3.01)])
def test_the_power_falls_by_octaves(make, fall):
    clip = make(1 << 17, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(samples_of(clip))) ** 2
    octaves = [10 * np.log10(power[1 << k : 2 << k].mean()) for k in range(10, 16)]
    assert np.diff(octaves) == pytest.approx(-fall, abs=0.5)
    assert clip.num_samples == 1 << 17 and 900 < samples_of(clip).std() < 1100


def test_the_same_seed_makes_the_same_noise_and_one_sample_is_possible():
    first, again, other = (samples_of(pink_noise(100, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert np.isfinite(samples_of(pink_noise(1, np.random.default_rng(0)))).all()


@pytest.mark.parametrize("seconds, ratio", [(0.3, 0.0), (0.8, 10.0)])
def test_a_made_room_decays_as_long_as_asked(seconds, ratio):
    response = samples_of(decaying_noise(seconds, ratio, RATE, np.random.default_rng(0)))
    tail = response[1:]
    assert 10 * np.log10(response[0] ** 2 / (tail @ tail)) == pytest.approx(ratio, abs=1e-4)
    # Schroeder's backward integral: the energy that is still to come falls by 30 dB in half the time.
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / (tail @ tail))
    assert np.argmax(left < -30) / RATE == pytest.approx(seconds / 2, rel=0.1)


def test_a_room_without_time_is_an_error():
    with pytest.raises(ValueError, match="reverberation time of 0 s"):
        decaying_noise(0.0, 0.0, RATE, np.random.default_rng(0))
