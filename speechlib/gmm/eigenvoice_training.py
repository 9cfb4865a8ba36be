"""Eigenvoices by maximum likelihood: EM of the factor analysis model (Kenny, Boulianne & Dumouchel, 2005).

The frames of a speaker that belong to Gaussian k are normal about m_k + V_k y, with the mixture's variances; y has a
standard normal prior. Posteriors of the Gaussians are fixed, thus zeroth and first order statistics are all that is
needed, and every iteration raises the likelihood.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra


class FactorModel(NamedTuple):
    """The model.

    Attributes:
        means: (Gaussians, dim) the centre.
        eigenvoices: (Gaussians, dim, rank).
        variances: (Gaussians, dim).
    """

    means: np.ndarray
    eigenvoices: np.ndarray
    variances: np.ndarray


def em_step(
    model: FactorModel,
    zeroth: np.ndarray,
    first: np.ndarray,
    algebra: HostAlgebra | TorchAlgebra | None = None,
    update_means: bool = True,
) -> tuple[FactorModel, float]:
    """One iteration: posteriors of the factors, new eigenvoices, then the factors' own distribution is made standard.

    The last of these, minimum divergence, turns what mean and covariance the factors have over the speakers into
    another centre and other eigenvoices, which is exact and raises the likelihood further.

    Args:
        model: to start from.
        zeroth: (speakers, Gaussians).
        first: (speakers, Gaussians, dim) about the origin.
        algebra: where to compute (default: NumPy).
        update_means: move the centre, too.

    Returns:
        The new model, its eigenvoices turned so that V'V is diagonal and falls; and the log-likelihood of the speakers
        by the model before, less that by the centre alone.

    Raises:
        ValueError: statistics that do not fit the model, or NaN.
    """
    algebra = algebra or HostAlgebra()
    means, eigenvoices, variances = model
    gaussians, dim, rank = eigenvoices.shape
    if zeroth.shape[1:] != (gaussians,) or first.shape[1:] != (gaussians, dim):
        raise ValueError(f"statistics {zeroth.shape} and {first.shape} for eigenvoices {eigenvoices.shape}")
    lower = np.tril_indices(rank)
    weighted = eigenvoices / variances[:, :, None]
    quadratic = (weighted.transpose(0, 2, 1) @ eigenvoices)[:, lower[0], lower[1]]
    counts = algebra.put(zeroth)
    centred = algebra.put((first - zeroth[:, :, None] * means).reshape(len(first), -1))
    linear = centred @ algebra.put(weighted.reshape(-1, rank))
    packed = counts @ algebra.put(quadratic)
    packed[:, algebra.put(np.flatnonzero(lower[0] == lower[1]))] += 1.0
    factors, scatter, log_dets, _ = algebra.posteriors(linear, packed, *lower)
    likelihood = float(0.5 * ((linear * factors).sum() - log_dets.sum()))

    rows, columns = (algebra.put(index) for index in lower)
    scatter = scatter + factors[:, rows] * factors[:, columns]  # second moments of the factors, packed
    cross = algebra.get(centred.T @ factors).reshape(gaussians, dim, rank)
    moments = _unpack(algebra.get(counts.T @ scatter), lower, rank)
    seen = algebra.get(counts.sum(0)) > 0
    new = eigenvoices.copy()
    new[seen] = np.linalg.solve(moments[seen], cross[seen].transpose(0, 2, 1)).transpose(0, 2, 1)

    centre = algebra.get(factors.sum(0)) / len(zeroth) if update_means else np.zeros(rank)
    spread = _unpack(algebra.get(scatter.sum(0))[None] / len(zeroth), lower, rank)[0] - np.outer(centre, centre)
    shifted = means + new @ centre
    return FactorModel(shifted, turn_to_axes(new @ np.linalg.cholesky(spread)), variances), likelihood


def turn_to_axes(eigenvoices: np.ndarray) -> np.ndarray:
    """Rotate (Gaussians, dim, rank) so that V'V is diagonal, from large to small; V V', the model, stays as it is."""
    flat = eigenvoices.reshape(-1, eigenvoices.shape[2])
    _, vectors = np.linalg.eigh(flat.T @ flat)
    return (flat @ vectors[:, ::-1]).reshape(eigenvoices.shape)


def _unpack(packed: np.ndarray, lower: tuple[np.ndarray, np.ndarray], size: int) -> np.ndarray:
    full = np.empty((len(packed), size, size))
    full[:, lower[0], lower[1]] = packed
    full[:, lower[1], lower[0]] = packed
    return full
