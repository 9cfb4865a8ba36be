"""What functionals say of a contour, the values of a descriptor in the frames of an utterance.

All of them are finite for any contour: without a frame (or a segment) to speak of, they are 0.
"""

from __future__ import annotations

import numpy as np

from speechlib.features.power_spectra import FRAMES_A_SECOND
from speechlib.features.speech_regions import runs

LEVELS = (20, 50, 80)  # percentiles
MODULATION_BANDS = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))  # Hz: phrases, words, syllables, sounds


def moments(values: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
    """Means and standard deviations (population's) of descriptors.

    Args:
        values: (frames, descriptors) or, of one, (frames,), finite.
        present: (frames, descriptors) booleans of the values that count; all where None.

    Returns:
        (2 * descriptors,) mean and deviation of the first descriptor, then of the second, ....
    """
    descriptors = values.shape[1] if values.ndim > 1 else 1
    out = np.zeros((descriptors, 2))
    if not len(values):
        return out.reshape(-1)
    values = values.astype(np.float64)
    if present is None:
        out[:, 0] = mean = np.add.reduce(values) / len(values)
        variance = np.add.reduce((values - mean) ** 2) / len(values)
    else:
        count = np.maximum(np.add.reduce(present), 1)
        out[:, 0] = mean = np.add.reduce(values * present) / count
        variance = np.add.reduce((values - mean) ** 2 * present) / count
    out[:, 1] = np.sqrt(variance)
    return out.reshape(-1)


def quantile(values: np.ndarray, share: float) -> float:
    """A quantile of (frames,) values, linear between ranks: NumPy's, whose checks take longer than an utterance's."""
    place = share * (len(values) - 1)
    below = int(place)
    ordered = np.partition(values, (below, min(below + 1, len(values) - 1)))
    return float(ordered[below] + (place - below) * (ordered[min(below + 1, len(values) - 1)] - ordered[below]))


def percentiles(values: np.ndarray) -> np.ndarray:
    """(4,) percentiles 20, 50 and 80 of (frames,) values (linear between ranks), and the outer two's range."""
    if not len(values):
        return np.zeros(4)
    ordered = np.sort(values.astype(np.float64))
    place = np.array(LEVELS) / 100 * (len(ordered) - 1)
    below = place.astype(np.int64)
    found = ordered[below] + (place - below) * (ordered[np.minimum(below + 1, len(ordered) - 1)] - ordered[below])
    return np.append(found, found[2] - found[0])


def slopes(values: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    """Steepness of the rising and of the falling steps of a contour, a second.

    Args:
        values: (frames,).
        inside: (frames,) booleans; steps between two such neighbours count; all where None.

    Returns:
        (4,) mean and deviation of the rises, mean and deviation of the falls (positive, too).
    """
    steps = np.diff(values.astype(np.float64)) * FRAMES_A_SECOND
    if inside is not None:
        steps = steps[inside[1:] & inside[:-1]]
    return np.concatenate([moments(part) for part in (steps[steps > 0], -steps[steps < 0])])


def segment_lengths(flags: np.ndarray) -> np.ndarray:
    """(2,) mean and deviation of the lengths, in seconds, of the runs of true (frames,) flags."""
    found = runs(flags)
    return moments((found[:, 1] - found[:, 0]) / FRAMES_A_SECOND)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Moving average of three frames; the outermost have two."""
    padded = np.pad(values.astype(np.float64), 1)
    count = np.full(len(values), 3)
    count[0] -= 1
    count[-1] -= 1
    return (padded[:-2] + padded[1:-1] + padded[2:]) / count


def num_peaks(values: np.ndarray) -> int:
    """Local maxima of (frames,) values, the two ends excepted."""
    inner = values[1:-1]
    return int(((inner > values[:-2]) & (inner >= values[2:])).sum())


def deltas(values: np.ndarray) -> np.ndarray:
    """Slope of the least-squares line through five frames, a frame (HTK's deltas), edges repeated; (frames, dim)."""
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return (2 * (padded[4:] - padded[:-4]) + (padded[3:-1] - padded[1:-3])) / 10


def modulation_shares(values: np.ndarray) -> np.ndarray:
    """How much of a contour's movement is as quick as phrases, words, syllables and sounds.

    Args:
        values: (frames,).

    Returns:
        (len(MODULATION_BANDS),) share, in dB, of each band in the power spectrum of the contour between the lowest and
        the highest band's limit, -60 at least.
    """
    points = max(1024, 1 << (len(values) - 1).bit_length())  # bins of 0.1 Hz or finer, even of a short utterance
    moving = (values - values.mean()) * np.hanning(len(values) + 2)[1:-1]
    power = np.abs(np.fft.rfft(moving, points)) ** 2
    edges = np.ceil(np.array(MODULATION_BANDS) * (points / FRAMES_A_SECOND)).astype(np.int64)
    parts = np.array([power[first:past].sum() for first, past in edges])
    # A contour that stands still moves nowhere: no band has more of it than another.
    parts += 1e-12 * max(len(values), parts.sum())
    return 10 * np.log10(np.maximum(parts / parts.sum(), 1e-6))
