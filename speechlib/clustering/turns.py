"""Speaker turns from the clusters of segments that overlap or touch (Kaldi's diarization/make_rttm.py)."""

from __future__ import annotations

from collections.abc import Iterable

Piece = tuple[float, float, str]  # start, end, cluster
_TOUCHING = 1e-6  # seconds: times in files are rounded


def turns_of_segments(segments: Iterable[Piece], split_overlaps: bool = True) -> list[Piece]:
    """Join the segments of one recording to the turns of its clusters.

    Args:
        segments: (start, end, cluster) in seconds, in any order.
        split_overlaps: for windows that overlap though one speaks at a time: what two neighbours share is split in the
            middle, the first half to the first. A segment within another takes the second half of its own stretch, and
            the outer one goes on behind it. Otherwise overlaps stay, and only segments of one cluster are joined.

    Returns:
        (start, end, cluster), sorted by start; turns of one cluster neither overlap nor touch.
    """
    pieces = sorted(segments)
    return _joined(_without_overlaps(pieces) if split_overlaps else pieces)


def _without_overlaps(pieces: list[Piece]) -> list[Piece]:
    waiting = pieces[::-1]  # the next one last
    done: list[Piece] = []
    while waiting:
        start, end, cluster = waiting.pop()
        if waiting and waiting[-1][0] < end:
            next_start, next_end, next_cluster = waiting.pop()
            middle = max((next_start + min(end, next_end)) / 2, start)
            if next_end < end:
                _insert(waiting, (next_end, end, cluster))
            waiting.append((middle, max(next_end, middle), next_cluster))
            end = middle
        if end > start:
            done.append((start, end, cluster))
    return done


def _insert(waiting: list[Piece], piece: Piece) -> None:
    """Put a piece back where its start belongs."""
    place = len(waiting)
    while place and waiting[place - 1][0] < piece[0]:
        place -= 1
    waiting.insert(place, piece)


def _joined(pieces: list[Piece]) -> list[Piece]:
    last: dict[str, int] = {}
    turns: list[Piece] = []
    for start, end, cluster in pieces:
        index = last.get(cluster)
        if index is not None and start <= turns[index][1] + _TOUCHING:
            turns[index] = (turns[index][0], max(turns[index][1], end), cluster)
        else:
            last[cluster] = len(turns)
            turns.append((start, end, cluster))
    return sorted(turns)
