"""The shape of the spectrum of frames: bands, cepstrum, slopes, balance of bands, moments, and its change.

Alpha ratio, Hammarberg index and slopes as in the paper of the Geneva minimalistic set (Eyben et al., IEEE Trans.
Affective Computing 7, 2016, section 3.1); moments, roll-off and flatness as in Peeters' report for CUIDADO (IRCAM,
2004); loudness is a simple auditory model, the sum over bands of equal-loudness-weighted power to 0.33 (Hermansky,
JASA 87, 1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from speechlib.features.power_spectra import (
    BIN_HZ,
    DB,
    FREQS,
    MIN_HZ,
    POINTS,
    RATE,
    ROUNDING_POWER,
    WINDOW_POWER,
    PowerSpectra,
    bin_of,
)

NUM_BANDS = 26
NUM_CEPS = 13
SHAPE_NAMES = (
    "slope_50_500", "slope_500_1500", "slope_1500_5000", "alpha_ratio", "hammarberg", "low_500", "low_1000",
    "centroid", "spread", "rolloff_50", "rolloff_85", "flatness", "flux",
)  # fmt: skip
_SLOPES = ((MIN_HZ, 500.0), (500.0, 1500.0), (1500.0, 5000.0))
_LOUDNESS_POWER = np.float32(0.33)
_MEAN_SQUARE = np.float32(2 / (WINDOW_POWER * POINTS))  # of the samples, from the power in all bins (Parseval)


@dataclass
class SpectralFrames:
    """What is known of the spectra of frames.

    Attributes:
        shape: (frames, len(SHAPE_NAMES)): slopes in dB a kHz; alpha ratio, Hammarberg index, and the share of the power
            below 500 and 1000 Hz in dB; centroid, spread and roll-offs in kHz; flatness in dB; flux from 0 to 1.
        cepstrum: (frames, NUM_CEPS) mel-frequency cepstral coefficients 1, 2, ....
        loudness: (frames,) sum over bands of their mean square, weighted, to 0.33.
        level: (frames,) mean square of the samples in dB.
        bands: (frames, NUM_BANDS) power in mel bands.
    """

    shape: np.ndarray
    cepstrum: np.ndarray
    loudness: np.ndarray
    level: np.ndarray
    bands: np.ndarray

    @classmethod
    def joined(cls, blocks: Sequence[SpectralFrames]) -> SpectralFrames:
        """Those of an utterance, from blocks of frames; the flux, which looks at the frame before, is made here."""
        whole = cls(*(np.concatenate([getattr(block, item.name) for block in blocks]) for item in fields(cls)))
        whole.shape[1:, SHAPE_NAMES.index("flux")] = spectral_flux(whole.bands)
        return whole


class SpectralShape:
    """Measures the shape of spectra."""

    def __init__(self) -> None:
        filters, centres = mel_filters()
        audible = FREQS >= MIN_HZ
        below = [(FREQS < hertz) & audible for hertz in (500, 1000, np.inf)]
        high = (FREQS >= 1000) & (FREQS <= 5000)
        moments = [FREQS / 1000 * audible, (FREQS / 1000) ** 2 * audible]
        self._sums = np.column_stack([filters, *below, high, *moments]).astype(np.float32)
        self._rounding = ROUNDING_POWER * self._sums.sum(axis=0)
        self._lines = np.column_stack([*(slope_weights(*band) for band in _SLOPES), audible / audible.sum()])
        self._lines = self._lines.astype(np.float32)
        self._num_bins = np.float32(audible.sum())
        self._loudness = ((equal_loudness(centres) * _MEAN_SQUARE) ** _LOUDNESS_POWER).astype(np.float32)
        places = (np.arange(NUM_BANDS) + 0.5) / NUM_BANDS
        cosines = np.cos(np.pi * places[:, None] * np.arange(1, NUM_CEPS + 1)) * np.sqrt(2 / NUM_BANDS)
        self._cosines = cosines.astype(np.float32)

    def compute(self, spectra: PowerSpectra) -> SpectralFrames:
        """The measures of a block of frames; the flux is left for `SpectralFrames.joined`."""
        sums = spectra.power @ self._sums + self._rounding
        bands, (low_500, low_1000, total, high, first, second) = sums[:, :NUM_BANDS], sums[:, NUM_BANDS:].T
        logs = np.log(bands)
        log = spectra.log
        lines = log @ self._lines
        shape = np.zeros((len(log), len(SHAPE_NAMES)), np.float32)
        shape[:, :3] = lines[:, :3]
        shape[:, 3] = DB * np.log(low_1000 / high)
        middle, top = bin_of(2000), bin_of(5000)
        shape[:, 4] = log[:, bin_of(MIN_HZ) : middle].max(axis=1) - log[:, middle:top].max(axis=1)
        shape[:, 5] = DB * np.log(low_500 / total)
        shape[:, 6] = DB * np.log(low_1000 / total)
        shape[:, 7] = first / total
        shape[:, 8] = np.sqrt(np.maximum(second / total - shape[:, 7] ** 2, 0))
        summed = np.cumsum(spectra.power, axis=1)
        for column, share in ((9, 0.5), (10, 0.85)):
            shape[:, column] = (summed >= np.float32(share) * summed[:, -1:]).argmax(axis=1) * (BIN_HZ / 1000)
        shape[:, 11] = lines[:, 3] - DB * np.log(total / self._num_bins)
        loudness = np.exp(logs * _LOUDNESS_POWER) @ self._loudness
        level = DB * np.log(total * _MEAN_SQUARE)
        return SpectralFrames(shape, logs @ self._cosines, loudness, level, bands)


def mel_filters() -> tuple[np.ndarray, np.ndarray]:
    """(bins, NUM_BANDS) triangles that are linear in mel, 1127 ln(1 + f / 700); their (NUM_BANDS,) middles in Hz."""
    mel = 1127 * np.log1p(FREQS / 700)[:, None]
    edges = np.linspace(1127 * np.log1p(MIN_HZ / 700), 1127 * np.log1p(RATE / 2 / 700), NUM_BANDS + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.minimum((mel - left) / (middle - left), (right - mel) / (right - middle)).clip(min=0)
    return weights, 700 * np.expm1(middle / 1127)


def equal_loudness(hertz: np.ndarray) -> np.ndarray:
    """Weights of the power at frequencies, for levels around 40 phon (Hermansky's equations 5 and 6)."""
    squared = (2 * np.pi * np.asarray(hertz)) ** 2
    rolled = 1 + squared**3 / 9.58e26  # above 5 kHz
    return (squared + 56.8e6) * squared**2 / ((squared + 6.3e6) ** 2 * (squared + 0.38e9) * rolled)


def slope_weights(low: float, high: float) -> np.ndarray:
    """(bins,) weights whose product with a spectrum is the slope, a kHz, of the least-squares line within a band."""
    inside = (FREQS >= low) & (FREQS <= high)
    kilohertz = FREQS / 1000
    centred = np.where(inside, kilohertz - kilohertz[inside].mean(), 0)
    return centred / (centred**2).sum()


def spectral_flux(bands: np.ndarray) -> np.ndarray:
    """Hellinger distance of neighbouring frames, whatever their levels: 0 for one shape, 1 without a common band.

    Args:
        bands: (frames, bands) power, positive.

    Returns:
        (frames - 1,).
    """
    root = np.sqrt(bands / bands.sum(axis=1, keepdims=True))
    return np.sqrt(((root[1:] - root[:-1]) ** 2).sum(axis=1) / 2)
