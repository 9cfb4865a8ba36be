"""From frames to labelled segments: which frames a segment holds, their means, and the segment at a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def segment_frames(times: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First frame and frame behind the last one of each segment.

    A frame belongs to the segment in which its middle lies. A segment without such a frame, since it is shorter than a
    frame, has the one that is nearest to its own middle; not, however, where that is further from the segment than one
    frame from the next (at the edges of a network without padding, or where frames without voice were taken out).

    Args:
        times: (frames,) middles in seconds, rising.
        starts, ends: (segments,) seconds.

    Returns:
        (segments,) int64 each; both 0 for segments without any frame.

    Raises:
        ValueError: no frame, times that do not rise, or segments that end before they begin.
    """
    times, starts, ends = (np.asarray(values, np.float64) for values in (times, starts, ends))
    if times.ndim != 1 or not len(times) or (np.diff(times) < 0).any():
        raise ValueError(f"need at least one frame in order of time, got times of shape {times.shape}")
    if starts.shape != ends.shape or (ends <= starts).any():
        raise ValueError("segments must end behind their beginning")
    first, past = np.searchsorted(times, starts), np.searchsorted(times, ends)
    middles = 0.5 * (starts + ends)
    right = np.searchsorted(times, middles).clip(1, max(len(times) - 1, 1))
    left = right - 1
    right = right.clip(0, len(times) - 1)
    nearest = np.where(np.abs(times[right] - middles) < np.abs(times[left] - middles), right, left)
    step = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
    beyond = np.maximum(starts - times[nearest], times[nearest] - ends)
    empty, near = past <= first, beyond <= step + 1e-9
    first = np.where(empty, np.where(near, nearest, 0), first)
    past = np.where(empty, np.where(near, nearest + 1, 0), past)
    return first, past


def segment_means(
    frames: np.ndarray, times: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the frames of each segment, by the rule of `segment_frames`.

    Args:
        frames: (frames, dim).
        times: (frames,) middles in seconds, rising.
        starts, ends: (segments,) seconds.

    Returns:
        (segments that have frames, dim) float64, and (segments,) which of them have.
    """
    first, past = segment_frames(times, starts, ends)
    found = past > first
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0, dtype=np.float64)])
    counts = (past - first)[found, None]
    return (sums[past[found]] - sums[first[found]]) / counts, found


def labels_at(times: Sequence[float] | np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(frames,) number of the segment in which each time lies, -1 where there is none; segments in order of time."""
    times, starts, ends = (np.asarray(values, np.float64) for values in (times, starts, ends))
    if not len(starts):
        return np.full(len(times), -1)
    place = np.searchsorted(starts, times, side="right") - 1
    return np.where((place >= 0) & (times < ends[place.clip(0)]), place, -1)
