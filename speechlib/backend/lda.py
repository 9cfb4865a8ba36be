"""Linear discriminant analysis as Kaldi's ivector-compute-lda does it."""

from dataclasses import dataclass

import numpy as np

from speechlib.backend.class_statistics import ClassStatistics
from speechlib.backend.linear_algebra import sorted_eigenvectors
from speechlib.backend.vectors import covariance_root


@dataclass(frozen=True)
class Lda:
    """The transform and what it was made from.

    Attributes:
        matrix: (kept dim, dim + 1) float64, the offset in the last column: the mean of the vectors is sent to zero.
        variances: (dim,) between-speaker variances of the normalised space, the largest first.
        num_floored: eigenvalues of the normalised covariance that were raised to the floor.
    """

    matrix: np.ndarray
    variances: np.ndarray
    num_floored: int


def estimate_lda(
    statistics: ClassStatistics, dim: int, total_covariance_factor: float = 0.0, covariance_floor: float = 1e-6
) -> Lda:
    """Find the directions in which speakers differ most beside how much one speaker varies.

    The kept space has the identity as its within-speaker covariance (with the default factor 0).

    Args:
        statistics: of the vectors.
        dim: dimensions to keep.
        total_covariance_factor: the covariance that becomes the identity is this share of the total one and the rest
            of the one within speakers.
        covariance_floor: least eigenvalue of that covariance, as a share of the largest.

    Raises:
        ValueError: more dimensions than there can be, fewer vectors than dimensions, one vector a speaker.
    """
    num_speakers, num = len(statistics.counts), statistics.num_vectors
    if not 0.0 <= total_covariance_factor <= 1.0:
        raise ValueError(f"total covariance factor {total_covariance_factor}: expected 0 to 1")
    if not 1 <= dim <= statistics.dim:
        raise ValueError(f"LDA to {dim} dimensions of vectors of {statistics.dim}: expected 1 to {statistics.dim}")
    if dim > num_speakers - 1:
        raise ValueError(
            f"LDA to {dim} dimensions with {num_speakers} speakers: they differ in at most {num_speakers - 1}; "
            f"keep fewer dimensions, or give more speakers"
        )
    if num == num_speakers:
        raise ValueError("every speaker has one utterance: how much a speaker varies cannot be told; give several")
    if num < statistics.dim:
        raise ValueError(f"{num} vectors of dimension {statistics.dim}: LDA needs at least as many as dimensions")
    mean = statistics.counts @ statistics.means / num
    centred = (statistics.means - mean) * np.sqrt(statistics.counts)[:, None]
    within, between = statistics.within_scatter / num, centred.T @ centred / num
    root, num_floored = covariance_root(within + total_covariance_factor * between, covariance_floor)
    variances, directions = sorted_eigenvectors(root @ between @ root.T)
    linear = directions[:, :dim].T @ root
    return Lda(np.column_stack([linear, -linear @ mean]), variances, num_floored)
