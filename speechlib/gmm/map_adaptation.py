"""Relevance MAP of a mixture's means (Reynolds, Quatieri & Dunn, 2000), and the sums over utterances that it needs.

The sums are those of all Gaussians of a diagonal mixture: products of large matrices in single precision on centred
frames, by NumPy or on a GPU; what is added up is in double precision.
"""

from __future__ import annotations

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.ivector_extractor import UtteranceStats


def soft_stats(
    gmm: DiagGmm, features: np.ndarray, lengths: np.ndarray, algebra: HostAlgebra | TorchAlgebra | None = None
) -> UtteranceStats:
    """Zeroth and first order statistics of utterances, by the posteriors of all Gaussians.

    Args:
        gmm: the mixture.
        features: (frames, dim) of all utterances of a batch, one after the other.
        lengths: (utterances,) frames of each.
        algebra: where to compute (default: NumPy).

    Returns:
        (utterances, Gaussians) and (utterances, Gaussians, dim) float64; the first order about the origin.

    Raises:
        ValueError: lengths that do not add up to the frames, or features that do not fit the mixture.
    """
    if int(np.sum(lengths)) != len(features):
        raise ValueError(f"{len(features)} frames of features for utterances of {int(np.sum(lengths))} frames")
    algebra = algebra or HostAlgebra()
    dim = gmm.dim
    zeroth = np.zeros((len(lengths), gmm.num_gauss))
    first = np.zeros((len(lengths), gmm.num_gauss, dim))
    ends = np.cumsum(lengths)
    for begin in range(0, len(features), algebra.block_frames):
        block = algebra.put(gmm.expand(features[begin : begin + algebra.block_frames]))
        weights, _ = algebra.softmax(block @ algebra.constant(gmm.projection))
        edges = np.concatenate([[begin], ends[(ends > begin) & (ends < begin + len(block))], [begin + len(block)]])
        utterance = int(np.searchsorted(ends, begin, side="right"))
        for left, right in zip(edges[:-1] - begin, edges[1:] - begin, strict=True):
            while ends[utterance] <= begin + left:  # utterances without a frame
                utterance += 1
            part = weights[left:right]
            zeroth[utterance] += algebra.get(part.sum(0))
            first[utterance] += algebra.get(part.T @ block[left:right, :dim])
    return UtteranceStats(zeroth, first + zeroth[:, :, None] * gmm.centre.astype(np.float64))


def adapt_means(zeroth: np.ndarray, first: np.ndarray, means: np.ndarray, relevance: float) -> np.ndarray:
    """Means of highest posterior probability: what was seen, and the prior's mean as `relevance` frames more.

    Args:
        zeroth: (..., Gaussians).
        first: (..., Gaussians, dim) about the origin.
        means: of the prior, (Gaussians, dim) or (..., Gaussians, dim).
        relevance: frames that the prior counts for; with 0 it counts only for Gaussians without frames.

    Returns:
        (..., Gaussians, dim): for every speaker or utterance its supervector.

    Raises:
        ValueError: a negative relevance.
    """
    if not relevance >= 0:
        raise ValueError(f"relevance {relevance}: expected at least 0")
    count = np.asarray(zeroth, np.float64)[..., None]
    change = np.asarray(first, np.float64) - count * means
    return means + np.divide(change, count + relevance, out=np.zeros_like(change), where=count + relevance > 0)


def adapt_mixture(gmm: DiagGmm, zeroth: np.ndarray, first: np.ndarray, relevance: float) -> DiagGmm:
    """A speaker's mixture: the background model with means adapted to (Gaussians,) and (Gaussians, dim) sums."""
    return DiagGmm.from_moments(gmm.weights, adapt_means(zeroth, first, gmm.means, relevance), 1 / gmm.inv_vars)
