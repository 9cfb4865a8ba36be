"""Evidence of many speaker posteriors at once, log R's h(L, d): Cholesky of small matrices with the batch as last axis.

LAPACK takes 10 us for a matrix of 20 x 20 when called for each through NumPy, and most of it is no arithmetic. Here the
same element of many matrices lies side by side, so that one NumPy call works on hundreds of matrices, and a block of
them fits into the second-level cache: about 1 us each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BLOCK = 512  # matrices at a time: 20 x 21 doubles of each are 1.7 MB


class EvidenceTable:
    """Statistics of utterances or clusters, laid out for evidences of sums of two of them.

    Args:
        precisions: (items, rank, rank) symmetric positive semidefinite L.
        linear: (items, rank) d.

    Raises:
        ValueError: I + L of an item is not positive definite.
    """

    def __init__(self, precisions: np.ndarray, linear: np.ndarray):
        rank = linear.shape[1]
        # [column, row, item] of I + L with d as the last row: the factor's last row is then c^-1 d.
        self._parts = np.empty((rank, rank + 1, len(linear)))
        self._parts[:, :rank] = precisions.transpose(2, 1, 0)
        self._parts[:, rank] = linear.T
        self._parts[np.arange(rank), np.arange(rank)] += 1.0
        self._work = _Workspace(rank)
        self._evidences = np.empty(len(linear))
        for begin in range(0, len(linear), _BLOCK):
            items = slice(begin, min(begin + _BLOCK, len(linear)))
            columns = self._work.columns(items.stop - begin)
            columns[:] = self._parts[:, :, items]
            self._evidences[items] = self._work.evidences(columns)
        bad = np.flatnonzero(~np.isfinite(self._evidences))
        if len(bad):
            raise ValueError(f"statistics of item {bad[0]}: I + L is not positive definite: L is no sum of V' C^-1 V")

    def __len__(self) -> int:
        return len(self._evidences)

    @property
    def evidences(self) -> np.ndarray:
        """(items,) h(L, d) = log of the integral of exp(d'y - y'Ly / 2) over the prior of y."""
        return self._evidences

    def merge(self, target: int, other: int) -> None:
        """Add the statistics of `other` to those of `target`; `other` stays as it is."""
        self._parts[:, :, target] += self._parts[:, :, other]
        diagonal = np.arange(len(self._parts))
        self._parts[diagonal, diagonal, target] -= 1.0
        columns = self._work.columns(1)
        columns[..., 0] = self._parts[:, :, target]
        self._evidences[target] = self._work.evidences(columns)[0]

    def log_ratios(self, one: int, many: np.ndarray | slice) -> np.ndarray:
        """Log R of an item with others.

        Args:
            one: its number.
            many: numbers of the others, or a slice.

        Returns:
            (many,) log R.
        """
        single = self._parts[:, :, one].copy()
        diagonal = np.arange(len(single))
        single[diagonal, diagonal] -= 1.0
        return self.log_ratios_of(single, self._evidences[one], many)

    def log_ratios_of(self, single: np.ndarray, evidence: float, many: np.ndarray | slice) -> np.ndarray:
        """As `log_ratios`, of statistics (rank, rank + 1), [column, row] with d as last row, that are not in the table.

        Args:
            single: the statistics.
            evidence: of them.
            many: numbers of the others, or a slice.
        """
        numbers = np.arange(len(self))[many] if isinstance(many, slice) else np.asarray(many)
        ratios = np.empty(len(numbers))
        step = many.step or 1 if isinstance(many, slice) else 0
        for begin in range(0, len(numbers), _BLOCK):
            chosen = numbers[begin : begin + _BLOCK]
            # A slice of neighbours need not be gathered.
            places = slice(chosen[0], chosen[-1] + 1) if step == 1 else chosen
            columns = self._work.columns(len(chosen))
            for column in range(len(columns)):
                below = self._parts[column, column:, places]
                np.add(below, single[column, column:, None], out=columns[column, column:])
            ratios[begin : begin + _BLOCK] = self._work.evidences(columns) - self._evidences[chosen]
        return ratios - evidence

    def pairwise(self) -> np.ndarray:
        """Log R of all pairs, (items, items), symmetric; the diagonal compares each item with itself."""
        num = len(self)
        matrix = np.empty((num, num))
        for firsts, seconds, evidences in self._pairs():
            ratios = evidences - (self._evidences[firsts] + self._evidences[seconds])
            matrix[firsts, seconds] = ratios
            matrix[seconds, firsts] = ratios
        return matrix

    def _pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """First items (rows, 1), second ones and evidences of their sums (rows, width), all pairs and the diagonal."""
        num, rank = len(self), len(self._parts)
        # Each item with the next half of them, around the end: rows of the same length, in blocks of the same size.
        width = num // 2 + 1
        around = np.concatenate([self._parts, self._parts[:, :, : width - 1]], axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(around, width, axis=2)  # [column, row, first, offset]
        # I is in both terms of a sum.
        own = self._parts.copy()
        own[np.arange(rank), np.arange(rank)] -= 1.0
        across = -(-width // -(-width // _BLOCK))  # the block's size, or a little less
        down = max(1, _BLOCK // across)
        for row in range(0, num, down):
            for begin in range(0, width, across):
                second = windows[:, :, row : row + down, begin : begin + across]
                shape = second.shape[2:]
                columns = self._work.columns(shape[0] * shape[1])
                sums = columns.reshape(rank, rank + 1, *shape)
                for column in range(rank):
                    np.add(
                        second[column, column:], own[column, column:, row : row + down, None], out=sums[column, column:]
                    )
                firsts = np.arange(row, row + shape[0])[:, None]
                yield (firsts, (firsts + np.arange(begin, begin + shape[1])) % num,
                       self._work.evidences(columns).reshape(shape))  # fmt: skip


class _Workspace:
    """Memory for a block of matrices, used over and over so that it stays in the cache."""

    def __init__(self, rank: int):
        self._rank = rank
        self._columns = np.empty(rank * (rank + 1) * _BLOCK)
        self._multipliers = np.empty(rank * _BLOCK)
        self._inverses = np.empty(rank * _BLOCK)
        self._update = np.empty((rank + 1) * _BLOCK)

    def columns(self, num: int) -> np.ndarray:
        """(rank, rank + 1, num) to fill, from the diagonal down, with [column, row, item] of I + L and d."""
        return self._columns[: self._rank * (self._rank + 1) * num].reshape(self._rank, self._rank + 1, num)

    def evidences(self, columns: np.ndarray) -> np.ndarray:
        """(num,) |c^-1 d|^2 / 2 - log |c| of the matrices, c their Cholesky factors; the matrices are lost.

        NaN or infinity where a matrix is not positive definite.
        """
        num, rank = columns.shape[2], self._rank
        multipliers = self._multipliers[: rank * num].reshape(rank, num)
        inverses = self._inverses[: rank * num].reshape(rank, num)
        update = self._update[: (rank + 1) * num].reshape(rank + 1, num)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # L D L' column by column: columns stay multiplied by their pivots, which saves dividing them.
            for column in range(rank):
                below = columns[column, column:]
                if column:
                    np.multiply(columns[:column, column], inverses[:column], out=multipliers[:column])
                    np.einsum("jib,jb->ib", columns[:column, column:], multipliers[:column], out=update[column:])
                    np.subtract(below, update[column:], out=below)
                np.reciprocal(below[0], out=inverses[column])
            last = columns[:, rank]
            quadratic = np.einsum("jb,jb,jb->b", last, last, inverses)
            # The logarithm of a negative pivot is NaN, that of a zero infinite.
            return 0.5 * (quadratic + np.log(inverses).sum(axis=0))
