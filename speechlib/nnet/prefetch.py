"""Batches made ahead by a thread while the network computes; what the network still waits is measured."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Iterates over make(first), make(first + 1), ..., make(last - 1), a few of them ahead of the reader.

    One thread makes them in order, so that the result does not depend on timing. Use it in a `with` block: leaving it
    ends the thread.

    Args:
        make: makes item k; called from the thread. What it raises is raised to the reader at item k.
        first, last: range of k.
        depth: items kept ready.
    """

    def __init__(self, make: Callable[[int], T], first: int, last: int, depth: int = 4):
        self.waited = 0.0  # seconds that the reader spent waiting
        self._make, self._first, self._last = make, first, last
        self._ready: queue.Queue = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def __enter__(self) -> Prefetcher[T]:
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        for _ in range(self._first, self._last):
            start = time.perf_counter()
            item, error = self._ready.get()
            self.waited += time.perf_counter() - start
            if error is not None:
                raise error
            yield item

    def _work(self) -> None:
        for number in range(self._first, self._last):
            try:
                entry = self._make(number), None
            except Exception as error:  # whatever it is, the reader's side must learn of it instead of waiting for ever
                entry = None, error
            while not self._stopped.is_set():
                try:
                    self._ready.put(entry, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if self._stopped.is_set() or entry[1] is not None:
                return
