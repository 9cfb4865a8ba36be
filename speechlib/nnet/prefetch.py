"""Batches made ahead by threads while the network computes; what the network still waits is measured."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Iterates over make(first), make(first + 1), ..., make(last - 1), a few of them ahead of the reader.

    They come in order whatever the number of threads, so that the result does not depend on timing as long as each is
    a function of its number. Use it in a `with` block: leaving it ends the threads.

    Args:
        make: makes item k; called from a thread. What it raises is raised to the reader at item k.
        first, last: range of k.
        depth: items kept ready, or in the making.
        num_threads: that make them.
        set_up: called once in each thread before it makes anything.
    """

    def __init__(
        self,
        make: Callable[[int], T],
        first: int,
        last: int,
        depth: int = 4,
        num_threads: int = 1,
        set_up: Callable[[], None] = lambda: None,
    ):
        self.waited = 0.0  # seconds that the reader spent waiting
        self._make, self._next, self._last = make, first, last
        self._depth = max(depth, num_threads)
        self._ready: deque[Future] = deque()
        self._threads = ThreadPoolExecutor(num_threads, "prefetch", initializer=set_up)

    def __enter__(self) -> Prefetcher[T]:
        self._fill()
        return self

    def __exit__(self, *exception) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __iter__(self) -> Iterator[T]:
        while self._ready:
            start = time.perf_counter()
            item = self._ready.popleft().result()
            self.waited += time.perf_counter() - start
            self._fill()
            yield item

    def _fill(self) -> None:
        while self._next < self._last and len(self._ready) < self._depth:
            self._ready.append(self._threads.submit(self._make, self._next))
            self._next += 1
