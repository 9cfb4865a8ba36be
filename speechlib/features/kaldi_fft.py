"""Kaldi's Fourier transform of lengths that are no power of two, rounding and all (matrix-functions.cc: RealFft).

For such lengths Kaldi multiplies its way around the unit circle in single precision. The roots of unity drift by up to
1e-5, which shows in the log-energies of bands that are much weaker than others. The drift is the same in every
frame: the transform stays a linear map, and that map is computed here once, exactly but for the drifting roots.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

_Root = tuple[np.float32, np.float32]  # real and imaginary part
_ONE: _Root = (np.float32(1), np.float32(0))


@lru_cache(maxsize=8)
def real_transform_matrix(size: int) -> np.ndarray:
    """The map from a frame to its spectrum as Kaldi computes it.

    Args:
        size: samples of a frame, even.

    Returns:
        (size, 2 * (size // 2 + 1)) float32; real and imaginary parts of a bin are neighbours.

    Raises:
        ValueError: the size is odd, which Kaldi's transform cannot do.
    """
    if size % 2 or size < 2:
        raise ValueError(f"Kaldi's transform needs an even number of samples, got {size}")
    half = size // 2
    impulses = np.eye(size)
    packed = _complex_transform(impulses[:, 0::2] + 1j * impulses[:, 1::2], _prime_factors(half))
    spectrum = np.zeros((size, half + 1), dtype=np.complex128)
    spectrum[:, 0] = packed[:, 0].real + packed[:, 0].imag
    spectrum[:, half] = packed[:, 0].real - packed[:, 0].imag
    step, root = _root_of_unity(size), _ONE
    for low in range(1, half // 2 + 1):
        root = _multiply(step, root)
        high = half - low
        even = 0.5 * (packed[:, low] + packed[:, high].conj())
        odd = -0.5j * (packed[:, low] - packed[:, high].conj())
        spectrum[:, low] = even + odd * complex(*root)
        if high != low:
            spectrum[:, high] = even.conj() + odd.conj() * complex(-root[0], root[1])
    return spectrum.view(np.float64).astype(np.float32)


def _complex_transform(values: np.ndarray, factors: list[int]) -> np.ndarray:
    """Decimation in time, the smallest factor outermost: (rows, n) complex to (rows, n)."""
    if not factors:
        return values
    length, radix = values.shape[1], factors[0]
    stride = length // radix
    parts = [_complex_transform(values[:, first::radix], factors[1:]) for first in range(radix)]
    result = np.empty_like(values)
    step, turn = _root_of_unity(length), _root_of_unity(radix)
    start = _ONE
    for column in range(stride):
        root = start
        for block in range(radix):
            total, power = parts[0][:, column].copy(), root
            for index in range(1, radix):
                if index > 1:
                    power = _multiply(root, power)
                total += parts[index][:, column] * complex(*power)
            result[:, block * stride + column] = total
            root = _multiply(turn, root)
        start = _multiply(step, start)
    return result


def _root_of_unity(order: int) -> _Root:
    angle = np.float32(-2 * math.pi / order)
    return np.cos(angle), np.sin(angle)


def _multiply(one: _Root, other: _Root) -> _Root:
    # Every product and sum is rounded to single precision, as there.
    return other[0] * one[0] - other[1] * one[1], other[0] * one[1] + other[1] * one[0]


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors
