"""Augmentation during training: every crop is another copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from speechlib.augment.clips import Clip, is_silent
from speechlib.augment.mixing import Babble, Sounds, make_copy
from speechlib.augment.options import AugmentOptions


class Augmenter:
    """Draws a kind of copy for every crop and makes it; keeps no state, so that several threads may share it.

    Args:
        noises: clips by noise, music and speech (other speakers, for babble), at `rate`.
        rirs: impulse responses by room (smallroom, mediumroom, ... any names), at `rate`.
        options: what is drawn.
        rate: Hz.
        babble: `babble(rng, speaker)` returns a clip of another speaker; used where `noises` has no speech.

    Raises:
        ValueError: a kind of the options has nothing to be made from.
    """

    def __init__(
        self,
        noises: Mapping[str, Sequence[Clip]],
        rirs: Mapping[str, Sequence[Clip]],
        options: AugmentOptions,
        rate: int = 16000,
        babble: Babble | None = None,
    ) -> None:
        self.options = options
        self.rate = rate
        self._sounds = Sounds(noises, rirs, babble)
        if options.probability > 0:
            self._sounds.check(options)

    def draw_speed(self, rng: np.random.Generator) -> float:
        """A factor for `speed.change_speed`: cut round(n * factor) samples so that n are left."""
        speeds = self.options.speeds
        return float(speeds[int(rng.integers(len(speeds)))]) if len(speeds) > 1 else float(speeds[0])

    def __call__(self, samples: np.ndarray, rng: np.random.Generator, speaker: str | None = None) -> np.ndarray:
        """Augment a crop, or leave it clean.

        Args:
            samples: (n,) float32 in int16 range; not changed. A crop of digital silence stays as it is.
            rng: decides everything: the same state gives the same samples.
            speaker: of the crop, so that babble comes from others.

        Returns:
            (n,) float32 in int16 range; not clipped.
        """
        if rng.random() >= self.options.probability or is_silent(samples):
            return samples
        kind = self.options.kinds[int(rng.integers(len(self.options.kinds)))]
        return make_copy(samples, kind, self._sounds, self.options, rng, self.rate, speaker, within=True).samples
