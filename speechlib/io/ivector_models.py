"""Kaldi's files of i-vector extractors and their statistics (Read and Write of ivector/ivector-extractor.cc), as plain
arrays; of extractors that do not regress the weights on the i-vector (--use-weights=false)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speechlib.io.gmm_models import ItemReader, pack_all
from speechlib.io.kaldi_model import PackedMatrix, write_model

_EMPTY = np.zeros((0, 0))


class Extractor(NamedTuple):
    """An i-vector extractor.

    Attributes:
        projections: (Gaussians, dim, ivector dim) float64.
        inv_covars: (Gaussians, dim, dim) float64.
        prior_offset: mean of the prior in its first dimension.
        weights: (Gaussians,) float64.
    """

    projections: np.ndarray
    inv_covars: np.ndarray
    prior_offset: float
    weights: np.ndarray


class ExtractorSums(NamedTuple):
    """Statistics for an extractor, float64; P = ivector dim * (ivector dim + 1) / 2.

    Attributes:
        auxiliary: objective function.
        occupancy: (Gaussians,).
        cross: (Gaussians, dim, ivector dim), Kaldi's Y.
        scatter: (Gaussians, P), R.
        second: (Gaussians, dim, dim), S; (0, dim, dim) where there are none.
        num_ivectors: utterances.
        ivector_sum: (ivector dim,).
        ivector_scatter: (ivector dim, ivector dim).
    """

    auxiliary: float
    occupancy: np.ndarray
    cross: np.ndarray
    scatter: np.ndarray
    second: np.ndarray
    num_ivectors: float
    ivector_sum: np.ndarray
    ivector_scatter: np.ndarray


def read_extractor(rxfilename: str) -> Extractor:
    """Read an extractor, binary or text.

    Raises:
        ValueError: another kind of file, damaged, or an extractor that regresses the weights; the message names it.
        OSError: it cannot be read.
    """
    items = ItemReader(rxfilename)
    items.token("<IvectorExtractor>")
    items.token("<w>")
    if items.array(2).size:
        raise ValueError(f"{rxfilename}: its weights depend on the i-vector: make it with --use-weights=false")
    items.token("<w_vec>")
    weights = items.array(1)
    items.token("<M>")
    num_gauss = items.integer()
    if num_gauss < 1:
        raise items.error("at least one Gaussian")
    projections = [items.array(2)]
    projections += [items.array(2, *projections[0].shape) for _ in range(num_gauss - 1)]
    items.token("<SigmaInv>")
    inv_covars = np.stack([items.packed(len(projections[0])) for _ in range(num_gauss)])
    items.token("<IvectorOffset>")
    offset = items.number()
    items.token("</IvectorExtractor>")
    return Extractor(np.stack(projections), inv_covars, offset, weights)


def write_extractor(wxfilename: str, extractor: Extractor, binary: bool = True) -> None:
    """Write an extractor, in double precision as Kaldi does."""
    write_model(
        wxfilename,
        ["<IvectorExtractor>", "<w>", _EMPTY, "<w_vec>", extractor.weights, "<M>", len(extractor.projections),
         *extractor.projections, "<SigmaInv>", *pack_all(extractor.inv_covars, np.float64),
         "<IvectorOffset>", float(extractor.prior_offset), "</IvectorExtractor>"],
        binary,
    )  # fmt: skip


def read_extractor_sums(rxfilename: str) -> ExtractorSums:
    """Read statistics for an extractor; the errors are those of `read_extractor`."""
    items = ItemReader(rxfilename)
    items.token("<IvectorExtractorStats>")
    items.token("<TotAuxf>")
    auxiliary = items.number()
    items.token("<gamma>")
    occupancy = items.array(1)
    items.token("<Y>")
    if items.integer() != len(occupancy) or not len(occupancy):
        raise items.error(f"statistics of {len(occupancy)} Gaussians")
    cross = [items.array(2)]
    dim, size = cross[0].shape
    cross += [items.array(2, dim, size) for _ in range(len(occupancy) - 1)]
    items.token("<R>")
    scatter = items.array(2, len(occupancy), size * (size + 1) // 2)
    for token in ("<Q>", "<G>"):
        items.token(token)
        if items.array(2).size:
            raise ValueError(f"{rxfilename}: statistics for weights that depend on the i-vector: not supported")
    items.token("<S>")
    second = [items.packed(dim) for _ in range(items.integer())]
    items.token("<NumIvectors>")
    num_ivectors = items.number()
    items.token("<IvectorSum>")
    ivector_sum = items.array(1, size)
    items.token("<IvectorScatter>")
    ivector_scatter = items.packed(size)
    items.token("</IvectorExtractorStats>")
    return ExtractorSums(auxiliary, occupancy, np.stack(cross), scatter,
                         np.stack(second) if second else np.zeros((0, dim, dim)), num_ivectors, ivector_sum,
                         ivector_scatter)  # fmt: skip


def write_extractor_sums(wxfilename: str, sums: ExtractorSums, binary: bool = True) -> None:
    """Write statistics for an extractor, all in double precision (Kaldi rounds R to single, and reads both)."""
    write_model(
        wxfilename,
        ["<IvectorExtractorStats>", "<TotAuxf>", float(sums.auxiliary), "<gamma>", sums.occupancy,
         "<Y>", len(sums.cross), *sums.cross, "<R>", sums.scatter, "<Q>", _EMPTY, "<G>", _EMPTY,
         "<S>", len(sums.second), *pack_all(sums.second, np.float64), "<NumIvectors>", float(sums.num_ivectors),
         "<IvectorSum>", sums.ivector_sum, "<IvectorScatter>", PackedMatrix.pack(sums.ivector_scatter),
         "</IvectorExtractorStats>"],
        binary,
    )  # fmt: skip
