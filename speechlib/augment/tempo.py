"""Change of tempo that leaves the pitch: overlap-add of similar pieces (WSOLA: Verhelst and Roelands, ICASSP 1993)."""

from __future__ import annotations

import numpy as np

from speechlib.augment.reverberation import power
from speechlib.augment.speed import num_samples_at

_WINDOW = 0.032  # seconds: two periods of a low voice
_REACH = 0.0125  # seconds that a piece may lie beside its place: more than half the period of a low voice


def change_tempo(samples: np.ndarray, factor: float, rate: int) -> np.ndarray:
    """Speak faster or slower; pitch, timbre and level stay.

    Pieces are taken from where they would be due, each moved to where it continues the one before best, and faded into
    each other.

    Args:
        samples: (n,) float32.
        factor: 1.1 is faster and shorter; from 0.25 to 4.
        rate: Hz.

    Returns:
        (num_samples_at(n, factor),) float32 with the mean power of the input; peaks may be a little higher.

    Raises:
        ValueError: a factor beyond these limits.
    """
    if not 0.25 <= factor <= 4:
        raise ValueError(f"a tempo of {factor}: it must lie between 0.25 and 4")
    wanted = num_samples_at(len(samples), factor)
    if factor == 1 or not wanted:
        return samples[:wanted]
    hop = max(1, round(_WINDOW * rate / 2))
    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)  # two of them at a distance of hop add up to 1
    reach = round(_REACH * rate)
    count = wanted // hop + 2  # the first piece begins hop before the first sample
    before = hop + reach
    behind = max(0, int(count * hop * factor) + 3 * hop + 2 * reach - len(samples))
    padded = np.pad(np.asarray(samples, np.float64), (before, behind))
    energies = np.concatenate([[0.0], np.cumsum(padded**2)])
    out = np.zeros((count + 1) * hop)
    place = reach
    for piece in range(count):
        if piece:
            due = reach + round(piece * hop * factor)
            place = _best(padded, energies, place + hop, due, reach, 2 * hop)
        out[piece * hop : (piece + 2) * hop] += window * padded[place : place + 2 * hop]
    return at_level(out[hop : hop + wanted], samples)


def _best(padded: np.ndarray, energies: np.ndarray, goal: int, due: int, reach: int, length: int) -> int:
    """Where, at most `reach` from where it is due, a piece is most like the one that would follow."""
    first = due - reach
    likeness = np.correlate(padded[first : due + reach + length], padded[goal : goal + length], "valid")
    starts = np.arange(first, due + reach + 1)
    sizes = energies[starts + length] - energies[starts]
    # Without regard to their sizes loud pieces would win. In silence one is as good as another: as due.
    floor = 1e-9 * energies[-1] + 1e-300
    likeness = likeness / np.sqrt(np.maximum(sizes, floor))
    best = int(likeness.argmax())
    return first + (best if likeness[best] > 0 else reach)


def at_level(changed: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """The first as float32 with the mean power of the second; silence stays silence."""
    reached = power(changed)
    return (changed * np.sqrt(power(samples) / reached) if reached > 0 else changed).astype(np.float32)
