"""Kaldi's files of Gaussian mixtures and their statistics (Read and Write of gmm/diag-gmm.cc, full-gmm.cc,
mle-diag-gmm.cc, mle-full-gmm.cc), as plain arrays.

Models are written in single precision like Kaldi's; statistics in double precision, which Kaldi reads as well, so that
sums of several jobs do not depend on their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from speechlib.io.kaldi_model import PackedMatrix, read_model, write_model

_ALL_FLAGS = np.uint16(7)  # means, variances and weights


class Mixture(NamedTuple):
    """A mixture of Gaussians in Kaldi's natural parameters.

    Attributes:
        weights: (Gaussians,).
        means: (Gaussians, dim) times the inverse (co)variances.
        inverses: (Gaussians, dim) inverse variances, or (Gaussians, dim, dim) inverse covariances.
    """

    weights: np.ndarray
    means: np.ndarray
    inverses: np.ndarray


class Sums(NamedTuple):
    """Statistics of a mixture.

    Attributes:
        occupancy: (Gaussians,).
        first: (Gaussians, dim).
        second: (Gaussians, dim), or (Gaussians, dim, dim).
    """

    occupancy: np.ndarray
    first: np.ndarray
    second: np.ndarray


class ItemReader:
    """Takes the items of a model one after the other; an error says what was expected and what is there."""

    def __init__(self, rxfilename: str):
        self.name = rxfilename
        self._items = read_model(rxfilename)
        self._position = 0

    def peek(self) -> Any:
        """The next item, None at the end."""
        return self._items[self._position] if self._position < len(self._items) else None

    def token(self, *expected: str) -> str:
        """Take one of these tokens."""
        item = self.peek()
        if not isinstance(item, str) or item not in expected:
            raise self.error(" or ".join(expected))
        self._position += 1
        return item

    def skip(self, token: str) -> bool:
        """Take this token if it is there."""
        if isinstance(self.peek(), str) and self.peek() == token:
            self._position += 1
            return True
        return False

    def integer(self) -> int:
        """Take a whole number that is not negative."""
        item = self.peek()
        if not isinstance(item, int | float) or not (0 <= item < 1 << 31) or item != int(item):
            raise self.error("a whole number")
        self._position += 1
        return int(item)

    def number(self) -> float:
        """Take a number."""
        item = self.peek()
        if not isinstance(item, int | float):
            raise self.error("a number")
        self._position += 1
        return float(item)

    def array(self, ndim: int, *shape: int) -> np.ndarray:
        """Take a vector (ndim 1) or matrix (ndim 2), float64, of a given shape or any."""
        item = self.peek()
        if isinstance(item, PackedMatrix) and ndim == 2 and item.size == 1:
            item = item.symmetric()
        if isinstance(item, np.ndarray) and item.size == 0:
            item = item.reshape((0,) * ndim)
        wanted = " x ".join(map(str, shape)) if shape else ("any size" if ndim == 1 else "any shape")
        if not isinstance(item, np.ndarray) or item.ndim != ndim or (shape and item.shape != shape):
            raise self.error(f"a {'vector' if ndim == 1 else 'matrix'} of {wanted}")
        self._position += 1
        return item.astype(np.float64)

    def packed(self, size: int | None = None) -> np.ndarray:
        """Take a packed symmetric matrix, as (size, size) float64."""
        item = self.peek()
        if isinstance(item, np.ndarray) and item.shape in ((1, 1), (1,)):  # in text, one row looks like a matrix
            item = PackedMatrix.pack(item.reshape(1, 1))
        if not isinstance(item, PackedMatrix) or (size is not None and item.size != size):
            raise self.error(f"a packed symmetric matrix{f' of {size} rows' if size is not None else ''}")
        self._position += 1
        return item.symmetric().astype(np.float64)

    def error(self, expected: str) -> ValueError:
        """What to raise where the next item is not what is due."""
        item = self.peek()
        if item is None:
            found = "its end"
        elif isinstance(item, PackedMatrix):
            found = f"a packed matrix of {item.size} rows"
        elif isinstance(item, np.ndarray):
            found = f"an array of shape {item.shape}"
        else:
            found = repr(item)
        return ValueError(f"{self.name}: {found} where {expected} is due")


def pack_all(matrices: np.ndarray, dtype: type) -> list[PackedMatrix]:
    """Symmetric matrices (many, size, size) as a list of items to write."""
    return [PackedMatrix.pack(matrix.astype(dtype)) for matrix in matrices]


def read_diag_gmm(rxfilename: str) -> Mixture:
    """Read a mixture with diagonal covariances, binary or text.

    Raises:
        ValueError: another kind of file, or damaged; the message names it. OSError: it cannot be read.
    """
    items = ItemReader(rxfilename)
    if items.peek() == "<FullGMM>":
        raise ValueError(f"{rxfilename}: a mixture with full covariances: a diagonal one (.dubm) is due here")
    items.token("<DiagGMM>", "<DiagGMMBegin>")
    if items.skip("<GCONSTS>"):
        items.array(1)  # worked out anew, as Kaldi does
    items.token("<WEIGHTS>")
    weights = items.array(1)
    items.token("<MEANS_INVVARS>")
    means = items.array(2)
    items.token("<INV_VARS>")
    inverses = items.array(2, len(weights), means.shape[1])
    items.token("</DiagGMM>", "<DiagGMMEnd>")
    return _checked(rxfilename, Mixture(weights, means, inverses))


def write_diag_gmm(wxfilename: str, mixture: Mixture, gconsts: np.ndarray, binary: bool = True) -> None:
    """Write a mixture with diagonal covariances; gconsts (Gaussians,) are its log-likelihoods of a zero vector."""
    items = ["<DiagGMM>", "\n", *_natural(mixture, gconsts, "<MEANS_INVVARS>")]
    items += ["<INV_VARS>", mixture.inverses.astype(np.float32), "</DiagGMM>", "\n"]
    write_model(wxfilename, items, binary)


def read_full_gmm(rxfilename: str) -> Mixture:
    """Read a mixture with full covariances, binary or text; the errors are those of `read_diag_gmm`."""
    items = ItemReader(rxfilename)
    if items.peek() == "<DiagGMM>":
        raise ValueError(f"{rxfilename}: a mixture with diagonal covariances: a full one (.ubm) is due here")
    items.token("<FullGMM>", "<FullGMMBegin>")
    if items.skip("<GCONSTS>"):
        items.array(1)
    items.token("<WEIGHTS>")
    weights = items.array(1)
    items.token("<MEANS_INVCOVARS>")
    means = items.array(2)
    items.token("<INV_COVARS>")
    covariances = [items.packed(means.shape[1]) for _ in weights]
    inverses = np.stack(covariances) if covariances else np.zeros((0, 0, 0))
    items.token("</FullGMM>", "<FullGMMEnd>")
    return _checked(rxfilename, Mixture(weights, means, inverses))


def write_full_gmm(wxfilename: str, mixture: Mixture, gconsts: np.ndarray, binary: bool = True) -> None:
    """Write a mixture with full covariances; gconsts (Gaussians,) are its log-likelihoods of a zero vector."""
    items = ["<FullGMM>", "\n", *_natural(mixture, gconsts, "<MEANS_INVCOVARS>")]
    items += ["<INV_COVARS>", *pack_all(mixture.inverses, np.float32), "</FullGMM>", "\n"]
    write_model(wxfilename, items, binary)


def is_full_gmm(rxfilename: str) -> bool:
    """Say whether a file holds a mixture with full covariances (not a diagonal one)."""
    token = ItemReader(rxfilename).token("<DiagGMM>", "<DiagGMMBegin>", "<FullGMM>", "<FullGMMBegin>")
    return token.startswith("<Full")


def read_sums(rxfilename: str) -> Sums:
    """Read statistics of a mixture with diagonal or full covariances.

    Raises:
        ValueError: another kind of file, or damaged; the message names it. OSError: it cannot be read.
    """
    items = ItemReader(rxfilename)
    items.token("<GMMACCS>")
    items.token("<VECSIZE>")
    dim = items.integer()
    items.token("<NUMCOMPONENTS>")
    num_gauss = items.integer()
    if not num_gauss:
        raise ValueError(f"{rxfilename}: statistics of a mixture without Gaussians")
    items.token("<FLAGS>")
    if items.integer() != _ALL_FLAGS:
        raise ValueError(f"{rxfilename}: statistics without means or variances: accumulate them for all parameters")
    items.token("<OCCUPANCY>")
    occupancy = items.array(1, num_gauss)
    items.token("<MEANACCS>")
    first = items.array(2, num_gauss, dim)
    if items.token("<DIAGVARACCS>", "<FULLVARACCS>") == "<DIAGVARACCS>":
        second = items.array(2, num_gauss, dim)
    else:  # written without the squared mean, lest the difference of large numbers lose its digits
        second = np.stack([items.packed(dim) for _ in range(num_gauss)])
        second += first[:, :, None] * first[:, None, :] * _reciprocal(occupancy)[:, None, None]
    items.token("</GMMACCS>")
    return Sums(occupancy, first, second)


def sum_up(rxfilenames: Sequence[str], full: bool | None = None) -> Sums:
    """Read the statistics of several jobs and add them.

    Args:
        rxfilenames: at least one.
        full: whether covariances must be full or, if False, diagonal; None takes both.

    Raises:
        ValueError: they belong to models of different sizes or to the other kind, or as `read_sums`.
    """
    total = read_sums(rxfilenames[0])
    if full is not None and full != (total.second.ndim == 3):
        found, due = ("diagonal", "full") if full else ("full", "diagonal")
        raise ValueError(f"{rxfilenames[0]}: statistics for {found} covariances, but the mixture has {due} ones")
    for name in rxfilenames[1:]:
        sums = read_sums(name)
        if sums.second.shape != total.second.shape:
            raise ValueError(f"{name}: statistics of shape {sums.second.shape}, those of {rxfilenames[0]} "
                             f"{total.second.shape}: they belong to different models")
        total = Sums(*(a + b for a, b in zip(total, sums, strict=True)))
    return total


def write_sums(wxfilename: str, sums: Sums, binary: bool = True) -> None:
    """Write statistics of a mixture, float64."""
    occupancy, first, second = sums
    num_gauss, dim = first.shape
    if second.ndim == 2:
        tail: list = ["<DIAGVARACCS>", second]
    else:
        centred = second - first[:, :, None] * first[:, None, :] * _reciprocal(occupancy)[:, None, None]
        tail = ["<FULLVARACCS>", *pack_all(centred, np.float64)]
    items = ["<GMMACCS>", "<VECSIZE>", dim, "<NUMCOMPONENTS>", num_gauss, "<FLAGS>", _ALL_FLAGS]
    items += ["<OCCUPANCY>", occupancy, "<MEANACCS>", first, *tail, "</GMMACCS>"]
    write_model(wxfilename, items, binary)


def _checked(rxfilename: str, mixture: Mixture) -> Mixture:
    """The mixture, if its parts have as many Gaussians, at least one, and hold finite numbers."""
    if not len(mixture.weights) or len(mixture.means) != len(mixture.weights):
        raise ValueError(f"{rxfilename}: {len(mixture.weights)} weights and means of {len(mixture.means)} Gaussians")
    if not all(np.isfinite(part).all() for part in mixture):
        raise ValueError(f"{rxfilename}: a mixture with values that are not finite: train it anew")
    return mixture


def _natural(mixture: Mixture, gconsts: np.ndarray, means_token: str) -> list:
    return ["<GCONSTS>", gconsts.astype(np.float32), "<WEIGHTS>", mixture.weights.astype(np.float32),
            means_token, mixture.means.astype(np.float32)]  # fmt: skip


def _reciprocal(occupancy: np.ndarray) -> np.ndarray:
    return np.divide(1.0, occupancy, out=np.zeros_like(occupancy), where=occupancy != 0)
