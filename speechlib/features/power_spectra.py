"""Power spectra of the frames of an utterance at 16 kHz, which all descriptors behind the functionals share.

One Hann window of 40 ms serves them all: two periods of the lowest pitch fit into it, and half of its energy lies
within the middle 8 ms, short enough for spectral envelopes. Waveforms are float32 in int16 range.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import scipy.fft

RATE = 16000  # Hz
SHIFT = 160  # samples: 10 ms
LENGTH = 640  # samples of a window: 40 ms
POINTS = 1024  # of the Fourier transform
BIN_HZ = RATE / POINTS
FREQS = np.arange(POINTS // 2 + 1) * BIN_HZ
FRAMES_A_SECOND = RATE / SHIFT
MIN_HZ = 50.0  # below are the offset, the hum and the rumble of a recording
WINDOW = np.hanning(LENGTH + 2)[1:-1].astype(np.float32)
WINDOW_POWER = float(np.sum(WINDOW.astype(np.float64) ** 2))
# Rounding to 16 bits is white noise of 1/12 of a step squared: added, it makes the logarithm of digital silence finite.
ROUNDING_POWER = np.float32(WINDOW_POWER / 12)
DB = np.float32(10 / np.log(10))  # from the natural logarithm of a power to dB
_BLOCK_FRAMES = 512  # transformed at once, at most: most utterances are one block


def bin_of(hertz: float) -> int:
    """The bin nearest to a frequency."""
    return round(hertz / BIN_HZ)


def check_waveform(samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    """A waveform as finite float32 of 16 kHz.

    Args:
        samples: (samples,) in int16 range.
        rate: their rate in Hz; others than 16 kHz are resampled.

    Returns:
        (samples,) float32.

    Raises:
        ValueError: it is no waveform, is empty, or holds what is not finite or far beyond 16 bits.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind not in "fi":
        raise ValueError(f"expected a waveform (samples,) of numbers, not {samples.dtype} of shape {samples.shape}")
    if not len(samples):
        raise ValueError("the waveform has no samples")
    samples = samples.astype(np.float32, copy=False)
    low, high = samples.min(), samples.max()  # NaN where there is one
    if not (low >= -1e6 and high <= 1e6):
        bad = int(np.flatnonzero(~(np.abs(samples) <= 1e6))[0])
        raise ValueError(f"sample {bad} of the waveform is {samples[bad]:g}: expected numbers in int16 range")
    if rate != RATE:
        from speechlib.features.resample import Resampler  # torch

        samples = np.concatenate([block.numpy() for block in Resampler(rate, RATE).stream([samples])])
    return samples


class PowerSpectra:
    """Spectra of some frames, and what is derived from them only once.

    Args:
        frames: (frames, LENGTH) float32 samples without a window.

    Attributes:
        power: (frames, POINTS // 2 + 1) float32 power spectrum, zero below MIN_HZ.
    """

    def __init__(self, frames: np.ndarray) -> None:
        windowed = np.zeros((len(frames), POINTS), np.float32)
        np.multiply(frames, WINDOW, out=windowed[:, :LENGTH])
        spectrum = scipy.fft.rfft(windowed)
        self.power = spectrum.real**2 + spectrum.imag**2
        self.power[:, : bin_of(MIN_HZ)] = 0

    @cached_property
    def log(self) -> np.ndarray:
        """(frames, POINTS // 2 + 1) float32 power with the rounding added, in dB."""
        return np.log(self.power + ROUNDING_POWER) * DB


def num_frames(num_samples: int) -> int:
    """Frames of a waveform: one every 10 ms, as Kaldi's with snip-edges=false, but at least one."""
    return max(1, (num_samples + SHIFT // 2) // SHIFT)


def frame_samples(samples: np.ndarray) -> np.ndarray:
    """(frames, LENGTH) samples of a checked waveform; frame t is centred at (t + 1/2) shifts, zeros lie around."""
    count = num_frames(len(samples))
    lead = (LENGTH - SHIFT) // 2
    padded = np.zeros((count - 1) * SHIFT + LENGTH, np.float32)
    kept = min(len(samples), len(padded) - lead)
    padded[lead : lead + kept] = samples[:kept]
    return np.lib.stride_tricks.sliding_window_view(padded, LENGTH)[::SHIFT]


def spectra_blocks(frames: np.ndarray, chosen: np.ndarray | None = None) -> Iterator[tuple[PowerSpectra, slice]]:
    """Spectra of frames, as many at a time as memory is meant for, and which these are.

    Args:
        frames: (frames, LENGTH).
        chosen: (chosen,) numbers of frames; all where None.

    Yields:
        Spectra, and the slice of all, or of the chosen, frames that they belong to.
    """
    count = len(frames) if chosen is None else len(chosen)
    for begin in range(0, count, _BLOCK_FRAMES):
        block = slice(begin, min(begin + _BLOCK_FRAMES, count))
        yield PowerSpectra(frames[block] if chosen is None else frames[chosen[block]]), block
