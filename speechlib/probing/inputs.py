"""What a probe sees of a layer: frames at one rate for all layers, each value with mean 0 and deviation 1."""

from __future__ import annotations

import numpy as np

_DEAD = 1e-6  # deviation of a unit that never changes (a rectifier that is never passed): left at 0


def rate_factor(times: np.ndarray, step: float) -> float:
    """How many frames each frame of a layer becomes for frames of a given step.

    Args:
        times: (frames,) seconds of the frames of an utterance.
        step: seconds from one frame to the next that is wanted.

    Returns:
        A whole number, or one over a whole number: the nearest.

    Raises:
        ValueError: fewer than two frames, or no time passes between them.
    """
    between = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if not between > 0:
        raise ValueError(f"{len(times)} frames do not tell how far apart frames are")
    return max(round(between / step), 1.0) if between >= step else 1.0 / round(step / between)


def change_rate(frames: np.ndarray, factor: float) -> np.ndarray:
    """Repeat every frame, or take means of neighbours.

    Args:
        frames: (frames, dim).
        factor: from `rate_factor`; of the last neighbours there may be fewer.

    Returns:
        (frames * factor, dim), rounded up.
    """
    if factor >= 1:
        return np.repeat(frames, round(factor), axis=0) if factor > 1 else frames
    size = round(1 / factor)
    starts = np.arange(0, len(frames), size)
    counts = np.minimum(size, len(frames) - starts)[:, None]
    return (np.add.reduceat(frames, starts, axis=0) / counts).astype(frames.dtype)


class Standardiser:
    """Mean and deviation of each value over all frames, taken in one utterance at a time."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0

    def add(self, frames: np.ndarray) -> None:
        """Take (frames, dim) more frames in."""
        frames = frames.astype(np.float64)
        self.count += len(frames)
        self._sum = self._sum + frames.sum(axis=0)
        self._squares = self._squares + np.square(frames).sum(axis=0)

    def shift_and_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """(dim,) float32 each: (frames - shift) * scale has mean 0 and deviation 1, or is 0 where nothing changes.

        Raises:
            ValueError: there was no frame.
        """
        if not self.count:
            raise ValueError("no frame to take mean and deviation of")
        mean = self._sum / self.count
        variance = np.maximum(self._squares / self.count - np.square(mean), 0.0)
        deviation = np.sqrt(variance)
        alive = deviation > _DEAD * np.maximum(1.0, np.abs(mean))
        scale = np.where(alive, 1.0 / np.where(alive, deviation, 1.0), 0.0)
        return mean.astype(np.float32), scale.astype(np.float32)
