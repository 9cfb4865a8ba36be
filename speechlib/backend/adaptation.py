"""Adaptation of PLDA to vectors of unknown speakers from another domain (PldaUnsupervisedAdaptor in plda.cc)."""

import numpy as np

from speechlib.backend.linear_algebra import sorted_eigenvectors
from speechlib.backend.plda import Plda, diagonalise
from speechlib.backend.vectors import global_mean, scatter


def adapt_plda(
    plda: Plda,
    vectors: np.ndarray,
    within_scale: float = 0.3,
    between_scale: float = 0.7,
    mean_difference_scale: float = 1.0,
) -> Plda:
    """Take over the mean of the vectors, and widen the covariances where the vectors vary more than the model says.

    Args:
        plda: the model.
        vectors: (utterances, dim), unlabelled.
        within_scale: share of the additional variance that goes to the covariance within speakers.
        between_scale: share that goes to the covariance between speakers.
        mean_difference_scale: how much the difference of the means counts as variance.

    Raises:
        ValueError: other dimensions, no vectors, or a negative scale.
    """
    if not len(vectors):
        raise ValueError("no vector to adapt to")
    if vectors.shape[1] != plda.dim:
        raise ValueError(f"vectors of dimension {vectors.shape[1]}, a PLDA of dimension {plda.dim}: they must agree")
    if min(within_scale, between_scale, mean_difference_scale) < 0:
        raise ValueError("a negative scale: expected zero or more")
    mean = global_mean(vectors)
    difference = mean - plda.mean
    covariance = scatter(vectors, mean) / len(vectors) + mean_difference_scale * np.outer(difference, difference)
    # In the space where the model's total covariance is the identity, what exceeds 1 is new.
    to_unit = plda.transform / np.sqrt(1.0 + plda.psi)[:, None]
    variances, directions = sorted_eigenvectors(to_unit @ covariance @ to_unit.T)
    excess = np.maximum(variances - 1.0, 0.0)
    back = np.linalg.inv(directions.T @ to_unit)
    added = back * excess @ back.T
    return diagonalise(mean, plda.within() + within_scale * added, plda.between() + between_scale * added)
