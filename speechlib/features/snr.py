"""The quality of a recording: its signal-to-noise ratio, by minimum statistics of bands, and clipping.

Speech leaves every band alone for a while, if only between two syllables: a low percentile of a band's energies, each
of a few frames, is that of its noise (minimum statistics: Martin, IEEE Trans. SAP 9, 2001). The energies of steady
Gaussian noise follow a gamma distribution, which says how far below the mean the percentile is.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import gammaincinv

from speechlib.features.power_spectra import POINTS, SHIFT, WINDOW, check_waveform, frame_samples, spectra_blocks
from speechlib.features.spectral_shape import SpectralFrames, SpectralShape, mel_filters
from speechlib.features.speech_regions import runs

MIN_SNR, MAX_SNR = -20.0, 80.0  # dB
FULL_SCALE = 32767.0
MIN_CLIPPED = 3  # samples at full scale, one after the other, are no chance
_JOINED_FRAMES = 6  # whose energies are averaged: 90 ms of signal
_LOW = 0.1  # the percentile's share


def estimate_snr(samples: np.ndarray, rate: int) -> float:
    """Estimate the ratio of the power of speech to that of steady noise, over the whole recording.

    Args:
        samples: (samples,) in int16 range; half a second or more.
        rate: of the samples in Hz.

    Returns:
        dB, from MIN_SNR (nothing but noise, or silence) to MAX_SNR.

    Raises:
        ValueError: the waveform is unusable.
    """
    shape = SpectralShape()
    frames = frame_samples(check_waveform(samples, rate))
    blocks = [shape.compute(spectra) for spectra, _ in spectra_blocks(frames)]
    return snr_of_bands(SpectralFrames.joined(blocks).bands)


def snr_of_bands(bands: np.ndarray) -> float:
    """The ratio from (frames, bands) energies of `SpectralFrames`."""
    joined = min(_JOINED_FRAMES, len(bands))
    averages = np.lib.stride_tricks.sliding_window_view(bands.astype(np.float64), joined, axis=0).mean(axis=-1)
    noise = float((np.quantile(averages, _LOW, axis=0) / _low_share(joined)).sum())
    signal = float(bands.sum(axis=1, dtype=np.float64).mean()) - noise
    if signal <= 0:
        return MIN_SNR
    return float(np.clip(10 * np.log10(signal / noise), MIN_SNR, MAX_SNR))


@cache
def _low_share(joined: int) -> np.ndarray:
    """(bands,) the low percentile of the energies of white Gaussian noise in so many joined frames, over their mean.

    The energies of two bins, in two frames, have the squared magnitude of the spectrum of the windows' product as their
    covariance; a gamma distribution of the same mean and variance has the shape mean^2 / variance.
    """
    filters = mel_filters()[0]
    window = WINDOW.astype(np.float64)
    bins = np.arange(len(filters))
    variance = np.zeros(filters.shape[1])
    for distance in range(joined):
        overlap = window[distance * SHIFT :] * window[: max(len(window) - distance * SHIFT, 0)]
        if not len(overlap):
            break
        covariance = (np.abs(np.fft.fft(overlap, POINTS)) ** 2)[np.abs(bins[:, None] - bins)]
        pairs = (joined - distance) * (1 if distance == 0 else 2)
        variance += pairs * ((covariance @ filters) * filters).sum(axis=0)
    shape = (joined * (window**2).sum() * filters.sum(axis=0)) ** 2 / variance
    return gammaincinv(shape, _LOW) / shape


def clipped_share(samples: np.ndarray) -> float:
    """Share of (samples,) in int16 range that are clipped: at full scale, MIN_CLIPPED or more of them in a row."""
    samples = np.asarray(samples)
    if not len(samples):
        return 0.0
    found = [runs(samples >= FULL_SCALE), runs(samples <= -FULL_SCALE)]
    lengths = np.concatenate([part[:, 1] - part[:, 0] for part in found])
    return float(lengths[lengths >= MIN_CLIPPED].sum() / len(samples))
