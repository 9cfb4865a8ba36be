"""Distances between single Gaussians by maximum likelihood, from the moments of their frames: GLR, CLR, BIC."""

from __future__ import annotations

import numpy as np

from speechlib.clustering.clusters import ColumnClusters
from speechlib.clustering.evidence import Evidence
from speechlib.clustering.moments import check_not_singular, covariances_of, standardise


class GaussianClusters(ColumnClusters):
    """Clusters with a Gaussian each.

    Columns are the moments, with zeros as a last row: what `Evidence` takes the determinants of; or, diagonal, counts,
    sums, and sums of squares.

    Args:
        statistics: (N, dim + 1, dim + 1) moments.
        diagonal: variances instead of full covariances.
        floor: of variances, see `standardise`.
    """

    def __init__(self, statistics, diagonal: bool = False, floor: float = 0.0):
        moments = standardise(statistics, floor)
        check_not_singular(moments, diagonal, floor > 0)
        self.dim, self.diagonal = moments.shape[1] - 1, diagonal
        self._evidence = None if diagonal else Evidence(self.dim + 1)
        super().__init__(self.arrange(moments))

    def arrange(self, moments: np.ndarray) -> np.ndarray:
        """Columns (size.., N) of moments (N, dim + 1, dim + 1)."""
        if self.diagonal:
            variances = np.diagonal(moments, axis1=1, axis2=2)[:, 1:]
            return np.concatenate([moments[:, 0], variances], axis=1).T
        return np.pad(moments.transpose(1, 2, 0), ((0, 0), (0, 1), (0, 0)))

    def counts(self, columns: np.ndarray) -> np.ndarray:
        """Frames: (N,) of columns (size.., N), a number of the column (size..) of one cluster."""
        return columns[0] if self.diagonal else columns[0, 0]

    def variances(self, columns: np.ndarray) -> np.ndarray:
        """(dim, N) variances from columns of the diagonal kind."""
        dim = self.dim
        return columns[dim + 1 :] / columns[0] - (columns[1 : dim + 1] / columns[0]) ** 2

    def log_dets(self, columns: np.ndarray, added: np.ndarray | float = 0.0) -> np.ndarray:
        """(N,) log-determinants of the covariances of clusters, to each of which the column of another is added."""
        if self.diagonal:
            return np.log(self.variances(columns + np.reshape(added, (-1, 1)))).sum(axis=0)
        counts = columns[0, 0] + np.broadcast_to(added, columns.shape[:2])[0, 0]
        # The evidence of d = 0 is -log |I + L| / 2: with I taken away before, this is the determinant of the moments:
        # the count times that of the scatter matrix.
        halves = self._evidence.of(columns, added - np.eye(*columns.shape[:2]))
        return -2 * halves - (self.dim + 1) * np.log(counts)


class GeneralisedLikelihoodRatio(GaussianClusters):
    """Log-likelihood that two Gaussians gain over one of both, >= 0 (Gish et al., 1991)."""

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """(1, N) maximum log-likelihoods, without what is the same for two Gaussians as for one."""
        return (-0.5 * self.counts(columns) * self.log_dets(columns))[None]

    def compare(self, one, described_one, many, described_many) -> np.ndarray:
        """(N,) gains."""
        counts = self.counts(many) + self.counts(one)
        return described_one[0] + described_many[0] + 0.5 * counts * self.log_dets(many, one)


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
        return gain - 0.5 * self._penalty * parameters * np.log(self.counts(many) + self.counts(one))


class CrossLikelihoodRatio(GaussianClusters):
    """Negative CLR (Reynolds et al., 1998): what both sets of frames lose under each other's Gaussian, >= 0.

    Args:
        statistics, diagonal, floor: as for all Gaussians.
        per_frame: each of the two losses is divided by its number of frames.
    """

    def __init__(self, statistics, per_frame: bool = False, diagonal: bool = False, floor: float = 0.0):
        self._per_frame = per_frame
        super().__init__(statistics, diagonal, floor)

    def arrange(self, moments: np.ndarray) -> np.ndarray:
        """(size, N) columns: of the full kind the lower triangles."""
        if self.diagonal:
            return super().arrange(moments)
        self._rows, self._cols = np.tril_indices(self.dim + 1)
        return moments[:, self._rows, self._cols].T

    def counts(self, columns: np.ndarray) -> np.ndarray:
        """Frames."""
        return columns[0]

    def describe(self, columns: np.ndarray) -> np.ndarray:
        """Log-determinants, then the weights of a column in the sum of squared Mahalanobis distances to a cluster."""
        if self.diagonal:
            precisions, means = 1 / self.variances(columns), columns[1 : self.dim + 1] / columns[0]
            weights = [(means**2 * precisions).sum(axis=0)[None], -2 * means * precisions, precisions]
            return np.concatenate([self.log_dets(columns)[None], *weights])
        moments = np.empty((columns.shape[1], self.dim + 1, self.dim + 1))
        moments[:, self._rows, self._cols] = moments[:, self._cols, self._rows] = columns.T
        _, means, covariances = covariances_of(moments)
        precisions = np.linalg.inv(covariances)
        products = np.einsum("nij,nj->ni", precisions, means)
        weights = np.empty_like(moments)
        weights[:, 0, 0] = (products * means).sum(axis=1)
        weights[:, 1:, 0] = -2 * products
        weights[:, 1:, 1:] = precisions * (2 - np.eye(self.dim))  # of the lower triangle alone
        return np.concatenate([np.linalg.slogdet(covariances)[1][None], weights[:, self._rows, self._cols].T])

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
