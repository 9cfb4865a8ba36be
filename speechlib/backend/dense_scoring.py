"""Scores of all pairs of vectors of one recording by PLDA (Kaldi's ivector-plda-scoring-dense)."""

import numpy as np

from speechlib.backend.linear_algebra import sorted_eigenvectors
from speechlib.backend.plda import Plda, diagonalise
from speechlib.backend.scoring import plda_scorer, project
from speechlib.backend.vectors import global_mean, scatter

_WHOLE_ENERGY = 0.998  # from here on Kaldi takes the target for 1, ApproxEqual(target, 1.0, 0.001)
_NO_ENERGY = 1e-10  # of the vectors' mean square: their spread is rounding


def dense_scores(
    plda: Plda, vectors: np.ndarray, target_energy: float = 0.5, normalize: bool = True, simple: bool = False
) -> np.ndarray:
    """Score each vector of a recording against each.

    Args:
        plda: the model.
        vectors: (utterances, dim).
        target_energy: the vectors, and the model with them, are brought into the space of the recording's first
            principal components, as many as hold this share of the variance, and one more; from 0.998 on into none.
        normalize: scale each vector to the length that the model expects.
        simple: to length sqrt(dim) instead.

    Returns:
        (utterances, utterances) float32 natural-log likelihood ratios, symmetric.

    Raises:
        ValueError: the dimensions disagree, or the energy is not in 0 to 1.
    """
    if not 0.0 <= target_energy <= 1.0:
        raise ValueError(f"target energy {target_energy}: expected 0 to 1")
    if vectors.ndim != 2 or vectors.shape[1] != plda.dim or not len(vectors):
        raise ValueError(f"vectors of shape {vectors.shape}, a PLDA of dimension {plda.dim}: they must agree")
    components = principal_components(vectors, target_energy) if target_energy < _WHOLE_ENERGY else None
    if components is not None:
        vectors, plda = vectors @ components.T, reduced(plda, components)
    projected = project(plda, vectors, normalize=normalize, simple=simple)
    scorer = plda_scorer(plda, projected, projected)
    scores = scorer.enrolment @ scorer.test.T
    scores = scores + (scorer.enrolment_offset[:, None] + scorer.test_offset)
    scores += scores.T.copy()
    scores *= 0.5
    return scores.astype(np.float32)


def principal_components(vectors: np.ndarray, target_energy: float) -> np.ndarray | None:
    """Directions of the largest variance (EstPca), one more than hold the target, as in Kaldi.

    Args:
        vectors: (utterances, dim).
        target_energy: share of the variance to hold, less than 1.

    Returns:
        (components, dim) orthonormal rows; None where the vectors do not vary: one of them, or all the same.
    """
    mean = global_mean(vectors)
    covariance = scatter(vectors, mean) / len(vectors)
    if np.trace(covariance) <= _NO_ENERGY * (np.trace(covariance) + mean @ mean):
        return None
    energy, directions = sorted_eigenvectors(covariance)
    energy = np.cumsum(np.maximum(energy, 0.0))
    num = int(np.searchsorted(energy / energy[-1], target_energy, side="right")) + 1
    return directions[:, : num + 1].T


def reduced(plda: Plda, components: np.ndarray) -> Plda:
    """The model of linearly transformed vectors (Plda::ApplyTransform).

    Args:
        plda: the model.
        components: (new dim, dim), of full row rank.
    """
    within, between = (components @ covariance @ components.T for covariance in (plda.within(), plda.between()))
    return diagonalise(components @ plda.mean, within, between)
