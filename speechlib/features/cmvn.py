"""Cepstral mean and variance normalisation as Kaldi's: by statistics (transform/cmvn.cc), and over a sliding window.

Statistics are (2, dim + 1) doubles: sums and the number of frames; sums of squares and 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_VARIANCE_FLOOR = 1e-20  # ApplyCmvn
_SLIDING_VARIANCE_FLOOR = 1e-10  # SlidingWindowCmn
_BLOCK = 8192


def accumulate_cmvn_stats(
    features: np.ndarray, stats: np.ndarray | None = None, weights: np.ndarray | None = None
) -> np.ndarray:
    """Add an utterance to statistics (Kaldi's AccCmvnStats: single-precision products, double-precision sums).

    Args:
        features: (frames, dim).
        stats: (2, dim + 1) float64 so far, None to begin; not changed.
        weights: (frames,) weight of each frame, 1 where None.

    Returns:
        (2, dim + 1) float64.

    Raises:
        ValueError: the shapes disagree.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"expected features of shape (frames, dim), not {features.shape}")
    dim = features.shape[1]
    stats = np.zeros((2, dim + 1)) if stats is None else np.array(stats, np.float64)
    if stats.shape != (2, dim + 1):
        raise ValueError(f"features of dimension {dim} do not fit statistics of shape {stats.shape}")
    squares = features * features
    count = float(len(features))
    if weights is not None:
        weights = np.asarray(weights, np.float32)
        if weights.shape != (len(features),):
            raise ValueError(f"{len(features)} frames, but {weights.size} weights")
        used = weights != 0
        weights = weights[used]
        features = features[used] * weights[:, None]
        squares = squares[used] * weights[:, None]
        count = float(weights.sum(dtype=np.float64))
    for row, values in enumerate((features, squares)):
        # the statistics so far as the first row: numpy adds row after row, in Kaldi's order and with its rounding
        terms = np.empty((len(values) + 1, dim))
        terms[0] = stats[row, :dim]
        terms[1:] = values
        stats[row, :dim] = terms.sum(axis=0)
    stats[0, dim] += count
    return stats


def fake_stats_for_dims(stats: np.ndarray, dims: Iterable[int]) -> np.ndarray:
    """Statistics with mean 0 and variance 1 in some dimensions, so that these are left alone (FakeStatsForSomeDims).

    Raises:
        ValueError: a dimension that the statistics do not have.
    """
    stats = np.array(stats, np.float64)
    dim = stats.shape[1] - 1
    for index in dims:
        if not 0 <= index < dim:
            raise ValueError(f"dimension {index} to skip is not among the {dim}, which count from 0")
        stats[0, index] = 0.0
        stats[1:, index] = stats[0, dim]
    return stats


def apply_cmvn(features: np.ndarray, stats: np.ndarray, norm_vars: bool = False, reverse: bool = False) -> np.ndarray:
    """Normalise the mean, and the variance if wanted, by statistics (ApplyCmvn and ApplyCmvnReverse).

    Args:
        features: (frames, dim).
        stats: (2, dim + 1), or (1, dim + 1) for the mean alone.
        norm_vars: to unit variance.
        reverse: give normalised features the mean (and variance) of the statistics instead.

    Returns:
        (frames, dim) float32.

    Raises:
        ValueError: the dimensions disagree, there is less than one frame of statistics, or no variance is known.
    """
    features = np.asarray(features, np.float32)
    stats = np.asarray(stats, np.float64)
    if stats.ndim != 2 or len(stats) not in (1, 2) or features.ndim != 2 or features.shape[1] + 1 != stats.shape[1]:
        raise ValueError(f"features of shape {features.shape} do not fit CMVN statistics of shape {stats.shape}")
    if norm_vars and len(stats) == 1:
        raise ValueError("the statistics have no variances: compute them again, or normalise the mean alone")
    count = stats[0, -1]
    if not count >= 1:
        raise ValueError(f"CMVN statistics of {count:g} frames; at least 1 is needed")
    mean = stats[0, :-1] / count
    if not norm_vars:
        # Kaldi adds the sums times -1/count, and keeps that factor in single precision
        offset = mean if reverse else stats[0, :-1] * np.float64(np.float32(-1.0 / count))
        return features + offset.astype(np.float32)
    deviation = np.sqrt(np.maximum(stats[1, :-1] / count - mean * mean, _VARIANCE_FLOOR))
    if not np.isfinite(deviation).all() or not np.isfinite(mean).all():
        raise ValueError("the CMVN statistics hold NaN or infinity: compute them again")
    scale, offset = (deviation, mean) if reverse else (1 / deviation, -mean / deviation)
    return features * scale.astype(np.float32) + offset.astype(np.float32)


@dataclass(frozen=True)
class SlidingCmvnOptions:
    """Names and defaults of Kaldi's SlidingWindowCmnOptions."""

    cmn_window: int = 600  # frames
    min_cmn_window: int = 100  # frames at the start; only where the window is not centred
    norm_vars: bool = False
    center: bool = False
    max_warnings: int = 5  # of Kaldi's logging: read, without effect here

    def __post_init__(self) -> None:
        if self.cmn_window < 1:
            raise ValueError(f"cmn-window={self.cmn_window} must be positive")
        if self.min_cmn_window < 1 and not self.center:
            raise ValueError(f"min-cmn-window={self.min_cmn_window} must be positive")


def sliding_windows(num_frames: int, options: SlidingCmvnOptions) -> tuple[np.ndarray, np.ndarray]:
    """The window of each frame, as its first frame and one past its last, (num_frames,) each.

    At the edges a centred window is shifted inwards instead of shrunk. A window that is not centred holds the frame and
    the `cmn_window` frames before it; near the start it looks ahead until it has `min_cmn_window` frames.
    """
    frames = np.arange(num_frames)
    if options.center:
        first = np.maximum(frames - options.cmn_window // 2, 0)
        past = first + options.cmn_window
    else:
        first = np.maximum(frames - options.cmn_window, 0)
        past = np.maximum(frames + 1, options.min_cmn_window)
    over = np.maximum(past - num_frames, 0)
    return np.maximum(first - over, 0), past - over


def sliding_cmvn(features: np.ndarray, options: SlidingCmvnOptions | None = None) -> np.ndarray:
    """Subtract the mean (and divide by the standard deviation) of a window that moves with the frame.

    Kaldi's SlidingWindowCmn with sums in double precision, by differences of running sums: time and memory do not
    depend on the window's length, and beside the result only some thousand frames are held.

    Args:
        features: (frames, dim).
        options: the window.

    Returns:
        (frames, dim) float32.

    Raises:
        ValueError: the array is not (frames, dim).
    """
    options = options or SlidingCmvnOptions()
    features = np.asarray(features)
    if features.ndim != 2:
        raise ValueError(f"expected features of shape (frames, dim), not {features.shape}")
    num_frames, dim = features.shape
    first, past = sliding_windows(num_frames, options)
    normalised = np.empty((num_frames, dim), np.float32)
    block = max(_BLOCK, 2 * options.cmn_window)
    for begin in range(0, num_frames, block):
        end = min(begin + block, num_frames)
        low = first[begin]
        high = past[end - 1]
        # The centre of the slab cancels out of mean and variance: it keeps the running sums small and so exact.
        slab = features[low:high].astype(np.float64)
        slab -= slab.mean(axis=0)
        lower = first[begin:end] - low
        upper = past[begin:end] - low
        count = (upper - lower)[:, None].astype(np.float64)
        mean = _window_sums(slab, lower, upper) / count
        centred = slab[begin - low : end - low] - mean
        if options.norm_vars:
            np.multiply(slab, slab, out=slab)
            variance = _window_sums(slab, lower, upper) / count - mean * mean
            centred /= np.sqrt(np.maximum(variance, _SLIDING_VARIANCE_FLOOR))
            centred[count[:, 0] == 1] = 0.0
        normalised[begin:end] = centred
    return normalised


def _window_sums(values: np.ndarray, first: np.ndarray, past: np.ndarray) -> np.ndarray:
    running = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=running[1:])
    return running[past] - running[first]
