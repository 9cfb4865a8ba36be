"""Mixtures of Gaussians with diagonal covariances: likelihoods, EM, splitting (Kaldi's gmm/diag-gmm.cc,
mle-diag-gmm.cc, gmm-global-init-from-feats).

Products with the frames are in single precision, on frames that are centred first so that nothing is lost by it; sums
over blocks of frames and all parameters are in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra
from speechlib.gmm.gselect import softmax

_LOG_2PI = float(np.log(2 * np.pi))


class DiagGmm:
    """A mixture of Gaussians with diagonal covariances.

    Args:
        weights: (Gaussians,) summing to one.
        means_inv_vars: (Gaussians, dim) means times inverse variances.
        inv_vars: (Gaussians, dim) inverse variances.

    Raises:
        ValueError: shapes that do not fit, or values that are no mixture's.
    """

    def __init__(self, weights: np.ndarray, means_inv_vars: np.ndarray, inv_vars: np.ndarray):
        self.weights = np.asarray(weights, np.float64)
        self.means_inv_vars = np.asarray(means_inv_vars, np.float64)
        self.inv_vars = np.asarray(inv_vars, np.float64)
        expected = (len(self.weights), *self.means_inv_vars.shape[1:])
        if self.weights.ndim != 1 or len(expected) != 2 or self.means_inv_vars.shape != expected:
            raise ValueError(f"weights {self.weights.shape} and means {self.means_inv_vars.shape} do not fit")
        if self.inv_vars.shape != expected:
            raise ValueError(f"inverse variances {self.inv_vars.shape} and means {expected} do not fit each other")
        if not (np.all(self.weights >= 0) and np.all(self.inv_vars > 0) and np.isfinite(self.means_inv_vars).all()):
            raise ValueError("a mixture with negative weights, variances that are not positive, or NaN")

    @classmethod
    def from_moments(cls, weights: np.ndarray, means: np.ndarray, variances: np.ndarray) -> DiagGmm:
        """Make a mixture from weights (Gaussians,), means and variances, both (Gaussians, dim)."""
        return cls(weights, means / variances, 1 / np.asarray(variances, np.float64))

    @property
    def num_gauss(self) -> int:
        """Gaussians."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """Dimension of the features."""
        return self.inv_vars.shape[1]

    @cached_property
    def means(self) -> np.ndarray:
        """(Gaussians, dim)."""
        return self.means_inv_vars / self.inv_vars

    @cached_property
    def gconsts(self) -> np.ndarray:
        """(Gaussians,) log-likelihood of a zero vector, weight included; -inf for a weight of zero."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        quadratic = (np.log(self.inv_vars) - self.means_inv_vars * self.means).sum(axis=1)
        return log_weights - 0.5 * (self.dim * _LOG_2PI - quadratic)

    @cached_property
    def centre(self) -> np.ndarray:
        """(dim,) float32, the mixture's mean: what frames are shifted by before products in single precision."""
        return (self.weights @ self.means / self.weights.sum()).astype(np.float32)

    @cached_property
    def projection(self) -> np.ndarray:
        """(2 dim + 1, Gaussians) float32: by what `expand` returned, the log-likelihoods."""
        means = self.means - self.centre
        with np.errstate(divide="ignore"):
            constants = np.log(self.weights)
        constants = constants - 0.5 * (
            self.dim * _LOG_2PI - np.log(self.inv_vars).sum(axis=1) + (means * means * self.inv_vars).sum(axis=1)
        )
        rows = np.concatenate([means * self.inv_vars, -0.5 * self.inv_vars, constants[:, None]], axis=1)
        return np.ascontiguousarray(rows.T, np.float32)

    def expand(self, features: np.ndarray) -> np.ndarray:
        """Centred features, their squares, and ones, (frames, 2 dim + 1) float32.

        Raises:
            ValueError: another dimension than the mixture's, or values that are not finite.
        """
        check_features(features, self.dim)
        expanded = np.empty((len(features), 2 * self.dim + 1), np.float32)
        np.subtract(features, self.centre, out=expanded[:, : self.dim])
        np.square(expanded[:, : self.dim], out=expanded[:, self.dim : -1])
        expanded[:, -1] = 1.0
        return expanded

    def log_likelihoods(self, features: np.ndarray) -> np.ndarray:
        """Log-likelihoods of frames (frames, dim) by every Gaussian with its weight, (frames, Gaussians) float32."""
        return self.expanded_log_likelihoods(self.expand(features))

    def expanded_log_likelihoods(self, expanded: np.ndarray) -> np.ndarray:
        """As `log_likelihoods`, of frames that `expand` returned."""
        return expanded @ self.projection

    def split(self, target: int, perturb: float, generator: np.random.Generator) -> DiagGmm:
        """Split the Gaussian of the largest weight into two until there are `target` of them (DiagGmm::Split).

        Args:
            target: Gaussians to reach.
            perturb: the means move apart by this times a random vector of one standard deviation.
            generator: of the random vectors.

        Raises:
            ValueError: fewer Gaussians than there are.
        """
        if target < self.num_gauss:
            raise ValueError(f"cannot split {self.num_gauss} Gaussians into {target}")
        extra = target - self.num_gauss
        weights = np.concatenate([self.weights, np.zeros(extra)])
        means_inv_vars = np.concatenate([self.means_inv_vars, np.zeros((extra, self.dim))])
        inv_vars = np.concatenate([self.inv_vars, np.zeros((extra, self.dim))])
        for new in range(self.num_gauss, target):
            largest = int(weights[:new].argmax())
            weights[[largest, new]] = weights[largest] / 2
            # Means times inverse variances have the unit of an inverse standard deviation.
            shift = perturb * generator.standard_normal(self.dim) * np.sqrt(inv_vars[largest])
            inv_vars[new] = inv_vars[largest]
            means_inv_vars[new] = means_inv_vars[largest] + shift
            means_inv_vars[largest] -= shift
        return DiagGmm(weights, means_inv_vars, inv_vars)


@dataclass
class DiagStats:
    """Sums for EM (AccumDiagGmm), float64.

    Attributes:
        occupancy: (Gaussians,) posteriors.
        first: (Gaussians, dim) frames times posteriors.
        second: (Gaussians, dim) squared frames times posteriors.
        log_likelihood: of all frames.
        num_frames: frames.
    """

    occupancy: np.ndarray
    first: np.ndarray
    second: np.ndarray
    log_likelihood: float = 0.0
    num_frames: int = 0

    @classmethod
    def zeros(cls, gmm: DiagGmm) -> DiagStats:
        """Empty sums for a mixture."""
        shape = (gmm.num_gauss, gmm.dim)
        return cls(np.zeros(gmm.num_gauss), np.zeros(shape), np.zeros(shape))

    def accumulate(
        self,
        gmm: DiagGmm,
        features: np.ndarray,
        selection: tuple[np.ndarray, np.ndarray] | None = None,
        algebra: HostAlgebra | TorchAlgebra | None = None,
    ):
        """Add frames.

        Args:
            gmm: the mixture.
            features: (frames, dim).
            selection: offsets (frames + 1,) and Gaussians (entries,): only these take part; None for all.
            algebra: where the products are computed if all take part (default: NumPy).
        """
        algebra = algebra or HostAlgebra()
        for begin in range(0, len(features), algebra.block_frames):
            expanded = gmm.expand(features[begin : begin + algebra.block_frames])
            if selection is None:
                rows = algebra.put(expanded)
                sums, likelihood = algebra.weighted_sums(rows @ algebra.constant(gmm.projection), rows)
            else:
                likes = gmm.expanded_log_likelihoods(expanded)
                offsets = selection[0][begin : begin + len(likes) + 1]
                chosen = selection[1][offsets[0] : offsets[-1]]
                frames = np.repeat(np.arange(len(likes)), np.diff(offsets))
                values, frame_likes = softmax(offsets - offsets[0], likes[frames, chosen])
                posteriors = np.zeros_like(likes)
                posteriors[frames, chosen] = values
                sums, likelihood = posteriors.T @ expanded, frame_likes.sum()
            self._add(sums.astype(np.float64), gmm.centre.astype(np.float64))
            self.log_likelihood += float(likelihood)
            self.num_frames += len(expanded)

    def _add(self, sums: np.ndarray, centre: np.ndarray) -> None:
        """Add posteriors times `expand`'s rows; the frames are centred: undone here, in double precision."""
        dim, occupancy = len(centre), sums[:, -1]
        self.occupancy += occupancy
        self.first += sums[:, :dim] + occupancy[:, None] * centre
        self.second += sums[:, dim:-1] + 2 * centre * sums[:, :dim] + occupancy[:, None] * centre**2


@dataclass(frozen=True)
class DiagUpdateOptions:
    """Names and defaults of Kaldi's MleDiagGmmOptions, and a floor that knows the features' scale.

    Variances are at least `min_variance`, and at least `variance_floor_factor` times those of all frames together.
    """

    min_gaussian_weight: float = 1e-5
    min_gaussian_occupancy: float = 10.0
    min_variance: float = 0.001
    remove_low_count_gaussians: bool = True
    variance_floor_factor: float = 0.0


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes:
        improvement: of the auxiliary function, summed over the frames.
        num_floored: variances (eigenvalues) that were floored.
        low_count: indices, before the update, of the Gaussians with too little data: removed if the options say so.
    """

    improvement: float
    num_floored: int
    low_count: tuple[int, ...]


def update_diag_gmm(gmm: DiagGmm, stats: DiagStats, options: DiagUpdateOptions) -> tuple[DiagGmm, Update]:
    """One M step (MleDiagGmmUpdate for weights, means and variances).

    Gaussians below the least weight or occupancy are removed, or keep their mean and variance if the options say so;
    the last one is never removed.

    Raises:
        ValueError: sums of another shape than the mixture's, or without frames.
    """
    check_stats(stats.occupancy, stats.first.shape, (gmm.num_gauss, gmm.dim))
    total = stats.occupancy.sum()
    shares = stats.occupancy / total
    enough = (stats.occupancy > options.min_gaussian_occupancy) & (shares > options.min_gaussian_weight)
    weights, means, variances = gmm.weights.copy(), gmm.means.copy(), 1 / gmm.inv_vars
    occupancy = stats.occupancy[enough, None]
    weights[enough] = shares[enough]
    means[enough] = stats.first[enough] / occupancy
    raw = stats.second[enough] / occupancy - means[enough] ** 2
    floor = np.full(gmm.dim, options.min_variance)
    if options.variance_floor_factor > 0:
        # Of these very statistics: the same in all iterations, so that the likelihood still never falls.
        overall = stats.second.sum(axis=0) / total - (stats.first.sum(axis=0) / total) ** 2
        floor = np.maximum(floor, options.variance_floor_factor * overall)
    variances[enough] = np.maximum(raw, floor)
    low = np.flatnonzero(~enough)
    removed = low[: gmm.num_gauss - 1] if options.remove_low_count_gaussians else low[:0]
    for index in np.setdiff1d(low, removed):
        weights[index] = max(shares[index], options.min_gaussian_weight)
    new = DiagGmm.from_moments(weights, means, variances)
    update = Update(
        _objective(new, stats) - _objective(gmm, stats), int((raw < floor).sum()), tuple(low.tolist())
    )
    if len(removed):
        kept = np.setdiff1d(np.arange(gmm.num_gauss), removed)
        new = DiagGmm.from_moments(weights[kept] / weights[kept].sum(), means[kept], variances[kept])
    return new, update


def initialise_diag_gmm(features: np.ndarray, num_gauss: int, generator: np.random.Generator) -> DiagGmm:
    """A mixture with the frames' variance around different random frames (InitGmmFromRandomFrames).

    Raises:
        ValueError: fewer than ten frames for each Gaussian, or features that do not vary.
    """
    if len(features) < 10 * num_gauss:
        raise ValueError(
            f"{len(features)} frames are too few for {num_gauss} Gaussians: at least {10 * num_gauss} are needed"
        )
    check_features(features, features.shape[1])
    variance = features.var(axis=0, dtype=np.float64)
    if not np.all(variance > 0):
        raise ValueError(f"dimension {int(variance.argmin())} of the features is the same in all frames")
    means = features[generator.choice(len(features), num_gauss, replace=False)].astype(np.float64)
    return DiagGmm.from_moments(
        np.full(num_gauss, 1 / num_gauss), means, np.broadcast_to(variance, means.shape)
    )


def check_features(features: np.ndarray, dim: int) -> None:
    """Raise a ValueError unless features are (frames, dim) and finite."""
    if features.ndim != 2 or features.shape[1] != dim:
        found = features.shape[1] if features.ndim == 2 else features.shape
        raise ValueError(f"features of dimension {found}, but the model has {dim}: it was trained on other features")
    if not np.isfinite(np.add.reduce(features, axis=None, dtype=np.float64)):
        raise ValueError("features with NaN or infinite values")


def check_stats(occupancy: np.ndarray, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise a ValueError unless sums fit a mixture of (Gaussians, dim) and hold frames."""
    if shape != expected:
        raise ValueError(
            f"statistics of {shape[0]} Gaussians x {shape[1]} dimensions for a mixture of {expected[0]} x {expected[1]}"
        )
    if not occupancy.sum() > 0:
        raise ValueError("statistics without a frame")


def _objective(gmm: DiagGmm, stats: DiagStats) -> float:
    constants = np.where(stats.occupancy > 0, gmm.gconsts, 0.0)
    return float(
        stats.occupancy @ constants
        + (stats.first * gmm.means_inv_vars).sum()
        - 0.5 * (stats.second * gmm.inv_vars).sum()
    )
