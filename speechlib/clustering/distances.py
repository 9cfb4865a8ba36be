"""Distances between utterances, and between clusters of them, from statistics that add: utterance comparison, GLR, CLR,
BIC and eigenvoice points (Jeon et al., 2009, and what it compares with).

Lower is closer, everywhere. A distance is one class: what it makes of a cluster alone, which is worked out once a
cluster, and of one cluster beside many. Statistics of a cluster are the sum of those of its utterances, so that every
distance is exact for clusters, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import numpy as np

from speechlib.clustering.moments import centre_and_floor, check_not_singular, frame_moments

KINDS = {
    "comparison": "extract_comparison_stats", "moments": "extract_moment_stats"
}  # fmt: skip


class Distance(ABC):
    """A distance over statistics of one kind.

    Clusters are held as columns, (size, N), whose sums are the columns of merged clusters.

    Attributes:
        name: in the registry.
        kind: of the statistics, a key of `KINDS`.
    """

    name: str
    kind: str

    @abstractmethod
    def columns(self, statistics) -> np.ndarray:
        """Check statistics (N, a, b) and arrange them: (size, N) float64.

        Raises:
            ValueError: another shape, values that are not finite, or too few frames.
        """

    @abstractmethod
    def describe(self, columns: np.ndarray) -> np.ndarray:
        """What there is to know of each cluster alone, (k, N), from columns (size, N)."""

    @abstractmethod
    def compare(
        self, one: np.ndarray, described_one: np.ndarray, many: np.ndarray, described_many: np.ndarray
    ) -> np.ndarray:
        """(N,) distances from one cluster (size,), (k,) to many (size, N), (k, N)."""

    def to_many(self, one, many) -> np.ndarray:
        """Distances from one cluster's statistics (a, b) to those of others (N, a, b): (N,)."""
        columns = self.columns(np.concatenate([np.asarray(one)[None], np.asarray(many)]))
        described = self.describe(columns)
        return self.compare(columns[:, 0], described[:, 0], columns[:, 1:], described[:, 1:])

    def pairwise(self, statistics) -> np.ndarray:
        """Distances between all pairs of statistics (N, a, b): (N, N), symmetric with a diagonal of zeros."""
        columns = self.columns(statistics)
        described = self.describe(columns)
        num = columns.shape[1]
        distances = np.zeros((num, num))
        for row in range(num - 1):
            rest = slice(row + 1, num)
            others = columns[:, rest], described[:, rest]
            distances[row, rest] = distances[rest, row] = self.compare(columns[:, row], described[:, row], *others)
        return distances


class _Gain(Distance):
    """What two models explain better than one of both: evidence(A) + evidence(B) - evidence(A + B)."""

    @abstractmethod
    def evidence(self, columns: np.ndarray) -> np.ndarray:
        """(N,) log-likelihood, or log-evidence, of each cluster under its own model."""

    def describe(self, columns: np.ndarray) -> np.ndarray:
        return self.evidence(columns)[None]

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        return described_one[0] + described_many[0] - self.evidence(many + one[:, None])


class UtteranceComparison(_Gain):
    """-log R of Jeon et al. (2009): 0 where one speaker and two are equally likely a priori."""

    name, kind = "ucm", "comparison"

    def columns(self, statistics) -> np.ndarray:
        statistics = _check_comparison(statistics)
        self._rank = statistics.shape[1]
        return _as_columns(statistics)

    def evidence(self, columns: np.ndarray) -> np.ndarray:
        rank = self._rank
        statistics = np.ascontiguousarray(columns.T).reshape(-1, rank, rank + 1)
        factors = np.linalg.cholesky(statistics[:, :, :rank] + np.eye(rank))
        whitened = np.linalg.solve(factors, statistics[:, :, rank:])[:, :, 0]
        return 0.5 * (whitened**2).sum(axis=1) - np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)


class EigenvoicePoint(Distance):
    """Distance between the most probable eigenvoice coordinates y = (I + L)^-1 d of two clusters.

    Args:
        metric: cosine or euclidean. The cosine distance of a point at the origin to any other is 1.
    """

    kind = "comparison"

    def __init__(self, metric: str = "cosine"):
        self.name = "ev" if metric == "cosine" else f"ev-{metric}"
        self._cosine = metric == "cosine"

    def columns(self, statistics) -> np.ndarray:
        statistics = _check_comparison(statistics)
        self._rank = statistics.shape[1]
        return _as_columns(statistics)

    def describe(self, columns: np.ndarray) -> np.ndarray:
        rank = self._rank
        statistics = np.ascontiguousarray(columns.T).reshape(-1, rank, rank + 1)
        points = np.linalg.solve(statistics[:, :, :rank] + np.eye(rank), statistics[:, :, rank:])[:, :, 0].T
        if self._cosine:
            lengths = np.sqrt((points**2).sum(axis=0))
            points = points / np.where(lengths > 0, lengths, 1.0)
        return points

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        if self._cosine:
            return 1.0 - described_one @ described_many
        return np.sqrt(((described_many - described_one[:, None]) ** 2).sum(axis=0))


class _Gaussians:
    """Statistics of single Gaussians: moments, as columns of their lower triangles (or of sums and sums of squares).

    Args:
        diagonal: variances instead of covariances.
        floor: of variances, see `centre_and_floor`.
    """

    kind = "moments"

    def __init__(self, diagonal: bool = False, floor: float = 0.0):
        self._diagonal, self._floor = diagonal, floor

    def columns(self, statistics) -> np.ndarray:
        moments = centre_and_floor(statistics, self._floor)
        check_not_singular(moments, self._diagonal)
        self._dim = moments.shape[1] - 1
        if self._diagonal:
            variances = np.diagonal(moments, axis1=1, axis2=2)[:, 1:]
            return np.ascontiguousarray(np.concatenate([moments[:, 0], variances], axis=1).T)
        rows, cols = np.tril_indices(self._dim + 1)
        return np.ascontiguousarray(moments[:, rows, cols].T)

    def _moments(self, columns: np.ndarray) -> np.ndarray:
        """(N, dim + 1, dim + 1) from columns; of the full kind only the lower triangle."""
        moments = np.zeros((columns.shape[1], self._dim + 1, self._dim + 1))
        rows, cols = np.tril_indices(self._dim + 1)
        moments[:, rows, cols] = columns.T
        return moments

    def _variances(self, columns: np.ndarray) -> np.ndarray:
        """(dim, N) variances from columns of the diagonal kind."""
        dim = self._dim
        return columns[dim + 1 :] / columns[0] - (columns[1 : dim + 1] / columns[0]) ** 2

    def _log_dets(self, columns: np.ndarray) -> np.ndarray:
        """(N,) log-determinants of the covariances."""
        if self._diagonal:
            return np.log(self._variances(columns)).sum(axis=0)
        # The Cholesky factor of the moments has sqrt(count) first and that of the scatter matrix below.
        diagonals = np.diagonal(np.linalg.cholesky(self._moments(columns)), axis1=1, axis2=2)
        return 2 * np.log(diagonals[:, 1:]).sum(axis=1) - self._dim * np.log(columns[0])


class GeneralisedLikelihoodRatio(_Gaussians, _Gain):
    """Log-likelihood that two Gaussians gain over one of both, >= 0 (Gish et al., 1991)."""

    name = "glr"

    def evidence(self, columns: np.ndarray) -> np.ndarray:
        # The rest of a Gaussian's maximum log-likelihood is the same for two models as for one.
        return -0.5 * columns[0] * self._log_dets(columns)


class BayesianInformation(GeneralisedLikelihoodRatio):
    """Difference of the BIC of two Gaussians and of one (Chen and Gopalakrishnan, 1998): > 0 means two speakers.

    Args:
        penalty: weight of what the second Gaussian's parameters cost.
        diagonal, floor: as for all Gaussians.
    """

    def __init__(self, penalty: float = 1.0, diagonal: bool = False, floor: float = 0.0):
        super().__init__(diagonal, floor)
        self.name = "bic-diag" if diagonal else "bic"
        self._penalty = penalty

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        dim = self._dim
        parameters = 2 * dim if self._diagonal else dim + dim * (dim + 1) // 2
        gain = super().compare(one, described_one, many, described_many)
        return gain - 0.5 * self._penalty * parameters * np.log(many[0] + one[0])


class CrossLikelihoodRatio(_Gaussians, Distance):
    """Negative CLR (Reynolds et al., 1998): what both sets of frames lose under each other's Gaussian, >= 0.

    Args:
        per_frame: each of the two losses is divided by its number of frames.
        diagonal, floor: as for all Gaussians.
    """

    def __init__(self, per_frame: bool = False, diagonal: bool = False, floor: float = 0.0):
        super().__init__(diagonal, floor)
        self.name = "clr-per-frame" if per_frame else "clr"
        self._per_frame = per_frame

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """Log-determinants, then the weights of a column in the sum of squared Mahalanobis distances to a cluster."""
        counts, dim = columns[0], self._dim
        if self._diagonal:
            means = columns[1 : dim + 1] / counts
            precisions = 1 / self._variances(columns)
            weights = [(means**2 * precisions).sum(axis=0)[None], -2 * means * precisions, precisions]
            return np.concatenate([np.log(1 / precisions).sum(axis=0)[None], *weights])
        moments = self._moments(columns)
        means = moments[:, 1:, 0] / counts[:, None]
        covariances = moments[:, 1:, 1:] / counts[:, None, None] - np.tril(means[:, :, None] * means[:, None, :])
        upper = np.triu(covariances.swapaxes(1, 2), 1)
        precisions = np.linalg.inv(covariances + upper)
        weights = np.empty_like(moments)
        weights[:, 1:, 1:] = precisions * (2 - np.eye(dim))  # of the lower triangle alone
        weights[:, 1:, 0] = -2 * np.einsum("nij,nj->ni", precisions, means)
        weights[:, 0, 0] = np.einsum("ni,nij,nj->n", means, precisions, means)
        rows, cols = np.tril_indices(dim + 1)
        return np.concatenate([self._log_dets(columns)[None], weights[:, rows, cols].T])

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        loss_one = self._loss(one[0], described_one[0], described_many[0], one @ described_many[1:])
        loss_many = self._loss(many[0], described_many[0], described_one[0], described_one[1:] @ many)
        if self._per_frame:
            return loss_one / one[0] + loss_many / many[0]
        return loss_one + loss_many

    def _loss(self, counts, own_log_dets, other_log_dets, squares):
        """Log-likelihood that frames lose under another Gaussian than their own."""
        # Under their own the squared Mahalanobis distances sum to the dimension times the frames.
        return 0.5 * (counts * (other_log_dets - own_log_dets) + squares - counts * self._dim)


DISTANCES: dict[str, Callable[..., Distance]] = {
    "ucm": UtteranceComparison,
    "glr": GeneralisedLikelihoodRatio,
    "clr": CrossLikelihoodRatio,
    "clr-per-frame": partial(CrossLikelihoodRatio, per_frame=True),
    "bic": BayesianInformation,
    "bic-diag": partial(BayesianInformation, diagonal=True),
    "ev": EigenvoicePoint,
    "ev-euclidean": partial(EigenvoicePoint, metric="euclidean"),
}


def make_distance(name: str, bic_penalty: float = 1.0, floor: float = 0.0) -> Distance:
    """A distance by its name.

    Args:
        name: a key of `DISTANCES`.
        bic_penalty: weight of BIC's penalty.
        floor: of the variances of single Gaussians, as a share of that of all frames (`centre_and_floor`).

    Raises:
        ValueError: no such distance.
    """
    if name not in DISTANCES:
        raise ValueError(f"unknown distance {name!r}: expected one of {', '.join(DISTANCES)}")
    options: dict[str, float] = {}
    if name in ("bic", "bic-diag"):
        options["penalty"] = bic_penalty
    if name in ("glr", "clr", "clr-per-frame", "bic", "bic-diag"):
        options["floor"] = floor
    return DISTANCES[name](**options)


def glr(frames_a, frames_b, *, diagonal: bool = False, floor: float = 0.0) -> float:
    """Generalised likelihood ratio distance of two sets of frames under single Gaussians by maximum likelihood.

    Args:
        frames_a, frames_b: (frames, dim), more than `dim` of each unless there is a floor.
        diagonal: variances instead of full covariances.
        floor: share of the variance of all frames that is added to each variance (`centre_and_floor`).

    Returns:
        log p(A) + log p(B) - log p(A, B) >= 0, symmetric; the similarity of the paper is its negative.

    Raises:
        ValueError: frames of different or no dimension, not finite, or with a singular covariance: the likelihood has
            no maximum then.
    """
    return _between(GeneralisedLikelihoodRatio(diagonal, floor), frames_a, frames_b)


def clr(frames_a, frames_b, *, per_frame: bool = False, diagonal: bool = False, floor: float = 0.0) -> float:
    """Cross likelihood ratio of two sets of frames: a similarity, 0 for equal Gaussians and negative for all others.

    Args:
        frames_a, frames_b, diagonal, floor: as for `glr`.
        per_frame: each of the two terms is divided by its number of frames.

    Returns:
        log p(A | B) / p(A | A) + log p(B | A) / p(B | B), where p(. | B) is B's Gaussian by maximum likelihood.

    Raises:
        ValueError: as for `glr`.
    """
    return -_between(CrossLikelihoodRatio(per_frame, diagonal, floor), frames_a, frames_b)


def bic(frames_a, frames_b, penalty: float = 1.0, *, diagonal: bool = False, floor: float = 0.0) -> float:
    """Difference of the Bayesian information of two Gaussians and of one: > 0 says that the speakers are two.

    Args:
        frames_a, frames_b, diagonal, floor: as for `glr`.
        penalty: weight of the penalty of P/2 log(frames), P the parameters of a Gaussian.

    Returns:
        glr(A, B) - penalty * P / 2 * log(frames of A and B).

    Raises:
        ValueError: as for `glr`.
    """
    return _between(BayesianInformation(penalty, diagonal, floor), frames_a, frames_b)


def _between(distance: Distance, frames_a, frames_b) -> float:
    moments = [frame_moments(frames_a), frame_moments(frames_b)]
    if moments[0].shape != moments[1].shape:
        dims = " and ".join(str(len(matrix) - 1) for matrix in moments)
        raise ValueError(f"frames of dimensions {dims}: both must have the same")
    return float(distance.to_many(moments[0], moments[1][None])[0])


def _check_comparison(statistics) -> np.ndarray:
    statistics = np.asarray(statistics, np.float64)
    if statistics.ndim != 3 or statistics.shape[2] != statistics.shape[1] + 1:
        raise ValueError(
            f"statistics of shape {statistics.shape}: expected (utterances, v, v + 1), L beside d, as "
            "extract_comparison_stats writes them"
        )
    bad = np.flatnonzero(~np.isfinite(statistics).all(axis=(1, 2)))
    if bad.size:
        raise ValueError(f"the statistics in place {bad[0]} hold NaN or infinity")
    precisions = statistics[:, :, :-1]
    scale = np.abs(precisions).max(axis=(1, 2), initial=0.0)
    asymmetry = np.abs(precisions - precisions.swapaxes(1, 2)).max(axis=(1, 2), initial=0.0)
    bad = np.flatnonzero(asymmetry > 1e-6 * scale)
    if bad.size:
        raise ValueError(f"the statistics in place {bad[0]} are not symmetric in L: they are no [L | d]")
    return statistics


def _as_columns(statistics: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(statistics.reshape(len(statistics), -1).T)
