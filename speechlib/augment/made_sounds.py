"""Noises and rooms made of random numbers, where no recordings of them are at hand."""

from __future__ import annotations

import numpy as np
from scipy import fft

from speechlib.augment.clips import ArrayClip

_LEVEL = 1000.0  # standard deviation of noises in int16 range: they are scaled to an SNR, this must not be silence


def white_noise(count: int, rng: np.random.Generator) -> ArrayClip:
    """Gaussian noise of `count` samples with the same power at all frequencies."""
    return ArrayClip("white", _LEVEL * rng.standard_normal(count))


def pink_noise(count: int, rng: np.random.Generator) -> ArrayClip:
    """Gaussian noise of `count` samples whose power falls by 3 dB an octave, as that of many rooms and streets does."""
    size = fft.next_fast_len(max(count, 2), real=True)
    spectrum = fft.rfft(rng.standard_normal(size))
    spectrum[0] = 0.0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = fft.irfft(spectrum, size)[:count]
    return ArrayClip("pink", _LEVEL * noise / max(float(noise.std()), 1e-12))


def decaying_noise(reverberation_time: float, direct_ratio: float, rate: int, rng: np.random.Generator) -> ArrayClip:
    """An impulse response: the direct sound, and behind it noise that decays exponentially (Moorer, 1979).

    Args:
        reverberation_time: seconds in which the energy falls by 60 dB.
        direct_ratio: dB of the direct sound's energy over that of all that follows.
        rate: Hz.
        rng: of the noise.

    Raises:
        ValueError: a time that is not positive.
    """
    if not reverberation_time > 0:
        raise ValueError(f"a reverberation time of {reverberation_time:g} s: it must be positive")
    times = np.arange(1, max(2, round(reverberation_time * rate))) / rate
    tail = rng.standard_normal(len(times)) * 10 ** (-3.0 * times / reverberation_time)
    tail *= 10 ** (-direct_ratio / 20) / max(float(np.sqrt(tail @ tail)), 1e-12)
    return ArrayClip("decaying noise", np.concatenate([[1.0], tail]))
