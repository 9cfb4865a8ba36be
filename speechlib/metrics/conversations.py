"""Scores of the clustering of a conversation: I_PUR and I_SPK of Jeon et al. (2009), misclassification, Rand index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speechlib.metrics.clustering import adjusted_rand_index, misclassification_rate


class ConversationScores(NamedTuple):
    """Scores of one conversation; rates and purities are fractions.

    Attributes:
        i_pur: share of the weight (frames) that belongs to the heaviest speaker of its cluster (I_PUR).
        i_pur_utterances: the same with every utterance counted once.
        acp: average cluster purity, sum over clusters c and speakers s of n_cs^2 / n_c over N: the chance that two
            frames of a cluster are of one speaker, weighted by the size of the cluster.
        i_spk: accuracy of the number of speakers, max(0, 1 - |clusters - speakers| / speakers) (I_SPK).
        exact_count: 1 if there are as many clusters as speakers, else 0.
        mr_hungarian, mr_strict: misclassification rates of utterances, see `speechlib.metrics.clustering`.
        ari: adjusted Rand index of the utterances.
        num_speakers, num_clusters, num_utterances: how many there are.
    """

    i_pur: float
    i_pur_utterances: float
    acp: float
    i_spk: float
    exact_count: float
    mr_hungarian: float
    mr_strict: float
    ari: float
    num_speakers: int
    num_clusters: int
    num_utterances: int


def score_conversation(speakers, clusters, weights=None) -> ConversationScores:
    """Score the clusters of one conversation's utterances.

    Args:
        speakers: (utterances,) true speakers, of any sortable type.
        clusters: (utterances,) clusters, of any sortable type.
        weights: (utterances,) what each utterance counts in `i_pur` and `acp`, usually its frames; default: 1.

    Raises:
        ValueError: the lengths differ, there is no utterance, or the weights are negative, not finite or all zero.
    """
    speakers, clusters = np.asarray(speakers), np.asarray(clusters)
    table = _contingency(speakers, clusters, weights)
    counts = table if weights is None else _contingency(speakers, clusters, None)
    num_speakers, num_clusters = table.shape
    totals = table.sum(axis=0)
    filled = totals > 0  # a cluster may hold nothing but utterances of no weight
    return ConversationScores(
        i_pur=float(table.max(axis=0).sum() / table.sum()),
        i_pur_utterances=float(counts.max(axis=0).sum() / counts.sum()),
        acp=float((table[:, filled] ** 2 / totals[filled]).sum() / table.sum()),
        i_spk=speaker_number_accuracy(num_speakers, num_clusters),
        exact_count=float(num_clusters == num_speakers),
        mr_hungarian=misclassification_rate(speakers, clusters, "hungarian"),
        mr_strict=misclassification_rate(speakers, clusters, "strict"),
        ari=adjusted_rand_index(speakers, clusters),
        num_speakers=num_speakers,
        num_clusters=num_clusters,
        num_utterances=len(speakers),
    )


def speaker_number_accuracy(num_speakers: int, num_clusters: int) -> float:
    """I_SPK of one conversation: 1 for the right number, 0 from twice the right number on.

    Jeon et al. (2009) give percentages without a formula; theirs are no multiples of 1/680, one over the number of
    their conversations, so that the plain share of right numbers (`exact_count`) cannot be meant.
    """
    return max(0.0, 1.0 - abs(num_clusters - num_speakers) / num_speakers)


def _contingency(speakers: np.ndarray, clusters: np.ndarray, weights) -> np.ndarray:
    """(speakers, clusters) sums of weights."""
    if speakers.ndim != 1 or speakers.shape != clusters.shape or not speakers.size:
        raise ValueError(
            f"{speakers.shape} speakers and {clusters.shape} clusters: give one of each for at least one utterance"
        )
    weights = np.ones(len(speakers)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != speakers.shape:
        raise ValueError(f"{weights.shape} weights for {speakers.shape} utterances: give one for each")
    if not ((weights >= 0) & np.isfinite(weights)).all() or not weights.any():
        raise ValueError("the weights of the utterances must be finite, not negative and not all zero")
    names, rows = np.unique(speakers, return_inverse=True)
    others, columns = np.unique(clusters, return_inverse=True)
    shape = (len(names), len(others))
    return np.bincount(rows * shape[1] + columns, weights, shape[0] * shape[1]).reshape(shape)
