"""Frames of many utterances for random access: in memory, in a file where they are too many, or left in archives."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from collections.abc import Sequence

import numpy as np

from speechlib.io.streams import EntryReader


class FrameCache:
    """Collects matrices (frames, dim) float32, in memory up to a limit, else in a file that is gone with the process.

    Args:
        limit: bytes to keep in memory.
        folder: where the file goes.
    """

    def __init__(self, limit: int, folder: str | os.PathLike):
        self._limit, self._folder = limit, folder
        self._matrices: list[np.ndarray] = []
        self._shapes: list[tuple[int, int]] = []
        self._bytes = 0
        self._file = None

    def add(self, matrix: np.ndarray) -> None:
        """Keep a matrix.

        Raises:
            OSError: the disk is full.
        """
        matrix = np.ascontiguousarray(matrix, np.float32)
        self._bytes += matrix.nbytes
        self._shapes.append(matrix.shape)
        if self._file is None and self._bytes > self._limit:
            os.makedirs(self._folder, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - lives as long as its mapping
            for earlier in self._matrices:
                self._file.write(earlier.data)
            self._matrices = []
        if self._file is None:
            self._matrices.append(matrix)
        else:
            self._file.write(matrix.data)

    def matrices(self) -> list[np.ndarray]:
        """All matrices in the order they came."""
        if self._file is None:
            return self._matrices
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)
        found, position = [], 0
        for shape in self._shapes:
            found.append(np.ndarray(shape, np.float32, mapped, position))
            position += 4 * shape[0] * shape[1]
        return found


class ArchiveFrames:
    """Frames read by range from mapped archives: of a float or compressed matrix no more is decoded than asked for.

    Args:
        entries: of feats.scp, one for each utterance.
        num_frames: (utterances,) length of each.
        dim: coefficients.
    """

    def __init__(self, entries: Sequence[str], num_frames: Sequence[int], dim: int):
        self.entries, self.num_frames, self.dim = entries, num_frames, dim
        self._local = threading.local()  # a reader belongs to one thread

    def read(self, utterance: int, start: int, out: np.ndarray) -> None:
        """Write the frames from `start` on into out (frames, dim); after the last one comes the first one again.

        Raises:
            OSError, ValueError: the archive is not there any more, or damaged.
        """
        if not hasattr(self._local, "reader"):
            self._local.reader = EntryReader("matrix")
        entry, total = self.entries[utterance], self.num_frames[utterance]
        past = start + len(out)
        if entry.endswith("]") or past > total:
            whole = self._local.reader.read("", entry)
            out[:] = whole.take(np.arange(start, past), axis=0, mode="wrap")
        else:
            out[:] = self._local.reader.read("", f"{entry}[{start}:{past - 1}]")


def default_limit() -> int:
    """Bytes to keep in memory by default: a quarter of the machine's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
