"""Agglomerative clustering that compares merged clusters anew, from their added statistics (Jeon et al., 2009).

No matrix of distances is kept, so that memory grows with the number of utterances alone. Clusters are numbered as they
appear, and of each pair it is the younger cluster that remembers the distance: it looks at all older ones once and
keeps the nearest few, in order. As distances between two clusters never change, its nearest older cluster is the first
on its list that is still there; only when all of these are gone it looks at the older ones again. The closest pair of
all is found by a queue of lower bounds: what is on top is either a pair that exists, which is merged, or a bound that
is made tight and goes back.
"""

from __future__ import annotations

import heapq

import numpy as np

from speechlib.clustering.clusters import Clusters
from speechlib.clustering.distances import Distance

_NEIGHBOURS = 16  # that a cluster remembers
_SMALL = 64  # places at which dead ones are not worth the trouble of leaving them out


def agglomerate(statistics, distance: Distance, stop: float | None = None) -> np.ndarray:
    """Merge the two closest clusters until one is left.

    Args:
        statistics: (items, a, b) of the distance's kind.
        distance: between clusters.
        stop: the merges end before the first at a distance above this.

    Returns:
        (items - 1, 4) tree in scipy's form, fewer rows with `stop`: the two merged clusters (smaller first), their
        distance, the number of items in the result. Distances may fall from one merge to the next. Of equally close
        pairs that with the oldest younger cluster is merged.

    Raises:
        ValueError: statistics that the distance rejects, no utterance, or a distance that is not finite.
    """
    if not len(statistics):
        raise ValueError("no utterance to cluster")
    search = _Search(distance.load(statistics))
    num = len(statistics)
    sizes = [1] * num
    tree = []
    while len(tree) < num - 1:
        height, younger, older = search.closest()
        if stop is not None and height > stop:
            break
        sizes.append(sizes[older] + sizes[younger])
        tree.append((older, younger, height, sizes[-1]))
        search.merge(older, younger)
    return np.array(tree, np.float64).reshape(-1, 4)


class _Search:
    """The closest pair of clusters that come and go.

    Args:
        clusters: one for each item, in places that are theirs.
    """

    def __init__(self, clusters: Clusters):
        self._clusters = clusters
        num = len(clusters)
        self._names = np.arange(num)  # of the clusters in the places; -1 where there is none any more
        self._place = {name: name for name in range(num)}
        self._next = num
        self._lists: dict[int, _Neighbours] = {}
        self._queue: list[tuple[float, int]] = []
        for name in range(1, num):
            self._look(name, slice(0, name))

    def closest(self) -> tuple[float, int, int]:
        """Distance of the closest pair, and its younger and older cluster."""
        while True:
            bound, name = self._queue[0]
            if name not in self._place:
                heapq.heappop(self._queue)
                continue
            known = self._lists[name]
            while known.names and known.names[-1] not in self._place:
                known.names.pop()
                known.distances.pop()
            if known.names and known.distances[-1] == bound:
                return bound, name, known.names[-1]
            heapq.heappop(self._queue)
            if known.names:
                heapq.heappush(self._queue, (known.distances[-1], name))
            elif known.there_are_more and known.rest > bound:
                heapq.heappush(self._queue, (known.rest, name))
            elif known.there_are_more:
                self._look(name, np.flatnonzero((self._names >= 0) & (self._names < name)))

    def merge(self, older: int, younger: int) -> None:
        """Replace two clusters by a new one, whose number is the next."""
        place, left = self._place.pop(older), self._place.pop(younger)
        del self._lists[younger]
        self._lists.pop(older, None)
        self._clusters.merge(place, left)
        self._names[left] = -1
        self._names[place] = name = self._next
        self._place[name] = place
        self._next += 1
        if _SMALL < len(self._names) and len(self._place) < 0.75 * len(self._names):
            self._compact()
        self._look(name, slice(0, len(self._names)))

    def _look(self, name: int, places: slice | np.ndarray) -> None:
        """Find the nearest older clusters of a cluster, among those in some places."""
        distances = self._clusters.distances(self._place[name], places)
        names = self._names[places]
        older = (names >= 0) & (names < name)
        if not older.all():
            distances, names = distances[older], names[older]
        if not np.isfinite(distances).all():
            raise ValueError("a distance between clusters is not finite: look at the statistics")
        known = _Neighbours(distances, names)
        self._lists[name] = known
        if known.names:
            heapq.heappush(self._queue, (known.distances[-1], name))

    def _compact(self) -> None:
        places = np.flatnonzero(self._names >= 0)
        self._clusters.keep(places)
        self._names = self._names[places]
        self._place = dict(zip(self._names.tolist(), range(len(places)), strict=True))


class _Neighbours:
    """The nearest few of some clusters, the nearest last.

    Attributes:
        names, distances: of them.
        there_are_more: clusters than these.
        rest: none of those is nearer than this.
    """

    def __init__(self, distances: np.ndarray, names: np.ndarray):
        self.there_are_more = len(names) > _NEIGHBOURS
        if self.there_are_more:
            nearest = np.argpartition(distances, _NEIGHBOURS)[:_NEIGHBOURS]
            distances, names = distances[nearest], names[nearest]
        order = np.lexsort((names, distances))[::-1]
        self.names: list[int] = names[order].tolist()
        self.distances: list[float] = distances[order].tolist()
        self.rest = self.distances[0] if self.names else np.inf
