"""Change of pitch that leaves the duration: spoken slower or faster, and played back at the old length."""

from __future__ import annotations

import numpy as np

from speechlib.augment.speed import change_speed
from speechlib.augment.tempo import at_level, change_tempo


def change_pitch(samples: np.ndarray, semitones: float, rate: int) -> np.ndarray:
    """Speak higher or lower; duration and level stay. The formants move as well, as in a smaller or larger speaker.

    Args:
        samples: (n,) float32.
        semitones: 12 doubles all frequencies, -12 halves them; from -12 to 12.
        rate: Hz.

    Returns:
        (n,) float32 with the mean power of the input; peaks may be a little higher.

    Raises:
        ValueError: more semitones than that.
    """
    if not -12 <= semitones <= 12:
        raise ValueError(f"a change of pitch by {semitones} semitones: it must lie between -12 and 12")
    if semitones == 0 or not len(samples):
        return samples
    ratio = 2.0 ** (semitones / 12.0)
    changed = change_speed(change_tempo(samples, 1.0 / ratio, rate), ratio)[: len(samples)]
    return at_level(np.pad(changed, (0, len(samples) - len(changed))), samples)
