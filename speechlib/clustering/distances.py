"""Distances between utterances, and between clusters of them, from statistics that add: utterance comparison, GLR, CLR,
BIC and eigenvoice points (Jeon et al., 2009, and what it compares with).

Lower is closer, everywhere. A distance is one class (`Clusters`) and a line in the registry below. Statistics of a
cluster are the sum of those of its utterances, so that every distance is exact for clusters, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from speechlib.clustering.clusters import Clusters
from speechlib.clustering.comparison_distances import EigenvoicePoints, UtteranceComparison
from speechlib.clustering.gaussian_distances import (
    BayesianInformation,
    CrossLikelihoodRatio,
    GeneralisedLikelihoodRatio,
)
from speechlib.clustering.moments import frame_moments

KINDS = {"comparison": "extract_comparison_stats", "moments": "extract_moment_stats"}


@dataclass(frozen=True)
class Distance:
    """A distance: `distance(statistics)` is the matrix of all pairs.

    Attributes:
        name: in the registry.
        kind: of the statistics, a key of `KINDS`.
        load: makes clusters from statistics (N, a, b); a ValueError for what is no such.
    """

    name: str
    kind: str
    load: Callable[..., Clusters]

    def __call__(self, statistics) -> np.ndarray:
        """Distances between all pairs of statistics (N, a, b): (N, N), symmetric with a diagonal of zeros."""
        return self.load(statistics).pairwise()

    pairwise = __call__

    def to_many(self, one, many) -> np.ndarray:
        """Distances from one cluster's statistics (a, b) to those of others (N, a, b): (N,)."""
        clusters = self.load(np.concatenate([np.asarray(one)[None], np.asarray(many)]))
        return clusters.distances(0, slice(1, None))


DISTANCES: dict[str, tuple[str, Callable[..., Clusters]]] = {
    "ucm": ("comparison", UtteranceComparison),
    "glr": ("moments", GeneralisedLikelihoodRatio),
    "clr": ("moments", CrossLikelihoodRatio),
    "clr-per-frame": ("moments", partial(CrossLikelihoodRatio, per_frame=True)),
    "bic": ("moments", BayesianInformation),
    "bic-diag": ("moments", partial(BayesianInformation, diagonal=True)),
    "ev": ("comparison", EigenvoicePoints),
    "ev-euclidean": ("comparison", partial(EigenvoicePoints, euclidean=True)),
}


def make_distance(name: str, bic_penalty: float = 1.0, floor: float = 0.0) -> Distance:
    """A distance by its name.

    Args:
        name: a key of `DISTANCES`.
        bic_penalty: weight of BIC's penalty.
        floor: of the variances of single Gaussians, as a share of that of all frames (`standardise`).

    Raises:
        ValueError: no such distance.
    """
    if name not in DISTANCES:
        raise ValueError(f"unknown distance {name!r}: expected one of {', '.join(DISTANCES)}")
    kind, load = DISTANCES[name]
    if kind == "moments":
        load = partial(load, floor=floor)
    if name.startswith("bic"):
        load = partial(load, penalty=bic_penalty)
    return Distance(name, kind, load)


def glr(frames_a, frames_b, *, diagonal: bool = False, floor: float = 0.0) -> float:
    """Generalised likelihood ratio distance of two sets of frames under single Gaussians by maximum likelihood.

    Args:
        frames_a, frames_b: (frames, dim), more than `dim` of each unless there is a floor.
        diagonal: variances instead of full covariances.
        floor: share of the variance of all frames that is added to each variance (`standardise`).

    Returns:
        log p(A) + log p(B) - log p(A, B) >= 0, symmetric; the similarity of the paper is its negative.

    Raises:
        ValueError: frames of different or no dimension, not finite, or with a singular covariance: the likelihood has
            no maximum then.
    """
    # Of equal Gaussians rounding leaves a little of either sign.
    return max(_between(partial(GeneralisedLikelihoodRatio, diagonal=diagonal, floor=floor), frames_a, frames_b), 0.0)


def clr(frames_a, frames_b, *, per_frame: bool = False, diagonal: bool = False, floor: float = 0.0) -> float:
    """Cross likelihood ratio of two sets of frames: a similarity, 0 for equal Gaussians and negative for all others.

    Args:
        frames_a, frames_b, diagonal, floor: as for `glr`.
        per_frame: each of the two terms is divided by its number of frames.

    Returns:
        log p(A | B) / p(A | A) + log p(B | A) / p(B | B), where p(. | B) is B's Gaussian by maximum likelihood.

    Raises:
        ValueError: as for `glr`.
    """
    load = partial(CrossLikelihoodRatio, per_frame=per_frame, diagonal=diagonal, floor=floor)
    return min(-_between(load, frames_a, frames_b), 0.0)


def bic(frames_a, frames_b, penalty: float = 1.0, *, diagonal: bool = False, floor: float = 0.0) -> float:
    """Difference of the Bayesian information of two Gaussians and of one: > 0 says that the speakers are two.

    Args:
        frames_a, frames_b, diagonal, floor: as for `glr`.
        penalty: weight of the penalty of P/2 log(frames), P the parameters of a Gaussian.

    Returns:
        glr(A, B) - penalty * P / 2 * log(frames of A and B).

    Raises:
        ValueError: as for `glr`.
    """
    load = partial(BayesianInformation, penalty=penalty, diagonal=diagonal, floor=floor)
    return _between(load, frames_a, frames_b)


def _between(load: Callable[..., Clusters], frames_a, frames_b) -> float:
    frames = [np.asarray(frames_a, np.float64), np.asarray(frames_b, np.float64)]
    if any(matrix.ndim != 2 for matrix in frames) or frames[0].shape[1] != frames[1].shape[1]:
        raise ValueError(
            f"frames of shapes {frames[0].shape} and {frames[1].shape}: expected (frames, dim), one dimension"
        )
    # Nothing depends on the origin but rounding: close to the frames their squares are as exact as they are.
    origin = np.concatenate(frames).mean(axis=0) if len(frames[0]) and len(frames[1]) else 0.0
    moments = np.array([frame_moments(matrix - origin) for matrix in frames])
    return float(load(moments).distances(0, slice(1, 2))[0])
