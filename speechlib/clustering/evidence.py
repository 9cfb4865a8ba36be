"""Evidence of many speaker posteriors at once, log R's h(L, d): Cholesky of small matrices with the batch as last axis.

Called for each matrix, LAPACK takes 10 us for one of 20 x 20 through NumPy, and most of that is no arithmetic. Here the
same element of many matrices lies side by side, so that one NumPy call works on hundreds of them, in blocks that fit
into the second-level cache: about 1 us each.
"""

from __future__ import annotations

import numpy as np

_BLOCK = 512  # matrices at a time: 20 x 21 doubles of each are 1.7 MB, of which half is used


class Evidence:
    """h(L, d) = log of the integral of exp(d'y - y'Ly / 2) over y ~ N(0, I), of sums of two statistics where asked.

    Statistics are columns (rank, rank + 1, items): [L | d] of each item along the last axis. An object keeps memory
    that it uses over and over; threads need one each.

    Args:
        rank: of the eigenvoices.
    """

    def __init__(self, rank: int):
        self._rank = rank
        self._factors = np.empty(rank * (rank + 1) * _BLOCK)
        self._update = np.empty((rank + 1) * _BLOCK)
        self._multipliers = np.empty(rank * _BLOCK)
        self._inverses = np.empty(rank * _BLOCK)

    def of(self, columns: np.ndarray, added: np.ndarray | None = None) -> np.ndarray:
        """Evidence of each item.

        Args:
            columns: (rank, rank + 1, items).
            added: (rank, rank + 1) statistics that are added to those of each item.

        Returns:
            (items,); NaN or infinite where I + L is not positive definite.
        """
        added = np.zeros(columns.shape[:2]) if added is None else added
        evidences = np.empty(columns.shape[2])
        for begin in range(0, len(evidences), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            evidences[block] = self._block(columns[:, :, None, block], added[:, :, None, None])[0]
        return evidences

    def pairwise(self, columns: np.ndarray) -> np.ndarray:
        """Log R of all pairs.

        Args:
            columns: (rank, rank + 1, items).

        Returns:
            (items, items) h(sum) - h - h, symmetric; the diagonal compares each item with itself.
        """
        num = columns.shape[2]
        own = self.of(columns)
        matrix = np.empty((num, num))
        # Each item with the next half of them, around the end: rows of the same length, in blocks of the same size.
        width = num // 2 + 1
        around = np.concatenate([columns, columns[:, :, : width - 1]], axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(around, width, axis=2)  # [.., .., first, offset]
        across = -(-width // -(-width // _BLOCK))
        down = max(1, _BLOCK // across)
        for begin in range(0, width, across):  # the inner loop moves on by a few items: they stay in the cache
            for row in range(0, num, down):
                block = windows[:, :, row : row + down, begin : begin + across]
                evidences = self._block(block, columns[:, :, row : row + down, None])
                firsts = np.arange(row, row + len(evidences))[:, None]
                seconds = (firsts + np.arange(begin, begin + evidences.shape[1])) % num
                ratios = evidences - (own[firsts] + own[seconds])
                # Some pairs come twice, once either way, and may differ in the last bit.
                low, high = np.minimum(firsts, seconds), np.maximum(firsts, seconds)
                matrix[low, high] = ratios
                matrix[high, low] = ratios
        return matrix

    def _block(self, columns: np.ndarray, added: np.ndarray) -> np.ndarray:
        """Evidences of I + columns + added, the former (rank, rank + 1, rows, items), at most _BLOCK in all."""
        shape, rank = columns.shape[2:], self._rank
        num = shape[0] * shape[1]
        factors = self._factors[: rank * (rank + 1) * num].reshape(rank, rank + 1, num)
        update = self._update[: (rank + 1) * num].reshape(rank + 1, num)
        multipliers = self._multipliers[: rank * num].reshape(rank, num)
        inverses = self._inverses[: rank * num].reshape(rank, num)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # L D L' column by column, with d as one more row. The factor's columns stay multiplied by their pivots,
            # which saves dividing them.
            for column in range(rank):
                below = factors[column, column:]
                np.add(columns[column, column:], added[column, column:], out=below.reshape(-1, *shape))
                below[0] += 1.0
                if column:
                    np.multiply(factors[:column, column], inverses[:column], out=multipliers[:column])
                    np.einsum("jib,jb->ib", factors[:column, column:], multipliers[:column], out=update[column:])
                    np.subtract(below, update[column:], out=below)
                np.reciprocal(below[0], out=inverses[column])
            last = factors[:, rank]
            quadratic = np.einsum("jb,jb,jb->b", last, last, inverses)
            # The logarithm of a negative pivot is NaN, that of zero infinite.
            return (0.5 * (quadratic + np.log(inverses).sum(axis=0))).reshape(shape)
