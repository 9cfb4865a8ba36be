"""Evidence of many speaker posteriors at once, log R's h(L, d): Cholesky of small matrices with the batch as last axis.

Called for each matrix, LAPACK takes 10 us for one of 20 x 20 through NumPy, and most of that is no arithmetic. Here the
same element of many matrices lies side by side, so that one NumPy call works on hundreds of them, in blocks that fit
into the second-level cache: about 1 us each.
"""

from __future__ import annotations

import numpy as np

_BLOCK = 640  # matrices at a time: 20 x 21 doubles of each are 2.1 MB, of which half is used
_WINDOW = 84  # of the second items of pairs at a time: the first items in a block, one after the other, share them
_STRIPE = 256  # rows that are mirrored at a time


class Evidence:
    """h(L, d) = log of the integral of exp(d'y - y'Ly / 2) over y ~ N(0, I), of sums of two statistics where asked.

    Statistics are columns (rank, rank + 1, items): [L | d] of each item along the last axis. An object keeps memory
    that it uses over and over; threads need one each.

    Args:
        rank: of the eigenvoices.
    """

    def __init__(self, rank: int):
        self._identity = np.eye(rank, rank + 1)
        self._memory = np.empty((rank * (rank + 1) + 3 * (rank + 1)) * _BLOCK)
        self._use(1)

    def of(self, columns: np.ndarray, added: np.ndarray | None = None) -> np.ndarray:
        """Evidence of each item.

        Args:
            columns: (rank, rank + 1, items).
            added: (rank, rank + 1) statistics that are added to those of each item.

        Returns:
            (items,); NaN or infinite where I + L is not positive definite.
        """
        added = self._identity if added is None else self._identity + added
        num = columns.shape[2]
        evidences = np.empty(num)
        size = _equal_parts(num, _BLOCK)
        for begin in range(0, num, size):
            block = slice(min(begin, num - size), min(begin, num - size) + size)  # the last one overlaps
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
        if not num:
            return np.empty((0, 0))
        own = self.of(columns)
        added = columns + self._identity[..., None]
        matrix = np.empty((num, num))
        # Each item with the next half of them, around the end: rows of the same length, in blocks of the same size.
        width = num // 2 + 1
        around = np.concatenate([columns, columns[:, :, : width - 1]], axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(around, width, axis=2)  # [.., .., first, offset]
        across = _equal_parts(width, _WINDOW)
        down = max(1, _BLOCK // across)
        for begin in range(0, width, across):  # the inner loop moves on by a few items: they stay in the cache
            begin = min(begin, width - across)
            for row in range(0, num, down):
                block = windows[:, :, row : row + down, begin : begin + across]
                evidences = self._block(block, added[:, :, row : row + down, None])
                firsts = np.arange(row, row + len(evidences))[:, None]
                seconds = (firsts + np.arange(begin, begin + across)) % num
                ratios = evidences - (own[firsts] + own[seconds])
                # Some pairs come twice, once either way, and may differ in the last bit.
                matrix[np.minimum(firsts, seconds), np.maximum(firsts, seconds)] = ratios
        for begin in range(0, num, _STRIPE):
            end = min(begin + _STRIPE, num)
            square = np.triu(matrix[begin:end, begin:end])
            matrix[begin:end, begin:end] = square + np.triu(square, 1).T
            matrix[end:, begin:end] = matrix[begin:end, end:].T
        return matrix

    def _use(self, num: int) -> None:
        """Divide the memory up for blocks of a size: for each column, the views that the work on it needs."""
        rank = len(self._identity)
        rows = self._memory[: (rank * (rank + 1) + 3 * (rank + 1)) * num].reshape(-1, num)
        factors = rows[: rank * (rank + 1)].reshape(rank, rank + 1, num)
        update, multipliers, inverses = rows[rank * (rank + 1) :].reshape(3, rank + 1, num)
        self._size, self._last, self._inverses = num, factors[:, rank], inverses[:rank]
        self._views = [
            (
                factors[column, column:],
                factors[column, column],
                inverses[column],
                factors[:column, column],
                inverses[:column],
                multipliers[:column],
                factors[:column, column:],
                update[column:],
            )
            for column in range(rank)
        ]

    def _block(self, columns: np.ndarray, added: np.ndarray) -> np.ndarray:
        """Evidences (rows, items) of columns + added, (rank, rank + 1, rows, items), at most _BLOCK in all; with I."""
        shape = columns.shape[2:]
        if self._size != shape[0] * shape[1]:
            self._use(shape[0] * shape[1])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # L D L' column by column, with d as one more row. The factor's columns stay multiplied by their pivots,
            # which saves dividing them.
            for column, views in enumerate(self._views):
                below, pivot, inverse, row, inverses, multipliers, before, update = views
                np.add(columns[column, column:], added[column, column:], out=below.reshape(-1, *shape))
                if column:
                    np.multiply(row, inverses, out=multipliers)
                    np.einsum("jib,jb->ib", before, multipliers, out=update)
                    np.subtract(below, update, out=below)
                np.reciprocal(pivot, out=inverse)
            quadratic = np.einsum("jb,jb,jb->b", self._last, self._last, self._inverses)
            # The logarithm of a negative pivot is NaN, that of zero infinite.
            return (0.5 * (quadratic + np.log(self._inverses).sum(axis=0))).reshape(shape)


def _equal_parts(num: int, most: int) -> int:
    """The size of the fewest parts, about equal, of at most so many."""
    return -(-num // -(-num // most)) if num else 1
