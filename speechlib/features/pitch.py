"""Fundamental frequency, voicing and harmonics-to-noise ratio of frames (Boersma, IFA Proceedings 17, 1993).

Candidates are the peaks of a frame's autocorrelation; the path through them, and through being unvoiced, is the best of
all, with the costs of Praat's `To Pitch (ac)`. One thing differs: the candidates are peaks of the autocorrelation of a
compressed spectrum within the band of the lower formants (the generalised autocorrelation of Tolonen and Karjalainen,
IEEE Trans. SAP 8, 2000), for a strong formant makes peaks of the plain one that are no periods. Peaks of the compressed
one are lower, hence the voicing threshold. The harmonics-to-noise ratio is the plain one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy.fft

from speechlib.features.best_path import best_path
from speechlib.features.contours import quantile
from speechlib.features.power_spectra import (
    BIN_HZ,
    FREQS,
    LENGTH,
    POINTS,
    RATE,
    ROUNDING_POWER,
    WINDOW,
    PowerSpectra,
    bin_of,
)

NUM_CANDIDATES = 5
MAX_HNR = 40.0  # dB, either way
SEMITONE_ORIGIN = 27.5  # Hz
_BAND = (60.0, 3500.0)  # Hz, with edges a quarter of an octave wide
_TAPS = np.arange(-5, 7)  # of the interpolation between lags, counted from the lag below
_FRACTIONS = 128  # of a lag that it is tabulated for

@dataclass(frozen=True)
class PitchOptions:
    """The range of the pitch, and the costs of a path through candidates (names and meanings as in Praat)."""

    min_pitch: float = 60.0  # Hz
    max_pitch: float = 650.0  # Hz: of acted fear and anger
    voicing_threshold: float = 0.2
    silence_threshold: float = 0.03  # share of the loudest frames' amplitude
    octave_cost: float = 0.01  # an octave below the highest pitch
    octave_jump_cost: float = 0.35
    voiced_unvoiced_cost: float = 0.14

    def __post_init__(self) -> None:
        # The upper limit leaves 16 samples in a period; the lower one keeps two periods in a window.
        lowest, highest = 2 * RATE / LENGTH, RATE / 16
        if not lowest <= self.min_pitch < self.max_pitch <= highest:
            raise ValueError(
                f"pitch from {self.min_pitch:g} to {self.max_pitch:g} Hz: expected {lowest:g} <= min-pitch < "
                f"max-pitch <= {highest:g}"
            )
        for item in fields(self)[2:]:
            if not getattr(self, item.name) >= 0:
                raise ValueError(f"{item.name.replace('_', '-')}={getattr(self, item.name)} must not be negative")


@dataclass
class PitchCandidates:
    """What a frame's period could be.

    Attributes:
        lag: (frames, NUM_CANDIDATES) periods in samples, the best first; 0 where there is no further candidate.
        strength: (frames, NUM_CANDIDATES) heights of the compressed autocorrelation, at most 1.
        level: (frames,) root of the frame's energy.
    """

    lag: np.ndarray
    strength: np.ndarray
    level: np.ndarray

    @classmethod
    def joined(cls, blocks: Sequence[PitchCandidates]) -> PitchCandidates:
        """Those of an utterance, from blocks of frames."""
        return cls(*(np.concatenate([getattr(block, item.name) for block in blocks]) for item in fields(cls)))


@dataclass
class PitchTrack:
    """The pitch of frames; arrays (frames,), zero where a frame is unvoiced.

    Attributes:
        voiced: booleans.
        lag: period in samples.
        strength: of the voicing, up to 1.
    """

    voiced: np.ndarray
    lag: np.ndarray
    strength: np.ndarray

    @property
    def hertz(self) -> np.ndarray:
        """(frames,) pitch, zero where unvoiced."""
        return np.where(self.voiced, RATE / np.maximum(self.lag, 1), 0)

    @property
    def semitones(self) -> np.ndarray:
        """(frames,) pitch in semitones above SEMITONE_ORIGIN, zero where unvoiced."""
        return 12 * np.log2(np.where(self.voiced, self.hertz, SEMITONE_ORIGIN) / SEMITONE_ORIGIN)


class PitchFinder:
    """Finds the pitch of frames.

    Args:
        options: range and costs.
    """

    def __init__(self, options: PitchOptions | None = None) -> None:
        self.options = options = options or PitchOptions()
        low, high = _BAND
        freqs = FREQS[: bin_of(high) + 1]
        self._band = np.interp(freqs, [low / 1.19, low, high / 1.19, high], [0, 1, 1, 0]).astype(np.float32)
        self._first = int(RATE / options.max_pitch)
        self._past = int(np.ceil(RATE / options.min_pitch)) + 1
        # Divided by the window's own, peaks lie where the periods end. Its root is their weight: without one, chance at
        # long lags would be as strong as a voice at short ones (see harmonicity.py).
        own = window_autocorrelation(self._past + 1)[self._first - 1 :]
        self._correction, self._weight = 1 / own, np.sqrt(own)

    def candidates(self, spectra: PowerSpectra) -> PitchCandidates:
        """Candidates of a block of frames."""
        compressed = np.sqrt(spectra.power[:, : len(self._band)]) * self._band
        correlation = scipy.fft.irfft(compressed, POINTS)
        values = correlation[:, self._first - 1 : self._past + 1] * self._correction
        values /= np.maximum(correlation[:, :1], np.float32(1e-20))
        inner = values[:, 1:-1]
        weighted = inner * self._weight[1:-1]
        peaks = np.where((inner > values[:, :-2]) & (inner >= values[:, 2:]), weighted, np.float32(0))
        rows = np.arange(len(values))
        lag, strength = np.zeros((2, len(values), NUM_CANDIDATES), np.float32)
        for rank in range(NUM_CANDIDATES):
            best = peaks.argmax(axis=1)
            found = peaks[rows, best] > 0
            peaks[rows, best] = 0
            before, peak, after = (values[rows, best + place] for place in (0, 1, 2))
            shift = _vertex(before, peak, after)
            height = (peak - shift * (before - after) / 4) * self._weight[best + 1]
            lag[:, rank] = np.where(found, best + self._first + shift, 0)
            strength[:, rank] = np.where(found, np.minimum(height, 1), 0)
        return PitchCandidates(lag, strength, np.sqrt(spectra.power.sum(axis=1)))

    def track(self, found: PitchCandidates) -> PitchTrack:
        """The pitch of an utterance from the candidates of all of its frames."""
        options = self.options
        present = found.lag > 0
        octave = np.log2(np.where(present, found.lag, 1), dtype=np.float64)  # of the period
        loudness = found.level / max(quantile(found.level, 0.99), 1e-9)
        quiet = 2 - loudness * (1 + options.voicing_threshold) / max(options.silence_threshold, 1e-9)
        frames, unvoiced = len(octave), NUM_CANDIDATES
        scores = np.empty((frames, NUM_CANDIDATES + 1))
        shortest = np.log2(RATE / options.max_pitch)
        scores[:, :unvoiced] = np.where(present, found.strength - options.octave_cost * (octave - shortest), -np.inf)
        scores[:, unvoiced] = options.voicing_threshold + np.maximum(quiet, 0)
        changes = np.full((frames - 1, NUM_CANDIDATES + 1, NUM_CANDIDATES + 1), -options.voiced_unvoiced_cost)
        changes[:, :unvoiced, :unvoiced] = -options.octave_jump_cost * np.abs(octave[1:, None] - octave[:-1, :, None])
        changes[:, unvoiced, unvoiced] = 0
        path = best_path(scores, changes)
        voiced = path < unvoiced
        chosen = np.arange(frames), np.where(voiced, path, 0)
        return PitchTrack(voiced, found.lag[chosen] * voiced, found.strength[chosen] * voiced)


class HarmonicsToNoise:
    """Measures the harmonics-to-noise ratio of frames whose period is known."""

    def __init__(self) -> None:
        self._window = window_autocorrelation(LENGTH // 2 + 3)
        offset = np.arange(_FRACTIONS + 1)[:, None] / _FRACTIONS - _TAPS
        self._sinc = (np.sinc(offset) * (0.5 + 0.5 * np.cos(np.pi * offset / 7))).astype(np.float32)

    def compute(self, spectra: PowerSpectra, lags: np.ndarray) -> np.ndarray:
        """The ratio, 10 log10(r / (1 - r)), of the autocorrelation's peak r next to the period (Boersma's equation 4).

        Args:
            spectra: of the frames.
            lags: (frames,) periods in samples, from 2 to half a window.

        Returns:
            (frames,) dB, within MAX_HNR either way.
        """
        plain = scipy.fft.irfft(spectra.power, POINTS)
        rows = np.arange(len(plain))
        nearest = np.rint(lags).astype(np.int64)
        before, peak, after = (plain[rows, nearest + place] / self._window[nearest + place] for place in (-1, 0, 1))
        exact = nearest + np.clip(_vertex(before, peak, after), -1, 1)
        below = np.floor(exact).astype(np.int64)
        fraction = exact - below
        weights = self._sinc[np.rint(fraction * _FRACTIONS).astype(np.int64)]
        near = plain[rows[:, None], np.abs(below[:, None] + _TAPS)]
        # The window's own autocorrelation is smooth: a straight line between lags is exact enough.
        own = self._window[below] * (1 - fraction) + self._window[below + 1] * fraction
        share = (near * weights).sum(axis=1) / (own * np.maximum(plain[:, 0], ROUNDING_POWER))
        limit = 1 / (1 + 10 ** (MAX_HNR / 10))
        share = np.clip(share, limit, 1 - limit)
        return 10 * np.log10(share / (1 - share))


def harmonic_level(spectra: PowerSpectra, hertz: np.ndarray) -> np.ndarray:
    """(frames,) dB of the highest of the three bins around a frequency, one a frame."""
    rows = np.arange(len(hertz))
    middle = np.rint(hertz / BIN_HZ).astype(np.int64)
    log = spectra.log
    return np.maximum(np.maximum(log[rows, middle - 1], log[rows, middle]), log[rows, middle + 1])


def window_autocorrelation(lags: int) -> np.ndarray:
    """(lags,) float32 autocorrelation of the window, 1 at lag 0: what that of a lasting period falls off with."""
    spectrum = np.abs(np.fft.rfft(WINDOW.astype(np.float64), 2 * LENGTH)) ** 2
    own = np.fft.irfft(spectrum)[:lags]
    return (own / own[0]).astype(np.float32)


def _vertex(before: np.ndarray, peak: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the parabola through three neighbours has its top, counted from the middle one; 0 where it has none."""
    curvature = before - 2 * peak + after
    return np.where(curvature < 0, (before - after) / np.where(curvature < 0, 2 * curvature, 1), 0)
