"""I-vectors: the total-variability model and extraction (Kaldi's ivector/ivector-extractor.cc, weights not regressed).

The mean of Gaussian i is M_i x, where x has a normal prior of unit variance whose mean is zero but for its first
dimension (the prior offset): there is no separate mean. Utterances are worked on in batches, by products of large
matrices in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra
from speechlib.gmm.full_gmm import FullGmm
from speechlib.gmm.gselect import Posteriors

INITIAL_OFFSET = 100.0  # IvectorExtractor's constructor: "must be nonzero"
_LOG_2PI = float(np.log(2 * np.pi))


class UtteranceStats(NamedTuple):
    """Sums of a batch of utterances, float64.

    Attributes:
        zeroth: (utterances, Gaussians) posteriors.
        first: (utterances, Gaussians, dim) frames times posteriors.
    """

    zeroth: np.ndarray
    first: np.ndarray


def utterance_stats(
    features: np.ndarray, lengths: np.ndarray, posteriors: Posteriors, num_gauss: int
) -> UtteranceStats:
    """Sum up posteriors and frames by utterance and Gaussian.

    Args:
        features: (frames, dim) of all utterances of the batch, one after the other.
        lengths: (utterances,) frames of each.
        posteriors: of all frames.
        num_gauss: Gaussians of the model.

    Raises:
        ValueError: numbers that do not fit each other, or an index out of range.
    """
    num_frames, dim = features.shape
    if int(np.sum(lengths)) != num_frames or len(posteriors.offsets) != num_frames + 1:
        raise ValueError(f"{num_frames} frames of features, but posteriors for {len(posteriors.offsets) - 1} frames")
    if len(posteriors.gaussians) and not 0 <= posteriors.gaussians.min() <= posteriors.gaussians.max() < num_gauss:
        raise ValueError(f"posterior of Gaussian {posteriors.gaussians.max()}, but the model has {num_gauss}: "
                         "they were made with another model")
    frames = posteriors.frames()
    cells = np.repeat(np.arange(len(lengths)), lengths)[frames] * num_gauss + posteriors.gaussians
    num_cells = len(lengths) * num_gauss
    zeroth = np.bincount(cells, posteriors.values, num_cells).reshape(-1, num_gauss)
    first = np.zeros((num_cells, dim))
    order = np.argsort(cells, kind="stable")
    if len(order):
        weighted = features[frames[order]] * posteriors.values[order, None].astype(np.float64)
        cells = cells[order]
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        first[cells[starts]] = np.add.reduceat(weighted, starts, axis=0)
    return UtteranceStats(zeroth, first.reshape(-1, num_gauss, dim))


@dataclass
class IvectorExtractor:
    """The model.

    Attributes:
        projections: M, (Gaussians, dim, ivector dim).
        inv_covars: (Gaussians, dim, dim) inverse covariances within the Gaussians.
        prior_offset: mean of the prior in its first dimension.
        weights: (Gaussians,) of the UBM; they enter the objective function only.
    """

    projections: np.ndarray
    inv_covars: np.ndarray
    prior_offset: float
    weights: np.ndarray

    def __post_init__(self) -> None:
        num_gauss, dim, _ = self.projections.shape
        if self.inv_covars.shape != (num_gauss, dim, dim) or self.weights.shape != (num_gauss,):
            raise ValueError(
                f"projections {self.projections.shape}, inverse covariances {self.inv_covars.shape} and weights "
                f"{self.weights.shape} do not fit each other"
            )

    @classmethod
    def initialise(cls, ubm: FullGmm, ivector_dim: int, generator: np.random.Generator) -> IvectorExtractor:
        """Start from a UBM: its means in the first column, normal random numbers in the others.

        Raises:
            ValueError: ivector_dim below 1.
        """
        if ivector_dim < 1:
            raise ValueError(f"ivector-dim={ivector_dim} must be positive")
        projections = generator.standard_normal((ubm.num_gauss, ubm.dim, ivector_dim))
        projections[:, :, 0] = ubm.means / INITIAL_OFFSET
        return cls(projections, ubm.inv_covars.copy(), INITIAL_OFFSET, ubm.weights.copy())

    @property
    def num_gauss(self) -> int:
        """Gaussians."""
        return self.projections.shape[0]

    @property
    def feat_dim(self) -> int:
        """Dimension of the features."""
        return self.projections.shape[1]

    @property
    def ivector_dim(self) -> int:
        """Dimension of the i-vectors."""
        return self.projections.shape[2]

    @cached_property
    def weighted_projections(self) -> np.ndarray:
        """Inverse covariances times M, (Gaussians, dim, ivector dim)."""
        return self.inv_covars @ self.projections

    @cached_property
    def lower(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the lower triangle of an (ivector dim, ivector dim) matrix, as Kaldi packs it."""
        return np.tril_indices(self.ivector_dim)

    @cached_property
    def diagonal(self) -> np.ndarray:
        """Where the diagonal is in a packed triangle, (ivector dim,)."""
        return np.flatnonzero(self.lower[0] == self.lower[1])

    @cached_property
    def quadratic(self) -> np.ndarray:
        """Packed M' Sigma^-1 M of each Gaussian, (Gaussians, ivector dim * (ivector dim + 1) / 2)."""
        size = self.ivector_dim
        packed = np.empty((self.num_gauss, size * (size + 1) // 2))
        for index in range(self.num_gauss):
            packed[index] = (self.projections[index].T @ self.weighted_projections[index])[self.lower]
        return packed

    @cached_property
    def log_constants(self) -> np.ndarray:
        """(Gaussians,) log of the weight and of the normal density's constant."""
        signs, log_dets = np.linalg.slogdet(self.inv_covars)
        if not np.all(signs > 0):
            raise ValueError("an i-vector extractor with an inverse covariance that is not positive definite")
        with np.errstate(divide="ignore"):
            return np.log(self.weights) + 0.5 * (log_dets - self.feat_dim * _LOG_2PI)

    @cached_property
    def _stacked_projections(self) -> np.ndarray:
        return self.weighted_projections.reshape(-1, self.ivector_dim)

    def natural_parameters(self, first: Any, zeroth: Any, algebra: HostAlgebra | TorchAlgebra) -> tuple[Any, Any]:
        """Natural parameters of the i-vectors' posteriors, prior included.

        Args:
            first: (utterances, Gaussians * dim) sums of UtteranceStats, where the algebra works.
            zeroth: (utterances, Gaussians), likewise.
            algebra: where to compute.

        Returns:
            Linear (utterances, ivector dim) and packed quadratic term, where the algebra works.
        """
        linear = first @ algebra.constant(self._stacked_projections)
        linear[:, 0] += self.prior_offset
        packed = zeroth @ algebra.constant(self.quadratic)
        packed[:, algebra.constant(self.diagonal)] += 1.0
        return linear, packed

    def extract(
        self, stats: UtteranceStats, algebra: HostAlgebra | TorchAlgebra | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Extract the i-vectors of utterances.

        Returns:
            Means of the posteriors, less the prior's mean, (utterances, ivector dim), and what these add to
            log-likelihood and prior beyond the prior's mean, (utterances,).
        """
        algebra = algebra or HostAlgebra()
        first = algebra.put(stats.first.reshape(len(stats.first), -1))
        linear, packed = self.natural_parameters(first, algebra.put(stats.zeroth), algebra)
        # At the maximum the objective is half of linear times mean; at the prior's mean only its first axis counts.
        at_prior = self.prior_offset * linear[:, 0] - 0.5 * self.prior_offset**2 * packed[:, 0]
        means = algebra.posteriors(linear, packed, *self.lower)[0]
        improvement = algebra.get(0.5 * (linear * means).sum(axis=1) - at_prior)
        ivectors = algebra.get(means)
        ivectors[:, 0] -= self.prior_offset
        return ivectors, improvement


def scale_to_max_count(stats: UtteranceStats, max_count: float, scale: float) -> UtteranceStats:
    """Weigh the data against the prior, as ivector-extract's --acoustic-weight and --max-count do.

    Args:
        stats: of some utterances.
        max_count: if positive, utterances of more frames (after scaling) count as so many.
        scale: of all sums.
    """
    factors = np.full(len(stats.zeroth), scale)
    if max_count > 0:
        counts = stats.zeroth.sum(axis=1) * scale
        factors *= np.minimum(1.0, max_count / np.maximum(counts, 1e-300))
    return UtteranceStats(stats.zeroth * factors[:, None], stats.first * factors[:, None, None])
