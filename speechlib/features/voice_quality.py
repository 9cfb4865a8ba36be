"""Jitter and shimmer of voiced frames, by comparing three cycles of the glottis around each frame's centre.

The first cycle is a period of samples around the strongest one of the period before the centre, for a cut through a
pulse would belong to two cycles. Its length is the lag of the highest normalised cross-correlation with what follows it
(waveform matching, as in Praat), and so is the second one's, which begins where the first ends. Jitter is their
difference over their mean, as in Praat's `jitter (local)`; shimmer is the mean change, in dB, of the cycles' root mean
square from one to the next, as in `shimmer (local, dB)`. No chain of period marks is needed: frames can be computed
side by side, and a cycle that is missed spoils one frame only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

_DEVIATION = 0.15  # of the period that a cycle may differ from the frame's pitch
_BLOCK_FRAMES = 256  # of similar periods, computed at once


@dataclass
class CyclePairs:
    """Cycles beside each other; arrays (frames,).

    Attributes:
        jitter: difference of the periods over their mean.
        shimmer: dB, of the changes from cycle to cycle.
        likeness: the lower one of the two cross-correlations, at most 1: low where the cycles are none.
    """

    jitter: np.ndarray
    shimmer: np.ndarray
    likeness: np.ndarray


def compare_cycles(samples: np.ndarray, centres: np.ndarray, lags: np.ndarray) -> CyclePairs:
    """Compare the cycles around the centres of voiced frames.

    Args:
        samples: (samples,) float32 waveform; there is silence before and after it.
        centres: (frames,) positions of samples.
        lags: (frames,) periods in samples, at least 4.

    Returns:
        Measures of each frame.
    """
    pairs = CyclePairs(*np.zeros((3, len(centres))))
    if not len(centres):
        return pairs
    lags = np.asarray(lags, np.float64)
    # Whatever is looked at lies within this distance of a centre.
    margin = int(5 * lags.max()) + 16
    padded = np.zeros(len(samples) + 2 * margin, np.float32)
    padded[margin:-margin] = samples
    order = np.argsort(lags, kind="stable")
    for begin in range(0, len(order), _BLOCK_FRAMES):
        chosen = order[begin : begin + _BLOCK_FRAMES]
        begin_period = np.rint(centres[chosen] + margin - 1.5 * lags[chosen]).astype(np.int64)
        start = _before_pulse(padded, begin_period, lags[chosen])
        first, before, after, likeness = _match(padded, start, lags[chosen])
        start += np.rint(first).astype(np.int64)
        second, before_too, after_too, likeness_too = _match(padded, start, lags[chosen])
        pairs.jitter[chosen] = 2 * np.abs(second - first) / (first + second)
        pairs.shimmer[chosen] = (_change(before, after) + _change(before_too, after_too)) / 2
        pairs.likeness[chosen] = np.minimum(likeness, likeness_too)
    return pairs


def _before_pulse(padded: np.ndarray, begin: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Half a period before the strongest sample of the period that begins there; (frames,) positions."""
    places = np.arange(int(lags.max()) + 1)
    strength = np.abs(padded[begin[:, None] + places]) * (places < lags[:, None])
    return begin + strength.argmax(axis=1) - np.rint(lags / 2).astype(np.int64)


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Of the energy of cycles in dB; one step squared is added, for silence has no logarithm."""
    return np.abs(10 * np.log10((np.maximum(after, 0) + 1) / (before + 1)))


def _match(padded: np.ndarray, start: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, ...]:
    """Length of the cycles that begin at `start`, energy of each and of the next one, and their correlation."""
    periods = np.rint(lags).astype(np.int64)
    longest = int(periods.max())
    reach = int(np.ceil(_DEVIATION * longest)) + 1
    # Cycles (frames, longest), and what follows them, from `reach` samples too early to `reach` too late.
    inside = np.arange(longest)
    cycles = sliding_window_view(padded, longest)[start] * (inside < periods[:, None]).astype(np.float32)
    following = sliding_window_view(padded, longest + 2 * reach)[start + periods - reach]
    places = np.arange(2 * reach + 1)
    # What wraps around lies behind the places that are looked at.
    points = scipy.fft.next_fast_len(following.shape[1], real=True)
    spectrum = scipy.fft.rfft(cycles, points).conj() * scipy.fft.rfft(following, points)
    products = scipy.fft.irfft(spectrum, points)[:, : len(places)]
    summed = np.zeros((len(start), following.shape[1] + 1), np.float32)
    np.cumsum(following * following, axis=1, out=summed[:, 1:])
    rows = np.arange(len(start))
    energies = summed[rows[:, None], places + periods[:, None]] - summed[:, : len(places)]
    energy = np.einsum("fs,fs->f", cycles, cycles)
    # Less energy than one step's is none.
    likeness = products / np.sqrt(np.maximum(energy, 1)[:, None] * np.maximum(energies, 1))
    allowed = np.abs(places - reach) <= np.maximum(_DEVIATION * lags, 1)[:, None]
    best = np.where(allowed, likeness, -2)[:, 1:-1].argmax(axis=1) + 1
    before, peak, after = (likeness[rows, best + place] for place in (-1, 0, 1))
    curvature = before - 2 * peak + after
    top = np.where(curvature < 0, (before - after) / np.where(curvature < 0, 2 * curvature, 1), 0)
    lengths = periods - reach + best + np.clip(top, -0.5, 0.5)
    return lengths, energy, energies[rows, best], peak
