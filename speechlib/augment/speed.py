"""Change of speed by resampling: tempo and pitch together (sox's `speed`, as in Kaldi's perturb_data_dir_speed.sh)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def num_samples_at(count: int, factor: float) -> int:
    """Samples that are left of `count` when played `factor` times as fast."""
    return int(count / _ratio(factor) + Fraction(1, 2))


def change_speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Play faster or slower.

    Args:
        samples: (n,) float32.
        factor: 1.1 is faster, shorter and higher, 0.9 the contrary.

    Returns:
        (num_samples_at(n, factor),) float32.

    Raises:
        ValueError: a factor that is not positive.
    """
    ratio = _ratio(factor)
    if ratio == 1:
        return samples
    wanted = num_samples_at(len(samples), factor)
    resampled = resample(samples, ratio.numerator, ratio.denominator)[:wanted]
    return np.pad(resampled, (0, wanted - len(resampled)))


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample (n,) or (n, channels) float32 to another rate, keeping the scale (soxr's high quality)."""
    import soxr  # only here: most copies need no resampling

    return np.asarray(soxr.resample(np.ascontiguousarray(samples, np.float32), from_rate, to_rate), np.float32)


def _ratio(factor: float) -> Fraction:
    if not factor > 0:
        raise ValueError(f"a speed of {factor}: it must be positive")
    return Fraction(factor).limit_denominator(1000)
