"""Augmented copies as 16-bit samples, and the SNRs that are reached in them."""

from __future__ import annotations

import numpy as np

from speechlib.augment.mixing import Copy
from speechlib.augment.reverberation import power

LARGEST = 32767
_LEAST_RMS = 4.0  # int16 steps of the weakest sound: rounding (0.29 steps) then changes an SNR by 0.02 dB


def to_int16(copy: Copy) -> tuple[np.ndarray, float]:
    """Round a copy to 16 bits; no sample is clipped and no sound is lost in the rounding.

    A mix beyond 16 bits is scaled down. One whose weakest sound has less than 4 steps is scaled up, as far as 16 bits
    allow.

    Returns:
        (n,) int16, and the factor, mostly 1.
    """
    peak = float(np.abs(copy.samples).max())
    weakest = min((power(part.samples) ** 0.5 for part in copy.parts), default=_LEAST_RMS)
    factor = 1.0
    if weakest < _LEAST_RMS:
        factor = max(1.0, min(_LEAST_RMS / weakest, LARGEST / 2 / peak))
    if peak * factor > LARGEST:
        factor = LARGEST / peak
    samples = np.rint(copy.samples * np.float32(factor)) if factor != 1 else np.rint(copy.samples)
    return np.clip(samples, -LARGEST - 1, LARGEST).astype(np.int16), factor


def reached_snrs(written: np.ndarray, copy: Copy) -> list[float]:
    """The SNR of each part in written samples, rounding included.

    How much of the speech and of each part is in the samples is found by least squares; a part is then what is left of
    its stretch of the samples when the speech and the other parts are taken away.

    Args:
        written: (n,) samples, any scale.
        copy: what they were made from.

    Returns:
        dB for each part of the copy.
    """
    if not copy.parts:
        return []
    rest = written.astype(np.float64)
    pieces = [(0, copy.speech), *((part.start, part.samples) for part in copy.parts)]
    gains = _least_squares(rest, pieces)
    for (start, samples), gain in zip(pieces, gains, strict=True):
        rest[start : start + len(samples)] -= gain * samples
    speech_power = gains[0] ** 2 * copy.speech_power
    reached = []
    for part, gain in zip(copy.parts, gains[1:], strict=True):
        heard = power(rest[part.start : part.start + len(part.samples)] + gain * part.samples)
        reached.append(10 * float(np.log10(speech_power / heard)) if heard > 0 else float("inf"))
    return reached


def _least_squares(target: np.ndarray, pieces: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Gains of overlapping pieces that add up to the target best."""
    products = np.zeros((len(pieces), len(pieces)))
    right = np.zeros(len(pieces))
    for row, (start, samples) in enumerate(pieces):
        own = samples.astype(np.float64)
        end = start + len(own)
        right[row] = own @ target[start:end]
        for column, (other_start, other) in enumerate(pieces[: row + 1]):
            low, high = max(start, other_start), min(end, other_start + len(other))
            if low < high:
                product = own[low - start : high - start] @ other[low - other_start : high - other_start]
                products[row, column] = products[column, row] = product
    return np.linalg.lstsq(products, right, rcond=None)[0]
