"""Distances between single Gaussians by maximum likelihood, from the moments of their frames: GLR, CLR, BIC."""

from __future__ import annotations

import numpy as np

from speechlib.clustering.clusters import ColumnClusters
from speechlib.clustering.moments import centre_and_floor, check_not_singular

_BLOCK = 256  # matrices at a time: 27 x 28 / 2 doubles of each are 0.8 MB, which stay in the cache


class GaussianClusters(ColumnClusters):
    """Clusters with a Gaussian each; columns are the lower triangle of the moments, or counts, sums, sums of squares.

    Args:
        statistics: (N, dim + 1, dim + 1) moments.
        diagonal: variances instead of full covariances.
        floor: of variances, see `centre_and_floor`.
    """

    def __init__(self, statistics, diagonal: bool = False, floor: float = 0.0):
        moments = centre_and_floor(statistics, floor)
        check_not_singular(moments, diagonal)
        self.dim, self.diagonal = moments.shape[1] - 1, diagonal
        # Column by column, a cluster's count first.
        self._cols, self._rows = np.triu_indices(self.dim + 1)
        if diagonal:
            variances = np.diagonal(moments, axis1=1, axis2=2)[:, 1:]
            super().__init__(np.concatenate([moments[:, 0], variances], axis=1).T)
        else:
            super().__init__(moments[:, self._rows, self._cols].T)

    def variances(self, columns: np.ndarray) -> np.ndarray:
        """(dim, N) variances from columns of the diagonal kind."""
        dim = self.dim
        return columns[dim + 1 :] / columns[0] - (columns[1 : dim + 1] / columns[0]) ** 2

    def precisions(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (N, dim) and inverse covariances (N, dim, dim) from columns of the full kind."""
        moments = np.empty((columns.shape[1], self.dim + 1, self.dim + 1))
        moments[:, self._rows, self._cols] = moments[:, self._cols, self._rows] = columns.T
        means = moments[:, 0, 1:] / columns[0][:, None]
        covariances = moments[:, 1:, 1:] / columns[0][:, None, None] - means[:, :, None] * means[:, None, :]
        return means, np.linalg.inv(covariances)

    def log_dets(self, columns: np.ndarray) -> np.ndarray:
        """(N,) log-determinants of the covariances."""
        if self.diagonal:
            return np.log(self.variances(columns)).sum(axis=0)
        # The first pivot of the moments is the count, all others are those of the scatter matrix.
        sums = np.empty(columns.shape[1])
        for begin in range(0, len(sums), _BLOCK):
            pivots = _pivots(columns[:, begin : begin + _BLOCK], self.dim + 1)
            sums[begin : begin + _BLOCK] = np.log(pivots[1:]).sum(axis=0)
        return sums - self.dim * np.log(columns[0])


class GeneralisedLikelihoodRatio(GaussianClusters):
    """Log-likelihood that two Gaussians gain over one of both, >= 0 (Gish et al., 1991)."""

    def evidence(self, columns: np.ndarray) -> np.ndarray:
        """(N,) maximum log-likelihood of each cluster, without what is the same for two Gaussians as for one."""
        return -0.5 * columns[0] * self.log_dets(columns)

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """(1, N) `evidence`."""
        return self.evidence(columns)[None]

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) gains."""
        return described_one[0] + described_many[0] - self.evidence(many + one[:, None])


class BayesianInformation(GeneralisedLikelihoodRatio):
    """Difference of the BIC of two Gaussians and of one (Chen and Gopalakrishnan, 1998): > 0 means two speakers.

    Args:
        statistics, diagonal, floor: as for all Gaussians.
        penalty: weight of what the second Gaussian's parameters cost.
    """

    def __init__(self, statistics, penalty: float = 1.0, diagonal: bool = False, floor: float = 0.0):
        self._penalty = penalty
        super().__init__(statistics, diagonal, floor)

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) differences."""
        dim = self.dim
        parameters = 2 * dim if self.diagonal else dim + dim * (dim + 1) // 2
        gain = super().compare(one, described_one, many, described_many)
        return gain - 0.5 * self._penalty * parameters * np.log(many[0] + one[0])


class CrossLikelihoodRatio(GaussianClusters):
    """Negative CLR (Reynolds et al., 1998): what both sets of frames lose under each other's Gaussian, >= 0.

    Args:
        statistics, diagonal, floor: as for all Gaussians.
        per_frame: each of the two losses is divided by its number of frames.
    """

    def __init__(self, statistics, per_frame: bool = False, diagonal: bool = False, floor: float = 0.0):
        self._per_frame = per_frame
        super().__init__(statistics, diagonal, floor)

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """Log-determinants, then the weights of a column in the sum of squared Mahalanobis distances to a cluster."""
        log_dets = self.log_dets(columns)[None]
        if self.diagonal:
            precisions = 1 / self.variances(columns)
            means = columns[1 : self.dim + 1] / columns[0]
            return np.concatenate(
                [log_dets, (means**2 * precisions).sum(axis=0)[None], -2 * means * precisions, precisions]
            )
        means, precisions = self.precisions(columns)
        products = np.einsum("nij,nj->ni", precisions, means)
        weights = np.empty((len(means), self.dim + 1, self.dim + 1))
        weights[:, 0, 0] = (products * means).sum(axis=1)
        weights[:, 1:, 0] = -2 * products
        weights[:, 1:, 1:] = precisions * (2 - np.eye(self.dim))  # of the lower triangle alone
        return np.concatenate([log_dets, weights[:, self._rows, self._cols].T])

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) losses."""
        loss_one = self._loss(one[0], described_one[0], described_many[0], one @ described_many[1:])
        loss_many = self._loss(many[0], described_many[0], described_one[0], described_one[1:] @ many)
        if self._per_frame:
            return loss_one / one[0] + loss_many / many[0]
        return loss_one + loss_many

    def _loss(self, counts, own_log_dets, other_log_dets, squares):
        """Log-likelihood that frames lose under another Gaussian than their own."""
        # Under their own the squared Mahalanobis distances sum to the dimension times the frames.
        return 0.5 * (counts * (other_log_dets - own_log_dets) + squares - counts * self.dim)


def _pivots(columns: np.ndarray, size: int) -> np.ndarray:
    """(size, N) pivots of the Cholesky decompositions of symmetric matrices.

    Args:
        columns: (size * (size + 1) / 2, N) their lower triangles, column by column.
        size: of a matrix.
    """
    # L D L' with the batch as last axis: one NumPy call works on many matrices, which LAPACK through NumPy does not.
    num = columns.shape[1]
    work, pivots, inverses = np.empty((size, size, num)), np.empty((size, num)), np.empty((size, num))
    start = 0
    for column in range(size):
        below = work[column, column:]
        below[:] = columns[start : start + size - column]
        start += size - column
        if column:
            below -= np.einsum("jib,jb->ib", work[:column, column:], work[:column, column] * inverses[:column])
        pivots[column] = below[0]
        np.reciprocal(below[0], out=inverses[column])
    return pivots
