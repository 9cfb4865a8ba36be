"""Formants of frames: peaks of the spectrum of linear prediction (McCandless, IEEE Trans. ASSP 22, 1974).

The autocorrelation up to 5 kHz comes from the power spectrum, a peak's frequency and bandwidth from the parabola
through three points. Two formants that have merged count as one: their statistics over an utterance are meant to be
used, not single values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from speechlib.features.power_spectra import BIN_HZ, DB, FREQS, ROUNDING_POWER, PowerSpectra, bin_of

ORDER = 11
NUM_FORMANTS = 3
MAX_BANDWIDTH = 1000.0  # Hz
_TOP_HZ = 5000.0
_POINTS = 512  # of the transform of the predictor: a point is 19.5 Hz
_POINT_HZ = 2 * _TOP_HZ / _POINTS
_RANGES = ((200.0, 1100.0), (700.0, 2700.0), (1600.0, 3800.0))  # Hz, of men, women and children
_TYPICAL = (500.0, 1500.0, 2500.0)  # Hz: of a tube of 17 cm; where a formant is not found, its level is taken there
_PRE_EMPHASIS = 0.97
_LAG_WINDOW_HZ = 60.0  # width of the Gaussian that smooths single harmonics
_REACH_HZ = 125.0  # on both sides of a formant: its strongest harmonic


@dataclass
class Formants:
    """Formants of frames, arrays (frames, NUM_FORMANTS).

    Attributes:
        found: booleans: there is a peak in the formant's range.
        hertz: frequency; the typical one where none was found.
        bandwidth: Hz, at -3 dB.
        level: dB of the strongest harmonic beside it.
    """

    found: np.ndarray
    hertz: np.ndarray
    bandwidth: np.ndarray
    level: np.ndarray


class FormantFinder:
    """Finds formants in spectra."""

    def __init__(self) -> None:
        self._top = top = bin_of(_TOP_HZ)
        angles = np.pi * np.arange(top + 1) / top
        emphasis = 1 + _PRE_EMPHASIS**2 - 2 * _PRE_EMPHASIS * np.cos(angles)
        both_sides = np.where((angles == 0) | (angles == np.pi), 1, 2)
        lags = np.arange(ORDER + 1)
        lag_window = np.exp(-0.5 * (2 * np.pi * _LAG_WINDOW_HZ / (2 * _TOP_HZ) * lags) ** 2)
        cosines = np.cos(angles[:, None] * lags) / (2 * top)
        self._cosines = ((both_sides * emphasis)[:, None] * cosines * lag_window).astype(np.float32)

    def compute(self, spectra: PowerSpectra) -> Formants:
        """Formants of a block of frames."""
        correlation = (spectra.power[:, : self._top + 1] @ self._cosines).astype(np.float64)
        correlation[:, 0] += 1e-4 * correlation[:, 0] + ROUNDING_POWER
        predictor = scipy.fft.rfft(linear_prediction(correlation).astype(np.float32), _POINTS)
        envelope = -DB * np.log(predictor.real**2 + predictor.imag**2)
        inner = envelope[:, 1:-1]
        peaks = (inner > envelope[:, :-2]) & (inner >= envelope[:, 2:])
        frames = len(peaks)
        rows = np.arange(frames)
        out = Formants(np.zeros((frames, NUM_FORMANTS), bool), *np.zeros((3, frames, NUM_FORMANTS), np.float32))
        previous = np.zeros(frames, np.int64)
        for number, ((low, high), typical) in enumerate(zip(_RANGES, _TYPICAL, strict=True)):
            first, past = int(low / _POINT_HZ), int(high / _POINT_HZ)
            possible = peaks[:, first:past] & (np.arange(first, past) > previous[:, None])
            column = possible.argmax(axis=1)
            found = possible[rows, column]
            point = first + column + 1
            before, peak, after = (envelope[rows, point + place] for place in (-1, 0, 1))
            curvature = np.minimum(before - 2 * peak + after, -1e-3)
            hertz = (point + (before - after) / (2 * curvature)) * _POINT_HZ
            out.found[:, number] = found
            out.hertz[:, number] = np.where(found, hertz, typical)
            # 3 dB below the top of a parabola of this curvature, to both sides
            width = 2 * np.sqrt(6 / -curvature) * _POINT_HZ
            out.bandwidth[:, number] = np.where(found, np.minimum(width, MAX_BANDWIDTH), MAX_BANDWIDTH)
            previous = np.where(found, point - 1, previous)
        reach = bin_of(_REACH_HZ)
        beside = np.rint(out.hertz / BIN_HZ).astype(np.int64)[..., None] + np.arange(-reach, reach + 1)
        out.level[:] = spectra.log[rows[:, None, None], np.clip(beside, 0, len(FREQS) - 1)].max(axis=2)
        return out


def linear_prediction(correlation: np.ndarray) -> np.ndarray:
    """Predictors by Levinson's recursion, for many frames at once.

    Args:
        correlation: (frames, order + 1) autocorrelation, positive at lag 0.

    Returns:
        (frames, order + 1) float64 coefficients 1, a1, a2, ... of the filter that whitens a frame.
    """
    frames, size = correlation.shape
    predictor = np.zeros((frames, size))
    predictor[:, 0] = 1
    error = correlation[:, 0].astype(np.float64)
    for order in range(1, size):
        reflection = -(predictor[:, :order] * correlation[:, order:0:-1]).sum(axis=1) / error
        predictor[:, 1 : order + 1] += reflection[:, None] * predictor[:, order - 1 :: -1][:, :order]
        error *= 1 - reflection**2
    return predictor
