"""Sums of frames and of their products: all that single Gaussians by maximum likelihood need, and they add."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-12  # share of a variance below which there is nothing but rounding


def frame_moments(frames) -> np.ndarray:
    """Sum over the frames x of [1; x] [1; x]'.

    Args:
        frames: (frames, dim), finite.

    Returns:
        (dim + 1, dim + 1) float64, symmetric: the number of frames, their sum in the first row and column, the sum of
        their outer products.

    Raises:
        ValueError: not a matrix with at least one column, or a value that is NaN or infinite.
    """
    frames = np.asarray(frames, np.float64)
    if frames.ndim != 2 or not frames.shape[1]:
        raise ValueError(f"frames of shape {frames.shape}: expected (frames, dim)")
    if not np.isfinite(frames).all():
        raise ValueError("frames with NaN or infinite values")
    extended = np.concatenate([np.ones((len(frames), 1)), frames], axis=1)
    return extended.T @ extended


def check_moments(moments) -> np.ndarray:
    """Return moments as float64.

    Raises:
        ValueError: not (N, dim + 1, dim + 1), not finite, not symmetric, or without frames; names the first place.
    """
    moments = np.asarray(moments, np.float64)
    if moments.ndim != 3 or moments.shape[1] != moments.shape[2] or moments.shape[1] < 2:
        raise ValueError(
            f"moments of shape {moments.shape}: expected (utterances, dim + 1, dim + 1), as extract_moment_stats "
            "writes them"
        )
    bad = np.flatnonzero(~np.isfinite(moments).all(axis=(1, 2)))
    if bad.size:
        raise ValueError(f"the moments in place {bad[0]} hold NaN or infinity")
    scale = np.abs(moments).max(axis=(1, 2), initial=0.0)
    bad = np.flatnonzero(np.abs(moments - moments.swapaxes(1, 2)).max(axis=(1, 2), initial=0.0) > 1e-9 * scale)
    if bad.size:
        raise ValueError(f"the moments in place {bad[0]} are not symmetric: they are no sum of [1; x] [1; x]'")
    bad = np.flatnonzero(moments[:, 0, 0] < 1)
    if bad.size:
        raise ValueError(f"the moments in place {bad[0]} are of {moments[bad[0], 0, 0]:g} frames: expected at least 1")
    return moments


def standardise(moments: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """Moments of frames that have mean 0 and variance 1 over all sets, and that are blurred a little.

    Ratios of likelihoods do not depend on origin and units, but rounding does. The blur adds `floor` to every variance,
    as if each frame had been seen with noise of so much of the variance of all frames: covariances of utterances with
    fewer frames than dimensions are no longer singular, the moments still add, and what holds without a floor (GLR >=
    0, CLR <= 0) still does. A dimension that never varies has a variance of `floor`, which cancels out of distances.

    Args:
        moments: (N, dim + 1, dim + 1) of `frame_moments`.
        floor: share of the variance, not negative.

    Returns:
        (N, dim + 1, dim + 1) float64.

    Raises:
        ValueError: a negative floor, or moments that `check_moments` rejects.
    """
    if not floor >= 0:
        raise ValueError(f"a variance floor of {floor}: expected 0 or more")
    moments = check_moments(moments).copy()
    if not len(moments):
        return moments
    total = moments.sum(axis=0)
    mean = total[0, 1:] / total[0, 0]
    counts, sums = moments[:, 0, 0, None], moments[:, 0, 1:]
    shifted = sums - counts * mean
    # With t = s - n m: sum (x - m)(x - m)' = sum x x' - n m m' - (t m' + m t'), symmetric to the last bit.
    products = shifted[:, :, None] * mean
    moments[:, 1:, 1:] -= counts[:, :, None] * np.outer(mean, mean) + (products + products.swapaxes(1, 2))
    moments[:, 0, 1:] = moments[:, 1:, 0] = shifted
    variances = np.diag(moments.sum(axis=0))[1:] / total[0, 0]
    varies = variances > 1e-14 * mean**2
    scale = np.concatenate([[1.0], 1 / np.sqrt(np.where(varies, variances, 1.0))])
    moments *= scale * scale[:, None]
    dims = np.arange(1, moments.shape[1])
    moments[:, dims, dims] += counts * floor
    return moments


def covariances_of(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts (N,), means (N, dim) and maximum-likelihood covariances (N, dim, dim) behind moments."""
    counts = moments[:, 0, 0]
    means = moments[:, 0, 1:] / counts[:, None]
    return counts, means, moments[:, 1:, 1:] / counts[:, None, None] - means[:, :, None] * means[:, None, :]


def check_not_singular(moments: np.ndarray, diagonal: bool = False, floored: bool = False) -> None:
    """Check that every set of frames has a covariance that can be inverted.

    Args:
        moments: (N, dim + 1, dim + 1).
        diagonal: only the variances count.
        floored: variances have a floor, so that few frames are no reason.

    Raises:
        ValueError: too few frames for the dimension, or frames that do not vary in all directions: the likelihood has
            no maximum then; names the place, the frames and the dimension.
    """
    counts, _, covariances = covariances_of(moments)
    dim = covariances.shape[1]
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    # A variance is what is left of a mean square: as small as the rounding of that, it is none.
    least = 2 if diagonal else dim + 1
    bad = (variances <= _ROUNDING * np.diagonal(moments, axis1=1, axis2=2)[:, 1:] / counts[:, None]).any(axis=1)
    if not floored:  # what rounding leaves of no variance may look like one
        bad |= counts < least
    if not diagonal and len(moments) and not bad.any():
        scale = 1 / np.sqrt(variances)
        correlations = covariances * scale[:, :, None] * scale[:, None, :]
        bad = np.linalg.eigvalsh(correlations)[:, 0] <= _ROUNDING
    place = np.flatnonzero(bad)
    if place.size:
        count = int(counts[place[0]])
        kind = "variance" if diagonal else "covariance"
        why = f"at least {least} are needed" if count < least else "they do not vary in every direction"
        raise ValueError(
            f"the {kind} of {count} frames of dimension {dim} (in place {place[0]}) is singular: {why}, or a variance "
            "floor"
        )
