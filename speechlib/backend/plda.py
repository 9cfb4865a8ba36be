"""Probabilistic LDA in Kaldi's two-covariance form (Ioffe, 2006; ivector/plda.cc)."""

from dataclasses import dataclass, replace

import numpy as np

from speechlib.backend.class_statistics import ClassStatistics
from speechlib.backend.linear_algebra import invert_triangle, sorted_eigenvectors

_FEW_COUNTS = 3  # up to here an inversion for each count of vectors is cheaper than a diagonalisation


@dataclass(frozen=True)
class Plda:
    """A model of vectors x = mean + speaker + rest, both normal.

    Attributes:
        mean: (dim,) float64.
        transform: (dim, dim) float64; in its space the covariance within speakers is the identity, that between them
            diagonal.
        psi: (dim,) float64 variances between speakers in that space, the largest first.
    """

    mean: np.ndarray
    transform: np.ndarray
    psi: np.ndarray

    @property
    def dim(self) -> int:
        """Dimensions of the vectors."""
        return len(self.mean)

    def within(self) -> np.ndarray:
        """(dim, dim) covariance within speakers, in the space of the vectors."""
        inverse = np.linalg.inv(self.transform)
        return inverse @ inverse.T

    def between(self) -> np.ndarray:
        """(dim, dim) covariance between speakers, in the space of the vectors."""
        inverse = np.linalg.inv(self.transform)
        return inverse * self.psi @ inverse.T


def estimate_plda(statistics: ClassStatistics, num_iterations: int = 10) -> Plda:
    """Estimate by expectation-maximisation from unit covariances (PldaEstimator::Estimate).

    Args:
        statistics: of the vectors; every speaker weighs the same in the mean.
        num_iterations: of the algorithm.

    Raises:
        ValueError: fewer vectors than dimensions, or one vector a speaker.
    """
    check_enough(statistics)
    if num_iterations < 1:
        raise ValueError(f"{num_iterations} iterations: expected at least 1")
    mean = statistics.means.mean(axis=0)
    within = between = np.eye(statistics.dim)
    posteriors = _Posteriors(statistics, mean)
    for _ in range(num_iterations):
        within, between = posteriors.update(within, between)
    return diagonalise(mean, within, between)


def check_enough(statistics: ClassStatistics) -> None:
    """Raise a ValueError if there is too little to estimate from."""
    num, dim, num_speakers = statistics.num_vectors, statistics.dim, len(statistics.counts)
    if num_speakers < 2:
        raise ValueError("a single speaker: PLDA needs several to learn how they differ")
    if num == num_speakers:
        raise ValueError("every speaker has one utterance: how much a speaker varies cannot be told; give several")
    if num < dim:
        raise ValueError(
            f"{num} vectors of dimension {dim}: PLDA needs at least as many vectors as dimensions; give more, "
            f"or reduce the dimension by LDA"
        )


def diagonalise(mean: np.ndarray, within: np.ndarray, between: np.ndarray) -> Plda:
    """Make a model of covariances (PldaEstimator::GetOutput).

    Raises:
        ValueError: the covariance within speakers is singular.
    """
    try:
        whitener = invert_triangle(np.linalg.cholesky((within + within.T) / 2))
    except np.linalg.LinAlgError:
        raise ValueError("the covariance within speakers is singular: give more vectors, or fewer dimensions") from None
    psi, directions = sorted_eigenvectors(whitener @ between @ whitener.T)
    return Plda(mean, directions.T @ whitener, np.maximum(psi, 0.0))


def smooth_within(plda: Plda, factor: float) -> Plda:
    """Add a share of the covariance between speakers to that within (Plda::SmoothWithinClassCovariance).

    Args:
        plda: the model.
        factor: 0 to 1.

    Raises:
        ValueError: another factor.
    """
    if not 0.0 <= factor <= 1.0:
        raise ValueError(f"smoothing {factor}: expected 0 to 1")
    within = 1.0 + factor * plda.psi
    return replace(plda, psi=plda.psi / within, transform=plda.transform / np.sqrt(within)[:, None])


def log_likelihood(statistics: ClassStatistics, plda: Plda) -> float:
    """Log-likelihood of all vectors behind the statistics, which the algorithm never lowers for a fixed mean.

    The means of n vectors are normal with between + within / n, the vectors about them with within alone.
    """
    counts, dim = statistics.counts, statistics.dim
    log_volume = np.linalg.slogdet(plda.transform)[1]
    projected = (statistics.means - plda.mean) @ plda.transform.T
    variances = plda.psi + 1.0 / counts[:, None]
    of_means = np.log(2 * np.pi * variances) + projected**2 / variances
    spread = np.einsum("ij,jk,ik->", plda.transform, statistics.within_scatter, plda.transform)
    num_free = counts.sum() - len(counts)
    about_means = num_free * dim * np.log(2 * np.pi) + spread + dim * np.log(counts).sum()
    return float(counts.sum() * log_volume - 0.5 * (of_means.sum() + about_means))


class _Posteriors:
    """Expected second moments of speakers and rests (PldaEstimator::GetStatsFromClassMeans)."""

    def __init__(self, statistics: ClassStatistics, mean: np.ndarray):
        self._statistics = statistics
        self._centred = statistics.means - mean
        self._counts, self._num_speakers = np.unique(statistics.counts, return_counts=True)
        self._grams = []
        if len(self._counts) <= _FEW_COUNTS:
            groups = [self._centred[statistics.counts == count] for count in self._counts]
            self._grams = [rows.T @ rows for rows in groups]

    def update(self, within: np.ndarray, between: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Covariances of the next iteration, within and between speakers."""
        sum_within, sum_between = (self._by_count if self._grams else self._at_once)(within, between)
        within = (self._statistics.within_scatter + sum_within) / self._statistics.num_vectors
        between = sum_between / len(self._statistics.counts)
        return (within + within.T) / 2, (between + between.T) / 2

    def _by_count(self, within: np.ndarray, between: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The means of all speakers with the same number of vectors enter through their scatter alone.
        sum_within, sum_between = np.zeros_like(within), np.zeros_like(between)
        for count, num_speakers, gram in zip(self._counts, self._num_speakers, self._grams, strict=True):
            # Through the Cholesky factor: where dimensions outnumber speakers, the inverse itself times `between` loses
            # the little that the posterior keeps there, and the next iterations blow that up.
            root = invert_triangle(np.linalg.cholesky(between + within / count))
            half = root @ between
            gain = root.T @ half
            crossed = gram @ gain
            expected = num_speakers * (between - half.T @ half)  # what the means leave open
            expected += gain.T @ crossed
            sum_between += expected
            expected += gram
            expected -= crossed
            expected -= crossed.T
            expected *= count
            sum_within += expected
        return sum_within, sum_between

    def _at_once(self, within: np.ndarray, between: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        space = diagonalise(np.zeros(len(within)), within, between)
        counts = self._statistics.counts[:, None]
        rows = self._centred @ space.transform.T
        expected = rows * (counts * space.psi / (1.0 + counts * space.psi))
        rest = (rows - expected) * np.sqrt(counts)
        variances = space.psi / (1.0 + self._counts[:, None] * space.psi)
        sum_between = expected.T @ expected + np.diag(self._num_speakers @ variances)
        sum_within = rest.T @ rest + np.diag((self._num_speakers * self._counts) @ variances)
        back = within @ space.transform.T  # the inverse, since the transform makes `within` the identity
        return back @ sum_within @ back.T, back @ sum_between @ back.T
