"""Ending process groups, and a watchdog for what is left when a dispatcher was itself killed (kill -9)."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

_GRACE = 5.0


def end_groups(groups: Iterable[int], grace: float = _GRACE) -> None:
    """SIGTERM to process groups, and SIGKILL to those that are still there after grace seconds."""
    groups = set(groups)
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (groups := _alive(groups)) and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _alive(groups: set[int]) -> set[int]:
    """The groups that still have a process; zombies that nobody reaps do not count where /proc tells them apart."""
    if not os.path.exists("/proc/self/stat"):
        return {group for group in groups if _exists(group)}
    alive = set()
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        with suppress(OSError, ValueError):  # it may end while we look
            with open(f"/proc/{process}/stat", "rb") as stat:
                state, _, group = stat.read().rpartition(b")")[2].split()[:3]
            if state not in (b"Z", b"X"):
                alive.add(int(group))
    return groups & alive


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Guard:
    """A forked process that knows what runs and ends it when its parent vanishes.

    The parent tells it through a pipe, whose end is the parent's end, however it came.
    """

    def __init__(self, end: Callable[[set[str]], None]) -> None:
        """Begin to watch; `end` is called, in the guard, with the names that were added and not removed."""
        reader, self._writer = os.pipe()
        if os.fork() == 0:
            try:
                os.setsid()  # a signal to the dispatcher's group must not end its guard
                os.close(self._writer)
                null = os.open(os.devnull, os.O_RDWR)
                for descriptor in range(3):  # whoever reads the dispatcher's output must not wait for the guard
                    os.dup2(null, descriptor)
                _watch(reader, end)
            finally:
                os._exit(0)
        os.close(reader)

    def add(self, name: int | str) -> None:
        """Something has started: a process group, or jobs of that name."""
        self._tell(f"+{name}\n")

    def remove(self, name: int | str) -> None:
        """It has ended."""
        self._tell(f"-{name}\n")

    def close(self) -> None:
        """Let the guard go; what was not removed is ended."""
        os.close(self._writer)

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # a guard that was killed is no reason to stop the jobs
            os.write(self._writer, line.encode())


def guard_groups() -> Guard:
    """A guard of process groups."""
    return Guard(lambda names: end_groups(map(int, names)))


def _watch(reader: int, end: Callable[[set[str]], None]) -> None:
    names: set[str] = set()
    with os.fdopen(reader) as lines:
        for line in lines:
            (names.add if line[0] == "+" else names.discard)(line[1:-1])
    if names:
        end(names)
