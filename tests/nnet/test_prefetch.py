"""Prefetching: order, errors, ending early, time spent waiting."""

import threading
import time

import pytest

from speechlib.nnet.prefetch import Prefetcher


def test_items_come_in_order():
    with Prefetcher(lambda k: k * k, 3, 20, depth=2) as ready:
        assert list(ready) == [k * k for k in range(3, 20)]


def test_an_error_reaches_the_reader_at_its_item():
    def make(k):
        if k == 4:
            raise ValueError("item 4 is bad")
        return k

    seen = []
    with pytest.raises(ValueError, match="item 4 is bad"), Prefetcher(make, 0, 10) as ready:
        for item in ready:
            seen.append(item)
    assert seen == [0, 1, 2, 3]


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    with Prefetcher(lambda k: k, 0, 10**9) as ready:
        assert next(iter(ready)) == 0
    assert threading.active_count() == before


def test_waiting_is_measured():
    with Prefetcher(lambda k: time.sleep(0.05), 0, 4) as slow:
        list(slow)
    assert slow.waited > 0.1
    with Prefetcher(lambda k: k, 0, 4) as quick:
        for _ in quick:
            time.sleep(0.02)
    assert quick.waited < 0.05


def test_several_threads_keep_the_order():
    threads = set()

    def make(k):
        threads.add(threading.current_thread().name)
        time.sleep(0.002 * (k % 3))
        return k

    with Prefetcher(make, 0, 40, num_threads=3) as ready:
        assert list(ready) == list(range(40))
    assert len(threads) == 3


def test_set_up_runs_in_each_thread():
    names = []
    with Prefetcher(
        lambda k: time.sleep(0.01), 0, 10, num_threads=2, set_up=lambda: names.append(threading.current_thread().name)
    ) as ready:
        list(ready)
    assert len(names) == len(set(names)) == 2
