"""Training of the i-vector extractor: EM with minimum divergence (Kaldi's IvectorExtractorStats)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra
from speechlib.gmm.ivector_extractor import IvectorExtractor, UtteranceStats

_MAX_CONDITION = 1e4  # K of Kaldi's SolverOptions
_BIG_SUMS = ("occupancy", "cross", "scatter", "ivector_sum")  # they stay where the algebra works
_PRIOR_FLOOR = 1e-7  # least variance of the i-vectors, UpdatePrior


@dataclass
class ExtractorStats:
    """Sums for one EM iteration (IvectorExtractorStats), float64; S is the i-vectors' dimension, P = S (S + 1) / 2.

    Attributes:
        auxiliary: objective function on the training data.
        occupancy: (Gaussians,) posteriors.
        cross: (Gaussians, dim, S) frames times i-vectors (Kaldi's Y).
        scatter: (Gaussians, P) packed scatter of the i-vectors, weighted by the Gaussians' occupancies (R).
        second: (Gaussians, dim, dim) scatter of the frames (S), or (0, dim, dim): the covariances are not updated.
        num_ivectors: utterances.
        ivector_sum: (S,).
        ivector_scatter: (S, S).
    """

    auxiliary: float
    occupancy: np.ndarray
    cross: np.ndarray
    scatter: np.ndarray
    second: np.ndarray
    num_ivectors: float
    ivector_sum: np.ndarray
    ivector_scatter: np.ndarray

    @classmethod
    def zeros(cls, extractor: IvectorExtractor, update_variances: bool = True) -> ExtractorStats:
        """Empty sums for an extractor."""
        num_gauss, dim, size = extractor.projections.shape
        return cls(
            0.0,
            np.zeros(num_gauss),
            np.zeros((num_gauss, dim, size)),
            np.zeros((num_gauss, size * (size + 1) // 2)),
            np.zeros((num_gauss if update_variances else 0, dim, dim)),
            0.0,
            np.zeros(size),
            np.zeros((size, size)),
        )

    def add(self, other: ExtractorStats) -> None:
        """Add other sums.

        Raises:
            ValueError: they belong to a model of another size.
        """
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if np.shape(mine) != np.shape(theirs):
                raise ValueError(f"{field.name} of {np.shape(theirs)} instead of {np.shape(mine)}: another model")
            setattr(self, field.name, mine + theirs)

    def accumulate(
        self, extractor: IvectorExtractor, stats: UtteranceStats, algebra: HostAlgebra | TorchAlgebra | None = None
    ) -> None:
        """Add a batch of utterances: the E step. `second` is the caller's, see `add_second`.

        With a TorchAlgebra the sums are tensors until `collect` is called.
        """
        algebra = algebra or HostAlgebra()
        zeroth, first = algebra.put(stats.zeroth), algebra.put(stats.first.reshape(len(stats.first), -1))
        linear, packed = extractor.natural_parameters(first, zeroth, algebra)
        means, scatter, log_dets, traces = algebra.posteriors(linear, packed, *extractor.lower)
        num, size = linear.shape
        distance = (means * means).sum(axis=1)
        acoustic = zeroth @ algebra.constant(extractor.log_constants) + 0.5 * ((linear * means).sum(axis=1) - size)
        # What the natural parameters hold of the prior is taken out again, then the prior's own part is added.
        acoustic += 0.5 * (distance + traces) - extractor.prior_offset * means[:, 0]
        offset = distance - 2 * extractor.prior_offset * means[:, 0] + extractor.prior_offset**2
        self.auxiliary += float((acoustic - 0.5 * (offset + traces - size + log_dets)).sum())

        rows, columns = map(algebra.constant, extractor.lower)
        scatter += means[:, rows] * means[:, columns]
        if not self.num_ivectors:
            for name in _BIG_SUMS:
                setattr(self, name, algebra.put(getattr(self, name)))
        self.occupancy += zeroth.sum(axis=0)
        self.cross += (first.T @ means).reshape(self.cross.shape)
        self.scatter += zeroth.T @ scatter
        self.ivector_sum += means.sum(axis=0)
        self.num_ivectors += num
        total = algebra.get(scatter.sum(axis=0))
        self.ivector_scatter[extractor.lower] += total
        self.ivector_scatter[extractor.lower[::-1]] = self.ivector_scatter[extractor.lower]

    def collect(self, algebra: HostAlgebra | TorchAlgebra) -> None:
        """Bring the sums of `accumulate` back to NumPy."""
        if self.num_ivectors:
            for name in _BIG_SUMS:
                setattr(self, name, algebra.get(getattr(self, name)))

    def add_second(self, extractor: IvectorExtractor, second: np.ndarray) -> None:
        """Add the scatter of the frames, (Gaussians, dim, dim), and its part of the objective function."""
        self.second += second
        self.auxiliary -= 0.5 * float((second * extractor.inv_covars).sum())


@dataclass(frozen=True)
class ExtractorUpdateOptions:
    """Names and defaults of Kaldi's IvectorExtractorEstimationOptions."""

    variance_floor_factor: float = 0.1
    gaussian_min_count: float = 100.0
    diagonalize: bool = True


def update_extractor(
    extractor: IvectorExtractor,
    stats: ExtractorStats,
    options: ExtractorUpdateOptions,
    log: Callable[[str], None] = lambda message: None,
) -> IvectorExtractor:
    """One M step (IvectorExtractorStats::Update): projections, covariances, then the prior by minimum divergence.

    Args:
        extractor: the model that the sums were made with.
        stats: the sums.
        options: floors.
        log: takes a line for each part.

    Raises:
        ValueError: sums of another model, without utterances, or with too little data for any Gaussian.
    """
    if stats.cross.shape != extractor.projections.shape:
        raise ValueError(f"statistics {stats.cross.shape} for an extractor of {extractor.projections.shape}")
    if not stats.num_ivectors > 0 or not stats.occupancy.sum() > 0:
        raise ValueError("statistics without an utterance")
    if not 0 < options.variance_floor_factor <= 1:
        raise ValueError(f"variance-floor-factor={options.variance_floor_factor}: expected more than 0, at most 1")
    frames = stats.occupancy.sum()
    enough = np.flatnonzero(stats.occupancy >= options.gaussian_min_count)
    if not len(enough):
        raise ValueError(
            f"no Gaussian has {options.gaussian_min_count:g} frames (--gaussian-min-count): too little training data"
        )
    if len(enough) < extractor.num_gauss:
        log(f"warning: {extractor.num_gauss - len(enough)} Gaussians have less than {options.gaussian_min_count:g} "
            "frames: not updated")
    log(f"objective function {stats.auxiliary / frames:.6g} a frame over {frames:.7g} frames")
    projections, gain = _update_projections(extractor, stats, enough)
    log(f"projections improve it by {gain / frames:.6g} a frame")
    inv_covars = extractor.inv_covars
    if len(stats.second):
        inv_covars, gain, floored = _update_covariances(extractor, stats, projections, enough, options)
        share = 100 * floored / (extractor.num_gauss * extractor.feat_dim)
        log(f"covariances improve it by {gain / frames:.6g} a frame, {share:.3g} % of the eigenvalues floored")
    updated = IvectorExtractor(projections, inv_covars, extractor.prior_offset, extractor.weights)
    return _update_prior(updated, stats, options.diagonalize, log)


def _symmetric(packed: np.ndarray, lower: tuple[np.ndarray, np.ndarray], size: int) -> np.ndarray:
    full = np.empty((size, size))
    full[lower] = packed
    full[lower[::-1]] = packed
    return full


def _update_projections(
    extractor: IvectorExtractor, stats: ExtractorStats, enough: np.ndarray
) -> tuple[np.ndarray, float]:
    """M := Y R^-1 with the condition of R limited (SolveQuadraticMatrixProblem, diagonal preconditioning)."""
    projections, improvement = extractor.projections.copy(), 0.0
    for index in enough:
        old, cross = extractor.projections[index], stats.cross[index]
        scatter = _symmetric(stats.scatter[index], extractor.lower, extractor.ivector_dim)
        scale = np.sqrt(np.maximum(np.diagonal(scatter), 1e-300))
        eigenvalues, vectors = np.linalg.eigh(scatter / np.outer(scale, scale))
        eigenvalues = np.maximum(eigenvalues, eigenvalues.max() / _MAX_CONDITION)
        # What is missing is solved for, so that a limited condition leaves the old value where data say little.
        change = ((((cross - old @ scatter) / scale) @ vectors) / eigenvalues) @ vectors.T / scale
        gain = float(
            (change * (extractor.inv_covars[index] @ (cross - old @ scatter - 0.5 * change @ scatter))).sum()
        )
        if gain >= 0:
            projections[index] += change
            improvement += gain
    return projections, improvement


def _update_covariances(
    extractor: IvectorExtractor,
    stats: ExtractorStats,
    projections: np.ndarray,
    enough: np.ndarray,
    options: ExtractorUpdateOptions,
) -> tuple[np.ndarray, float, int]:
    """Covariances around the projected means, floored by a share of their average (UpdateVariances)."""
    raw = {}
    for index in enough:
        projection = projections[index]
        mixed = stats.cross[index] @ projection.T
        scatter = _symmetric(stats.scatter[index], extractor.lower, extractor.ivector_dim)
        covariance = stats.second[index] - mixed - mixed.T + projection @ scatter @ projection.T
        raw[index] = (covariance + covariance.T) / 2
    floor = sum(raw.values()) * (options.variance_floor_factor / stats.occupancy[enough].sum())
    try:
        factor = np.linalg.cholesky(floor)
    except np.linalg.LinAlgError:
        raise ValueError("the average covariance of the features is not positive definite: too little training data, "
                         "or dimensions that do not vary") from None
    inverse_factor = np.linalg.inv(factor)
    inv_covars, improvement, num_floored = extractor.inv_covars.copy(), 0.0, 0
    for index, covariance in raw.items():
        covariance = covariance / stats.occupancy[index]
        eigenvalues, vectors = np.linalg.eigh(inverse_factor @ covariance @ inverse_factor.T)
        num_floored += int((eigenvalues < 1).sum())
        basis = inverse_factor.T @ vectors
        new = (basis / np.maximum(eigenvalues, 1.0)) @ basis.T
        old = extractor.inv_covars[index]
        gain = np.linalg.slogdet(new)[1] - np.linalg.slogdet(old)[1] - (covariance * (new - old)).sum()
        improvement += 0.5 * stats.occupancy[index] * float(gain)
        inv_covars[index] = (new + new.T) / 2
    return inv_covars, improvement, num_floored


def _update_prior(
    extractor: IvectorExtractor, stats: ExtractorStats, diagonalize: bool, log: Callable[[str], None]
) -> IvectorExtractor:
    """Change the space so that the i-vectors have unit covariance and a mean along the first axis (UpdatePrior)."""
    mean = stats.ivector_sum / stats.num_ivectors
    covariance = stats.ivector_scatter / stats.num_ivectors - np.outer(mean, mean)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    log(f"eigenvalues of the i-vectors' covariance from {eigenvalues.min():.6g} to {eigenvalues.max():.6g}")
    eigenvalues = np.maximum(eigenvalues, _PRIOR_FLOOR)
    whitening = vectors.T / np.sqrt(eigenvalues)[:, None]
    projected = whitening @ mean
    transform = _reflection(projected / np.linalg.norm(projected)) @ whitening
    if diagonalize and extractor.ivector_dim > 1:
        transform[1:] = _orthogonal_transform(extractor, transform[1:, 1:]) @ transform[1:]
    offset = float((transform @ mean)[0])
    log(f"prior offset {offset:.6g}")
    return IvectorExtractor(
        extractor.projections @ np.linalg.inv(transform), extractor.inv_covars, offset, extractor.weights
    )


def _reflection(direction: np.ndarray) -> np.ndarray:
    """The Householder reflection that turns a unit vector into the first axis."""
    axis = np.zeros(len(direction))
    axis[0] = 1.0
    normal = direction - axis
    length = np.linalg.norm(normal)
    if length < 1e-12:  # it is that axis already
        return np.eye(len(direction))
    normal /= length
    return np.eye(len(direction)) - 2 * np.outer(normal, normal)


def _orthogonal_transform(extractor: IvectorExtractor, transform: np.ndarray) -> np.ndarray:
    """The rotation that makes the average quadratic term diagonal, largest first (GetOrthogonalIvectorTransform)."""
    average = _symmetric(extractor.weights @ extractor.quadratic, extractor.lower, extractor.ivector_dim)[1:, 1:]
    inverse = np.linalg.inv(transform)
    projected = inverse.T @ average @ inverse
    eigenvalues, vectors = np.linalg.eigh((projected + projected.T) / 2)
    return vectors[:, np.argsort(-eigenvalues, kind="stable")].T
