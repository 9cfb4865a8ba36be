"""Misclassification rate of a clustering: strict (Lukic et al., 2016) and by best assignment; purity, Rand index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("strict", "hungarian")


@dataclass(frozen=True)
class CutScores:
    """Scores of every cut of one tree; entry `k` belongs to the clustering after the first `k` merges.

    Attributes:
        num_clusters: (segments,) from the number of segments down to 1.
        strict: (segments,) strict misclassification rates.
        hungarian: (segments,) misclassification rates under the best one-to-one assignment.
        purity: (segments,) shares of segments that belong to their cluster's most frequent speaker.
    """

    num_clusters: np.ndarray
    strict: np.ndarray
    hungarian: np.ndarray
    purity: np.ndarray

    def misclassification(self, kind: str) -> np.ndarray:
        """The curve of one kind, `strict` or `hungarian`."""
        _check_kind(kind)
        return self.strict if kind == "strict" else self.hungarian


def misclassified(reference, hypothesis, kind: str = "strict") -> np.ndarray:
    """Say of every segment whether it is misclassified.

    `strict` is the measure behind the numbers of Lukic et al. (2016), section 4: a segment is right only if its cluster
    holds all segments of its speaker and no other. `hungarian` assigns clusters to speakers one to one so that as many
    segments as possible are right; segments of unmatched clusters and of unmatched speakers are wrong. Where several
    assignments are equally good the count of errors is the same, but not which segments they are.

    Args:
        reference: (segments,) speakers, of any sortable type.
        hypothesis: (segments,) clusters, of any sortable type.
        kind: `strict` or `hungarian`.

    Returns:
        (segments,) booleans, true where the segment is wrong.

    Raises:
        ValueError: the lengths differ, there is no segment, or `kind` is unknown.
    """
    _check_kind(kind)
    table = _Contingency(reference, hypothesis)
    if kind == "strict":
        whole = table.counts == np.maximum(table.speaker_sizes[table.speakers], table.cluster_sizes[table.clusters])
        return ~whole[table.cell_of_segment]
    cluster_of_speaker = table.best_assignment()
    return cluster_of_speaker[table.speaker_of_segment] != table.cluster_of_segment


def misclassification_rate(reference, hypothesis, kind: str = "strict") -> float:
    """Share of misclassified segments, between 0 and 1; see `misclassified` for the kinds and the errors."""
    return float(np.mean(misclassified(reference, hypothesis, kind)))


def purity(reference, hypothesis) -> float:
    """Share of segments that belong to the most frequent speaker of their cluster; 1 for singletons, so never alone."""
    table = _Contingency(reference, hypothesis)
    largest = np.zeros(len(table.cluster_sizes), dtype=np.int64)
    np.maximum.at(largest, table.clusters, table.counts)
    return float(largest.sum() / table.num_segments)


def adjusted_rand_index(reference, hypothesis) -> float:
    """Agreement of two partitions corrected for chance (Hubert and Arabie, 1985): 1 if equal, about 0 if unrelated."""
    table = _Contingency(reference, hypothesis)

    def pairs(sizes: np.ndarray) -> float:
        sizes = sizes.astype(np.float64)
        return float(np.sum(sizes * (sizes - 1.0)) / 2.0)

    together, by_speaker, by_cluster = pairs(table.counts), pairs(table.speaker_sizes), pairs(table.cluster_sizes)
    total = table.num_segments * (table.num_segments - 1.0) / 2.0
    if total == 0.0:
        return 1.0
    expected = by_speaker * by_cluster / total
    highest = (by_speaker + by_cluster) / 2.0
    # Both partitions are all singletons, or both are one cluster: equal, and the quotient is 0 / 0.
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def score_cuts(reference, merges) -> CutScores:
    """Score the clustering at every cut of a tree.

    Strict rate and purity follow the merges in O(segments log segments). The best assignment falls apart into the
    connected components of speakers and clusters that share segments; a merge touches one component, so only that one
    is assigned anew.

    Args:
        reference: (segments,) speakers.
        merges: (segments - 1, 2 or more) the two clusters that each step merges, in scipy's numbering: the segments are
            clusters 0..N-1, step `k` makes cluster N + k. Further columns are ignored.

    Returns:
        The scores of all cuts, from singletons to one cluster.

    Raises:
        ValueError: the tree does not fit the reference or is not a tree.
    """
    _, speakers = np.unique(np.asarray(reference), return_inverse=True)
    speakers = speakers.reshape(-1).tolist()
    pairs = _check_merges(len(speakers), merges)
    num_segments = len(speakers)
    return CutScores(
        num_clusters=np.arange(num_segments, 0, -1),
        strict=(num_segments - _strict_right(speakers, pairs)) / num_segments,
        hungarian=(num_segments - _hungarian_right(speakers, pairs)) / num_segments,
        purity=_dominant(speakers, pairs) / num_segments,
    )


def _strict_right(speakers: list[int], pairs: list[tuple[int, int]]) -> np.ndarray:
    """Segments in whole and pure clusters after 0, 1, ... merges."""
    mixed = -1
    speaker_sizes = np.bincount(speakers).tolist()
    owner, size = list(speakers), [1] * len(speakers)

    def right_in(cluster: int) -> int:
        whole = owner[cluster] != mixed and size[cluster] == speaker_sizes[owner[cluster]]
        return size[cluster] if whole else 0

    counts = [sum(right_in(cluster) for cluster in range(len(speakers)))]
    for first, second in pairs:
        owner.append(owner[first] if owner[first] == owner[second] else mixed)
        size.append(size[first] + size[second])
        counts.append(counts[-1] - right_in(first) - right_in(second) + right_in(len(size) - 1))
    return np.array(counts)


def _dominant(speakers: list[int], pairs: list[tuple[int, int]]) -> np.ndarray:
    """Sum over clusters of their most frequent speaker's segments after 0, 1, ... merges."""
    histograms: list[dict[int, int] | None] = [{speaker: 1} for speaker in speakers]
    largest = [1] * len(speakers)
    sums = [len(speakers)]
    for first, second in pairs:
        big, small = histograms[first], histograms[second]
        if len(big) < len(small):
            big, small = small, big
        top = max(largest[first], largest[second])
        for speaker, count in small.items():
            big[speaker] = big.get(speaker, 0) + count
            top = max(top, big[speaker])
        histograms[first] = histograms[second] = None
        histograms.append(big)
        largest.append(top)
        sums.append(sums[-1] - largest[first] - largest[second] + top)
    return np.array(sums)


class _Component:
    """Speakers and clusters that hang together through shared segments, and the value of their best assignment."""

    def __init__(self, clusters: list[int], table: np.ndarray):
        self.clusters = clusters
        self.table = table  # (speakers, clusters) numbers of segments
        self.right = self._assign()

    def _assign(self) -> int:
        if min(self.table.shape) == 1:
            return int(self.table.max())
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(self.table, maximize=True)
        return int(self.table[rows, columns].sum())

    def joined(self, other: _Component) -> _Component:
        """The two side by side, not yet assigned: a merge follows."""
        both = object.__new__(_Component)
        both.clusters = self.clusters + other.clusters
        both.table = np.zeros(np.add(self.table.shape, other.table.shape), dtype=np.int64)
        both.table[: self.table.shape[0], : self.table.shape[1]] = self.table
        both.table[self.table.shape[0] :, self.table.shape[1] :] = other.table
        return both

    def merged(self, first: int, second: int, new: int) -> _Component:
        """The component after two of its clusters have become one."""
        kept, dropped = self.clusters.index(first), self.clusters.index(second)
        table = np.delete(self.table, dropped, axis=1)
        table[:, kept - (dropped < kept)] += self.table[:, dropped]
        clusters = [new if cluster == first else cluster for cluster in self.clusters if cluster != second]
        return _Component(clusters, table)


def _hungarian_right(speakers: list[int], pairs: list[tuple[int, int]]) -> np.ndarray:
    """Segments that the best assignment gets right after 0, 1, ... merges."""
    segments_of: dict[int, list[int]] = {}
    for segment, speaker in enumerate(speakers):
        segments_of.setdefault(speaker, []).append(segment)
    component_of: dict[int, _Component] = {}
    for segments in segments_of.values():
        component = _Component(segments, np.ones((1, len(segments)), dtype=np.int64))
        component_of.update(dict.fromkeys(segments, component))
    counts = [len(segments_of)]
    for step, (first, second) in enumerate(pairs):
        new = len(speakers) + step
        old, other = component_of[first], component_of[second]
        before = old.right if old is other else old.right + other.right
        whole = old if old is other else old.joined(other)
        component = whole.merged(first, second, new)
        for cluster in (first, second):
            del component_of[cluster]
        component_of.update(dict.fromkeys(component.clusters, component))
        counts.append(counts[-1] - before + component.right)
    return np.array(counts)


class _Contingency:
    """The sparse table of speakers against clusters; only cells that hold segments are kept."""

    def __init__(self, reference, hypothesis):
        reference, hypothesis = np.asarray(reference), np.asarray(hypothesis)
        if reference.ndim != 1 or reference.shape != hypothesis.shape:
            raise ValueError(
                f"reference has shape {reference.shape} and hypothesis {hypothesis.shape}: give one label per segment"
            )
        if reference.size == 0:
            raise ValueError("no segment to score")
        self.num_segments = reference.size
        _, self.speaker_of_segment, self.speaker_sizes = np.unique(reference, return_inverse=True, return_counts=True)
        _, self.cluster_of_segment, self.cluster_sizes = np.unique(hypothesis, return_inverse=True, return_counts=True)
        num_clusters = len(self.cluster_sizes)
        cells, self.cell_of_segment, self.counts = np.unique(
            self.speaker_of_segment.astype(np.int64) * num_clusters + self.cluster_of_segment,
            return_inverse=True,
            return_counts=True,
        )
        self.speakers, self.clusters = np.divmod(cells, num_clusters)

    def best_assignment(self) -> np.ndarray:
        """(speakers,) the cluster that the best one-to-one assignment gives to each speaker, -1 for none."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import min_weight_full_bipartite_matching

        # The sparse solver wants every speaker matched and no weight of zero: each gets a private column worth nothing,
        # and all costs are counted from above the dearest cell.
        num_speakers, num_clusters = len(self.speaker_sizes), len(self.cluster_sizes)
        above = float(self.counts.max()) + 1.0
        rows = np.concatenate([self.speakers, np.arange(num_speakers)])
        columns = np.concatenate([self.clusters, num_clusters + np.arange(num_speakers)])
        costs = np.concatenate([above - self.counts, np.full(num_speakers, above)])
        shape = (num_speakers, num_clusters + num_speakers)
        matched_rows, matched_columns = min_weight_full_bipartite_matching(coo_array((costs, (rows, columns)), shape))
        assignment = np.full(num_speakers, -1, dtype=np.int64)
        assignment[matched_rows] = np.where(matched_columns < num_clusters, matched_columns, -1)
        return assignment


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of misclassification rate {kind!r}: give one of {', '.join(KINDS)}")


def _check_merges(num_segments: int, merges) -> list[tuple[int, int]]:
    """The merges as pairs of integers; an error if they are not a tree over the segments."""
    merges = np.asarray(merges)
    if num_segments == 0:
        raise ValueError("no segment to score")
    if merges.ndim != 2 or merges.shape[0] != num_segments - 1 or (merges.size and merges.shape[1] < 2):
        raise ValueError(
            f"{num_segments} segments need a tree of {num_segments - 1} merges, got an array of shape {merges.shape}"
        )
    pairs = [(int(first), int(second)) for first, second in merges[:, :2]]
    used: set[int] = set()
    for step, pair in enumerate(pairs):
        for cluster in pair:
            if not 0 <= cluster < num_segments + step or cluster in used:
                raise ValueError(f"merge {step} names cluster {cluster}, which is not there (any more)")
            used.add(cluster)
    return pairs
