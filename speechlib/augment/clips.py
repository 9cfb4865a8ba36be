"""Sounds to mix in, read in pieces; those in memory are here, those in files come from the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

SILENCE = 0.5  # of an int16 step: what is nowhere louder is digital silence


class Clip(Protocol):
    """A sound: noise, music, another speaker, or a room's impulse response."""

    name: str

    @property
    def num_samples(self) -> int:
        """Its length at the rate of the speech."""
        ...

    @property
    def channels(self) -> int:
        """How many there are to draw from."""
        ...

    def read(self, begin: int, end: int, channel: int) -> np.ndarray:
        """Samples begin..end-1 of a channel, (end - begin,) float32."""
        ...


class ArrayClip:
    """A clip in memory.

    Args:
        name: for logs.
        samples: (n,) or (n, channels), in int16 range but for impulse responses, whose scale is of no importance.
    """

    def __init__(self, name: str, samples: np.ndarray) -> None:
        samples = np.asarray(samples, np.float32)
        if samples.ndim not in (1, 2) or not samples.size:
            raise ValueError(f"{name}: expected (n,) or (n, channels) samples, not an array of shape {samples.shape}")
        self.name = name
        self._samples = samples[:, None] if samples.ndim == 1 else samples

    @property
    def num_samples(self) -> int:
        return len(self._samples)

    @property
    def channels(self) -> int:
        return self._samples.shape[1]

    def read(self, begin: int, end: int, channel: int) -> np.ndarray:
        return self._samples[begin:end, channel]


def read_repeated(clip: Clip, begin: int, count: int, channel: int) -> np.ndarray:
    """`count` samples from `begin` on; at its end the clip begins again (as with wav-reverberate --duration)."""
    length = clip.num_samples
    if begin + count <= length:
        return clip.read(begin, begin + count, channel)
    whole = clip.read(0, length, channel)
    return np.resize(np.roll(whole, -begin), count)


def is_silent(samples: np.ndarray) -> bool:
    """Whether there is nothing in it that 16 bits can hold."""
    return not len(samples) or float(np.abs(samples).max()) < SILENCE


def draw_from(rng: np.random.Generator, clips: Sequence[Clip]) -> Clip:
    """One of the clips, all equally likely."""
    return clips[int(rng.integers(len(clips)))]
