"""Eigenvoices and eigenchannels by principal components of MAP supervectors (Kuhn et al., 2000; Jeon et al., 2009).

A supervector is all means of a mixture, (Gaussians, dim). Directions are scaled so that their coordinates have unit
variance: V = E sqrt(lambda), thus V V' is the supervectors' covariance in the subspace and V'V is diagonal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speechlib.gmm.map_adaptation import adapt_means

_EXACT = 1500  # supervectors up to which all eigenvalues are worked out; beyond, only those that are wanted
_ZERO = 1e-10  # of the largest eigenvalue: what rounding leaves of a variance that is none


class Directions(NamedTuple):
    """Principal directions.

    Attributes:
        directions: (Gaussians, dim, rank), from the largest eigenvalue down.
        eigenvalues: (rank,) variances along them.
        total: variance in all directions together.
    """

    directions: np.ndarray
    eigenvalues: np.ndarray
    total: float


def principal_directions(
    deviations: np.ndarray, rank: int, degrees: int, scales: np.ndarray | None = None
) -> Directions:
    """Principal components of deviations from a centre, by their inner products: they are fewer than dimensions.

    Args:
        deviations: (many, Gaussians, dim).
        rank: directions to return.
        degrees: what the sums of squares are divided by, the degrees of freedom.
        scales: (Gaussians, dim): components are taken of deviations divided by these (standard deviations of the
            Gaussians, for example), and multiplied again; then V'V is diagonal in these units.

    Raises:
        ValueError: fewer directions of any variance than the rank.
    """
    shape = deviations.shape[1:]
    flat = deviations.reshape(len(deviations), -1)
    if scales is not None:
        flat = flat / scales.reshape(-1)
    gram = flat @ flat.T
    total = float(np.trace(gram)) / max(degrees, 1)
    eigenvalues, vectors = _largest(gram, min(rank, len(gram)))
    found = int(np.count_nonzero(eigenvalues > _ZERO * max(eigenvalues[0], 1e-300))) if len(eigenvalues) else 0
    if found < rank or degrees < 1:
        raise ValueError(f"the supervectors vary in {found} directions only, but {rank} are asked for: take a smaller "
                         "rank, or more speakers or utterances")
    # E sqrt(lambda) of the covariance is X'u / sqrt(degrees), with u the eigenvectors of the inner products.
    directions = (vectors.T @ flat).T / np.sqrt(degrees)
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(rank)])
    if scales is not None:
        directions *= scales.reshape(-1, 1)
    return Directions(directions.reshape(*shape, rank), eigenvalues / degrees, total)


def train_eigenvoices(
    supervectors: np.ndarray, rank: int, centre: np.ndarray | None = None, scales: np.ndarray | None = None
) -> tuple[np.ndarray, Directions]:
    """Eigenvoices of speakers.

    Args:
        supervectors: (speakers, Gaussians, dim).
        rank: eigenvoices.
        centre: (Gaussians, dim) to measure from (the background model's means); None for the speakers' mean.
        scales: see `principal_directions`.

    Returns:
        The centre (Gaussians, dim), and the eigenvoices.

    Raises:
        ValueError: more eigenvoices than the speakers can tell apart.
    """
    degrees = len(supervectors) - (centre is None)
    if rank < 1:
        raise ValueError(f"{rank} eigenvoices: expected at least 1")
    if rank > degrees:
        raise ValueError(f"{rank} eigenvoices from {len(supervectors)} speakers: at most {max(degrees, 0)}; "
                         "take a smaller rank or more speakers")
    if centre is None:
        centre = supervectors.mean(axis=0)
    return centre, principal_directions(supervectors - centre, rank, degrees, scales)


def channel_deviations(
    zeroth: np.ndarray, first: np.ndarray, speakers: np.ndarray, speaker_means: np.ndarray, relevance: float
) -> tuple[np.ndarray, int]:
    """How utterances deviate from their speaker: what MAP makes of them with the speaker's model as the prior.

    With the background model as the prior a short utterance would lie nearer to it than its speaker does, and the
    difference would hold the speaker, not the channel. What is left of that by the adaptation of the speaker's model
    itself goes with the mean over his utterances.

    Args:
        zeroth: (utterances, Gaussians).
        first: (utterances, Gaussians, dim) about the origin.
        speakers: (utterances,) row of each one's speaker.
        speaker_means: (speakers, Gaussians, dim) supervectors.
        relevance: of the adaptation.

    Returns:
        (used utterances, Gaussians, dim) deviations of the speakers that have two utterances at least, and their
        degrees of freedom.

    Raises:
        ValueError: no speaker has two.
    """
    counts = np.bincount(speakers, minlength=len(speaker_means))
    used = np.flatnonzero(counts[speakers] > 1)
    if not len(used):
        raise ValueError("no speaker has two utterances: eigenchannels are how a speaker's utterances differ")
    groups = speakers[used]
    prior = speaker_means[groups]
    deviations = adapt_means(zeroth[used], first[used], prior, relevance) - prior
    sums = np.zeros_like(speaker_means)
    np.add.at(sums, groups, deviations)
    deviations -= (sums / np.maximum(counts, 1)[:, None, None])[groups]
    return deviations, len(used) - int(np.count_nonzero(counts > 1))


def train_eigenchannels(
    deviations: np.ndarray, degrees: int, rank: int, scales: np.ndarray | None = None
) -> Directions:
    """Eigenchannels, of what `channel_deviations` returned.

    Raises:
        ValueError: more of them than the utterances can tell apart.
    """
    if rank < 1 or rank > degrees:
        raise ValueError(f"{rank} eigenchannels from {len(deviations)} utterances: at least 1 and at most {degrees}, "
                         "the utterances less their speakers")
    return principal_directions(deviations, rank, degrees, scales)


def _largest(gram: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    if len(gram) <= _EXACT:
        eigenvalues, vectors = np.linalg.eigh(gram)
        return eigenvalues[: -count - 1 : -1], vectors[:, : -count - 1 : -1]
    from scipy.sparse.linalg import eigsh

    eigenvalues, vectors = eigsh(gram, count, v0=np.random.default_rng(0).standard_normal(len(gram)))
    return eigenvalues[::-1], vectors[:, ::-1]
