"""Reverberation with a room's impulse response (Kaldi's wav-reverberate, feat/signal.cc)."""

from __future__ import annotations

import numpy as np
from scipy import fft

_BLOCK = 1 << 18  # samples convolved at once; longer recordings go piece by piece
_EARLY_BEFORE, _EARLY_AFTER = 0.001, 0.05  # seconds around the peak (Kaldi's ComputeEarlyReverbEnergy)


def power(samples: np.ndarray) -> float:
    """Mean square, summed in double precision."""
    flat = samples.astype(np.float64)
    return float(flat @ flat) / max(len(flat), 1)


def reverberate(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Convolve with an impulse response whose peak falls on time 0, so that speech stays where it was.

    Kaldi's --shift-output: what was decided about frames of the original (VAD) fits the result. The peak is the
    largest absolute value, where Kaldi takes the largest value: a response of inverted polarity is aligned, too.

    Args:
        samples: (n,) float32.
        response: (m,) float32, of any scale.

    Returns:
        (n,) float32; the scale is the response's: see `scale_to_power`.

    Raises:
        ValueError: the response is empty or all zero.
    """
    return convolve(samples, response, peak_of(response))


def peak_of(response: np.ndarray) -> int:
    """Sample of the largest absolute value.

    Raises:
        ValueError: the response is empty or all zero.
    """
    peak = int(np.argmax(np.abs(response))) if len(response) else 0
    if not len(response) or response[peak] == 0:
        raise ValueError("an impulse response without a sample that is not 0: remove it")
    return peak


def early_power(samples: np.ndarray, response: np.ndarray, rate: int) -> float:
    """Mean square of the speech behind the direct sound and the early reflections (Kaldi's ComputeEarlyReverbEnergy).

    Args:
        samples: (n,) float32.
        response: (m,) float32, of which 1 ms before the peak and 50 ms behind it count.
        rate: Hz.
    """
    peak = peak_of(response)
    early = response[max(0, int(peak - _EARLY_BEFORE * rate)) : int(peak + _EARLY_AFTER * rate)]
    return power(convolve(np.pad(samples, (0, len(early) - 1)), early, 0))


def convolve(samples: np.ndarray, response: np.ndarray, shift: int) -> np.ndarray:
    """Samples shift..shift+n-1 of the convolution of (n,) samples with a response, (n,) float32."""
    count = len(samples)
    response = response[: shift + count]  # what follows comes after the end
    result = np.zeros(count, np.float32)
    size = fft.next_fast_len(min(count, _BLOCK) + len(response) - 1, real=True)
    spectrum = fft.rfft(response.astype(np.float32, copy=False), size)
    for begin in range(0, count, _BLOCK):
        block = samples[begin : begin + _BLOCK].astype(np.float32, copy=False)
        length = len(block) + len(response) - 1
        heard = fft.irfft(fft.rfft(block, size) * spectrum, size)[:length]
        first = begin - shift
        low, high = max(first, 0), min(first + length, count)
        if low < high:
            result[low:high] += heard[low - first : high - first]
    return result


def scale_to_power(samples: np.ndarray, wanted: float) -> tuple[np.ndarray, float]:
    """Scale to a mean square (Kaldi's --normalize-output); returns the samples and the factor, 1 for silence."""
    found = power(samples)
    factor = (wanted / found) ** 0.5 if found > 0 else 1.0
    return samples * np.float32(factor), factor
