"""Kaldi tables whose matrices come block by block: features of hours-long recordings, written in bounded memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from speechlib.io import compressed_matrix
from speechlib.io.tables import TableWriter


class BlockTableWriter(TableWriter):
    """A TableWriter that also takes a matrix in blocks of rows; the bytes are those of the whole matrix."""

    def write_blocks(self, key: str, blocks: Iterable[np.ndarray], *, subtract_mean: bool = False) -> int:
        """Write one matrix from its consecutive blocks of rows.

        The blocks go to a nameless file beside the archive first, because the number of rows, and for compression the
        range and the quantiles of the columns, stand before the elements. Text, scripts alone (`scp:`) and
        compression other than Kaldi's default hold the whole matrix in memory.

        Args:
            key: as for `write`.
            blocks: (rows, cols) float32 arrays of the same width, at least one.
            subtract_mean: subtract each column's mean, summed in double block by block.

        Returns:
            The number of rows.

        Raises:
            ValueError: as `write`; no blocks.
        """
        method = compressed_matrix.AUTOMATIC if self._compression is True else self._compression
        binary = self._specifier.binary and self._targets is None
        columnwise = method in (compressed_matrix.AUTOMATIC, compressed_matrix.SPEECH_FEATURE)
        folder = os.path.dirname(self._specifier.ark or "")
        folder = folder if os.path.isdir(folder) else None  # $TMPDIR beside a pipe
        with tempfile.TemporaryFile(dir=folder) as file, tempfile.TemporaryFile(dir=folder) as codes:
            spool = _Spool(file, columnwise, subtract_mean)
            for block in blocks:
                spool.add(block)
            if not spool.sizes:
                raise ValueError(f"{key}: a matrix without any block of rows")
            if binary and not method:
                self.write_pieces(key, spool.float_pieces())
            elif binary and columnwise and spool.rows > 8:
                self.write_pieces(key, spool.compressed_pieces(codes))
            else:
                self.write(key, np.concatenate(list(spool.blocks())))
            return spool.rows


class _Spool:
    """Blocks of rows in a file, each transposed if columns are to be read back."""

    def __init__(self, file: BinaryIO, columnwise: bool, subtract_mean: bool) -> None:
        self.file = file
        self.columnwise = columnwise
        self.subtract_mean = subtract_mean
        self.sizes: list[int] = []
        self.rows = self.cols = 0

    def add(self, block: np.ndarray) -> None:
        block = np.ascontiguousarray(block, dtype=np.float32)
        if not self.sizes:
            self.cols = block.shape[1]
            self.total = np.zeros(self.cols)
            self.low, self.high = np.full(self.cols, np.inf, np.float32), np.full(self.cols, -np.inf, np.float32)
        if len(block) == 0:
            return
        if self.subtract_mean:
            self.total += block.sum(axis=0, dtype=np.float64)
        self.low = np.minimum(self.low, block.min(axis=0))
        self.high = np.maximum(self.high, block.max(axis=0))
        self.file.write((np.ascontiguousarray(block.T) if self.columnwise else block).data)
        self.sizes.append(len(block))
        self.rows += len(block)

    @property
    def mean(self) -> np.ndarray:
        return (self.total / max(self.rows, 1)).astype(np.float32)

    def blocks(self) -> Iterator[np.ndarray]:
        self.file.seek(0)
        mean = self.mean
        for rows in self.sizes:
            block = np.frombuffer(self.file.read(4 * rows * self.cols), np.float32)
            block = block.reshape(self.cols, rows).T if self.columnwise else block.reshape(rows, self.cols)
            yield block - mean if self.subtract_mean else block

    def float_pieces(self) -> Iterator[bytes]:
        yield b"\0BFM " + b"".join(b"\4" + size.to_bytes(4, "little") for size in (self.rows, self.cols))
        for block in self.blocks():
            yield block.tobytes()

    def compressed_pieces(self, codes: BinaryIO) -> Iterator[bytes]:
        low, high = (self.low - self.mean, self.high - self.mean) if self.subtract_mean else (self.low, self.high)
        minimum, span = compressed_matrix._range(np.stack([low, high]))
        quantiles = []
        for index in range(self.cols):
            data = compressed_matrix._encode_columns(self._column(index)[:, None], minimum, span)
            quantiles.append(data[:8])
            codes.write(data[8:])
        yield b"\0BCM " + compressed_matrix.HEADER.pack(minimum, span, self.rows, self.cols)
        yield b"".join(quantiles)
        codes.seek(0)
        while piece := codes.read(1 << 20):
            yield piece

    def _column(self, index: int) -> np.ndarray:
        self.file.flush()
        column = np.empty(self.rows, np.float32)
        view, done, offset = memoryview(column).cast("B"), 0, 0
        for rows in self.sizes:
            os.preadv(self.file.fileno(), [view[4 * done : 4 * (done + rows)]], offset + 4 * rows * index)
            done += rows
            offset += 4 * rows * self.cols
        return column - self.mean[index] if self.subtract_mean else column
