"""Mixtures of Gaussians with full covariances: likelihoods and EM (Kaldi's gmm/full-gmm.cc, mle-full-gmm.cc).

Work is grouped by Gaussian: all frames of a batch that a Gaussian is selected for are multiplied by its matrix at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speechlib.gmm.diag_gmm import DiagGmm, Update, check_features, check_stats
from speechlib.gmm.gselect import Posteriors, by_gaussian, softmax, uniform_offsets

_LOG_2PI = float(np.log(2 * np.pi))


class FullGmm:
    """A mixture of Gaussians with full covariances.

    Args:
        weights: (Gaussians,) summing to one.
        means_inv_covars: (Gaussians, dim) inverse covariances times means.
        inv_covars: (Gaussians, dim, dim) inverse covariances, symmetric and positive definite.

    Raises:
        ValueError: shapes that do not fit, or values that are no mixture's.
    """

    def __init__(self, weights: np.ndarray, means_inv_covars: np.ndarray, inv_covars: np.ndarray):
        self.weights = np.asarray(weights, np.float64)
        self.means_inv_covars = np.asarray(means_inv_covars, np.float64)
        self.inv_covars = np.asarray(inv_covars, np.float64)
        num_gauss, dim = self.means_inv_covars.shape
        if self.weights.shape != (num_gauss,) or self.inv_covars.shape != (num_gauss, dim, dim):
            raise ValueError(
                f"weights {self.weights.shape}, means {num_gauss, dim} and inverse covariances {self.inv_covars.shape} "
                "do not fit each other"
            )
        if not np.all(self.weights >= 0):
            raise ValueError("a mixture with negative weights or NaN")
        try:
            self._factors = np.linalg.cholesky(self.inv_covars)
        except np.linalg.LinAlgError:
            raise ValueError("a mixture with an inverse covariance that is not positive definite") from None

    @classmethod
    def from_diag(cls, gmm: DiagGmm) -> FullGmm:
        """The same mixture with full matrices."""
        inv_covars = np.zeros((gmm.num_gauss, gmm.dim, gmm.dim))
        diagonal = np.arange(gmm.dim)
        inv_covars[:, diagonal, diagonal] = gmm.inv_vars
        return cls(gmm.weights, gmm.means_inv_vars, inv_covars)

    @classmethod
    def from_moments(cls, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> FullGmm:
        """Make a mixture from weights (Gaussians,), means (Gaussians, dim), covariances (Gaussians, dim, dim)."""
        inv_covars = np.linalg.inv(covariances)
        inv_covars = (inv_covars + inv_covars.swapaxes(1, 2)) / 2
        return cls(weights, np.einsum("gij,gj->gi", inv_covars, means), inv_covars)

    @property
    def num_gauss(self) -> int:
        """Gaussians."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """Dimension of the features."""
        return self.means_inv_covars.shape[1]

    @cached_property
    def covariances(self) -> np.ndarray:
        """(Gaussians, dim, dim)."""
        return np.linalg.inv(self.inv_covars)

    @cached_property
    def means(self) -> np.ndarray:
        """(Gaussians, dim)."""
        return np.linalg.solve(self.inv_covars, self.means_inv_covars[..., None])[..., 0]

    @cached_property
    def gconsts(self) -> np.ndarray:
        """(Gaussians,) log-likelihood of a zero vector, weight included."""
        return self._constants - 0.5 * (self.means_inv_covars * self.means).sum(axis=1)

    @cached_property
    def _constants(self) -> np.ndarray:
        half_log_det = np.log(np.diagonal(self._factors, axis1=1, axis2=2)).sum(axis=1)
        with np.errstate(divide="ignore"):
            return np.log(self.weights) - 0.5 * self.dim * _LOG_2PI + half_log_det

    @cached_property
    def _single(self) -> tuple[np.ndarray, np.ndarray]:
        return self.means.astype(np.float32), np.ascontiguousarray(self._factors, np.float32)

    def diagonal(self) -> DiagGmm:
        """The mixture with the covariances' diagonals alone (DiagGmm::CopyFromFullGmm)."""
        variances = np.diagonal(self.covariances, axis1=1, axis2=2)
        return DiagGmm.from_moments(self.weights, self.means, variances)

    def log_likelihoods(self, features: np.ndarray, offsets: np.ndarray, gaussians: np.ndarray) -> np.ndarray:
        """Log-likelihoods of frames by selected Gaussians, weights included.

        Args:
            features: (frames, dim).
            offsets: (frames + 1,) where each frame's Gaussians begin.
            gaussians: (entries,) the selected Gaussians.

        Returns:
            (entries,) float32.

        Raises:
            ValueError: another dimension than the mixture's, values that are not finite, or a Gaussian out of range.
        """
        check_features(features, self.dim)
        if len(offsets) != len(features) + 1:
            raise ValueError(f"Gaussians selected for {len(offsets) - 1} frames, but features of {len(features)}")
        features = np.asarray(features, np.float32)
        frames = np.repeat(np.arange(len(features)), np.diff(offsets))
        order, starts = by_gaussian(gaussians, self.num_gauss)
        frames = frames[order]
        means, factors = self._single
        grouped = np.empty(len(gaussians), np.float32)
        for index in range(self.num_gauss):
            part = slice(starts[index], starts[index + 1])
            if part.start == part.stop:
                continue
            # |L'(x - m)|^2 with LL' the inverse covariance: centred, so that single precision is enough.
            projected = (features[frames[part]] - means[index]) @ factors[index]
            grouped[part] = np.einsum("ij,ij->i", projected, projected)
        likes = np.empty_like(grouped)
        likes[order] = grouped
        likes *= -0.5
        likes += self._constants.astype(np.float32)[gaussians]
        return likes


def every_gaussian(num_frames: int, num_gauss: int) -> tuple[np.ndarray, np.ndarray]:
    """The selection of all Gaussians for all frames: offsets and Gaussians."""
    return uniform_offsets(num_frames, num_gauss), np.tile(np.arange(num_gauss, dtype=np.int32), num_frames)


def scatter_by_gaussian(features: np.ndarray, posteriors: Posteriors, total: np.ndarray) -> None:
    """Add the outer products of frames, weighted by posteriors, to `total` (Gaussians, dim, dim) float64.

    Args:
        features: (frames, dim) float64.
        posteriors: of these frames.
        total: what is added to.
    """
    frames = posteriors.frames()
    order, starts = by_gaussian(posteriors.gaussians, len(total))
    for index in range(len(total)):
        part = order[starts[index] : starts[index + 1]]
        if len(part):
            rows = features[frames[part]]
            total[index] += (rows * posteriors.values[part, None]).T @ rows


@dataclass
class FullStats:
    """Sums for EM (AccumFullGmm), float64.

    Attributes:
        occupancy: (Gaussians,) posteriors.
        first: (Gaussians, dim) frames times posteriors.
        second: (Gaussians, dim, dim) outer products of frames times posteriors.
        log_likelihood: of all frames.
        num_frames: frames.
    """

    occupancy: np.ndarray
    first: np.ndarray
    second: np.ndarray
    log_likelihood: float = 0.0
    num_frames: int = 0

    @classmethod
    def zeros(cls, gmm: FullGmm) -> FullStats:
        """Empty sums for a mixture."""
        shape = (gmm.num_gauss, gmm.dim)
        return cls(np.zeros(gmm.num_gauss), np.zeros(shape), np.zeros((*shape, gmm.dim)))

    def accumulate(self, gmm: FullGmm, features: np.ndarray, selection: tuple[np.ndarray, np.ndarray] | None = None):
        """Add frames.

        Args:
            gmm: the mixture.
            features: (frames, dim).
            selection: offsets (frames + 1,) and Gaussians (entries,): only these take part; None for all.
        """
        offsets, gaussians = selection or every_gaussian(len(features), gmm.num_gauss)
        values, frame_likes = softmax(offsets, gmm.log_likelihoods(features, offsets, gaussians))
        doubles = np.asarray(features, np.float64)
        order, starts = by_gaussian(gaussians, gmm.num_gauss)
        frames = np.repeat(np.arange(len(features)), np.diff(offsets))
        for index in range(gmm.num_gauss):
            part = order[starts[index] : starts[index + 1]]
            if len(part):
                rows, weights = doubles[frames[part]], values[part].astype(np.float64)
                weighted = rows * weights[:, None]
                self.occupancy[index] += weights.sum()
                self.first[index] += weighted.sum(axis=0)
                self.second[index] += weighted.T @ rows
        self.log_likelihood += float(frame_likes.sum())
        self.num_frames += len(features)


@dataclass(frozen=True)
class FullUpdateOptions:
    """Names and defaults of Kaldi's MleFullGmmOptions."""

    min_gaussian_weight: float = 1e-5
    min_gaussian_occupancy: float = 100.0
    variance_floor: float = 0.001
    max_condition: float = 1e4
    remove_low_count_gaussians: bool = True


def update_full_gmm(gmm: FullGmm, stats: FullStats, options: FullUpdateOptions) -> tuple[FullGmm, Update]:
    """One M step (MleFullGmmUpdate for weights, means and covariances).

    The eigenvalues of the covariances are floored by `variance_floor` and the largest one over `max_condition`.
    Gaussians below the least weight or occupancy are removed, or keep their mean and covariance if the options say so;
    the last one is never removed.

    Raises:
        ValueError: sums of another shape than the mixture's, or without frames.
    """
    check_stats(stats.occupancy, stats.first.shape, (gmm.num_gauss, gmm.dim))
    shares = stats.occupancy / stats.occupancy.sum()
    enough = (stats.occupancy > options.min_gaussian_occupancy) & (shares > options.min_gaussian_weight)
    weights, means, covariances = gmm.weights.copy(), gmm.means.copy(), gmm.covariances.copy()
    weights[enough] = shares[enough]
    means[enough] = stats.first[enough] / stats.occupancy[enough, None]
    num_floored = 0
    for index in np.flatnonzero(enough):
        raw = stats.second[index] / stats.occupancy[index] - np.outer(means[index], means[index])
        eigenvalues, vectors = np.linalg.eigh((raw + raw.T) / 2)
        floor = max(options.variance_floor, np.abs(eigenvalues).max() / options.max_condition)
        num_floored += int((eigenvalues < floor).sum())
        covariances[index] = (vectors * np.maximum(eigenvalues, floor)) @ vectors.T
    low = np.flatnonzero(~enough)
    removed = low[: gmm.num_gauss - 1] if options.remove_low_count_gaussians else low[:0]
    for index in np.setdiff1d(low, removed):
        weights[index] = max(shares[index], options.min_gaussian_weight)
    new = FullGmm.from_moments(weights, means, covariances)
    update = Update(_objective(new, stats) - _objective(gmm, stats), num_floored, tuple(low.tolist()))
    if len(removed):
        kept = np.setdiff1d(np.arange(gmm.num_gauss), removed)
        new = FullGmm(weights[kept] / weights[kept].sum(), new.means_inv_covars[kept], new.inv_covars[kept])
    return new, update


def _objective(gmm: FullGmm, stats: FullStats) -> float:
    constants = np.where(stats.occupancy > 0, gmm.gconsts, 0.0)
    return float(
        stats.occupancy @ constants
        + (stats.first * gmm.means_inv_covars).sum()
        - 0.5 * (stats.second * gmm.inv_covars).sum()
    )
