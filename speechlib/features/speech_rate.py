"""Syllable nuclei from the contour of the level (de Jong and Wempe, Behavior Research Methods 41, 2009)."""

from __future__ import annotations

import numpy as np

from speechlib.features.contours import quantile, smoothed
from speechlib.features.pitch import PitchCandidates, PitchFinder
from speechlib.features.power_spectra import FRAMES_A_SECOND, check_waveform, frame_samples, spectra_blocks
from speechlib.features.spectral_shape import SpectralFrames, SpectralShape

MIN_DIP = 2.0  # dB between two nuclei
MAX_DROP = 25.0  # dB below the loud frames (99th percentile): less is silence
_MIN_SPAN = 0.1  # s


def speech_rate(samples: np.ndarray, rate: int) -> float:
    """Syllable nuclei a second, from the first frame that is not silent to the last.

    Args:
        samples: (samples,) in int16 range.
        rate: of the samples in Hz.

    Returns:
        Nuclei a second; 0 without a voiced peak.

    Raises:
        ValueError: the waveform is unusable.
    """
    finder, shape = PitchFinder(), SpectralShape()
    candidates, spectral = [], []
    for spectra, _ in spectra_blocks(frame_samples(check_waveform(samples, rate))):
        candidates.append(finder.candidates(spectra))
        spectral.append(shape.compute(spectra))
    track = finder.track(PitchCandidates.joined(candidates))
    return nuclei_a_second(SpectralFrames.joined(spectral).level, track.voiced)


def nuclei_a_second(level: np.ndarray, voiced: np.ndarray) -> float:
    """The rate from (frames,) levels in dB and (frames,) booleans, 10 ms apart."""
    contour = smoothed(smoothed(level))
    loud = contour > quantile(contour, 0.99) - MAX_DROP
    first, last = np.flatnonzero(loud)[[0, -1]]
    seconds = (last - first + 1) / FRAMES_A_SECOND
    return int((loud & voiced)[syllable_nuclei(contour)].sum()) / max(seconds, _MIN_SPAN)


def syllable_nuclei(contour: np.ndarray) -> np.ndarray:
    """The peaks of a contour that has a dip of MIN_DIP or more between any two of them.

    Args:
        contour: (frames,) level in dB.

    Returns:
        (peaks,) frames, ascending: of neighbouring maxima without such a dip between them, the highest.
    """
    extended = np.concatenate(([-np.inf], contour, [-np.inf]))
    maxima = np.flatnonzero((contour > extended[:-2]) & (contour >= extended[2:]))
    dips = np.minimum.reduceat(contour, maxima).tolist()  # behind each maximum, up to the next
    nuclei: list[int] = []
    highest, dip = -np.inf, np.inf  # of the maxima since the last dip; lowest level since the highest
    frame = -1
    for here, height, lowest in zip(maxima.tolist(), contour[maxima].tolist(), dips, strict=True):
        if min(highest, height) - dip >= MIN_DIP:
            nuclei.append(frame)
            highest = -np.inf
        if height > highest:
            frame, highest, dip = here, height, np.inf
        dip = min(dip, lowest)
    return np.array([*nuclei, frame])
