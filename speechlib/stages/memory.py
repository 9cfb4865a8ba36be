"""The peak memory of everything below a process, sampled: the stage runner's companion (utils/stages.sh).

Usage: memory.py <process id>. Reads words from standard input; answers peak with a line such as "310 MiB", bytes with
the same as a plain number, and children with the number of processes below the watched one. The line `lock <file>`, a
tab and words on the run takes the run's lock (run_lock.py), which this process holds from then on; the answer is an
empty line, or what the lock says of another run. It ends with its input; unless the word bye came before, the watched
process was killed, and so are then the processes that it has left behind: until they are gone, the lock is held.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

# As a program it stands in speechlib/stages, and is started without the user's search path.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))

from speechlib.stages.run_lock import take_lock  # noqa: E402

_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVALS = (0.1, 0.5)  # at a stage's start, and later: short stages are seen, long ones are not disturbed
_SHORT = 20
_ENDING = 10.0  # seconds in which processes follow a SIGTERM


def descendants(root: int) -> dict[int, int]:
    """Processes below root, itself included but this one not, with their start times (as numbers are used again)."""
    parents, started = {}, {}
    if not os.path.isdir("/proc"):  # not Linux: nothing is known
        return {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with suppress(OSError, ValueError, IndexError):  # it may end while we look
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
                if fields[0] != b"Z":
                    parents[int(name)], started[int(name)] = int(fields[1]), int(fields[19])
    children: dict[int, list[int]] = {}
    for process, parent in parents.items():
        children.setdefault(parent, []).append(process)
    found = [root]
    for process in found:
        found += children.get(process, [])
    return {process: started[process] for process in found if process in started}


def memory_bytes(processes: Iterable[int]) -> int:
    """Memory of processes together; what they share (libraries) is counted once, as the largest share of one."""
    own, shared = 0, [0]
    for process in processes:
        with suppress(OSError, ValueError):
            with open(f"/proc/{process}/statm", "rb") as statm:
                _, resident_pages, shared_pages = map(int, statm.read().split()[:3])
            own += resident_pages - shared_pages
            shared.append(shared_pages)
    return (own + max(shared)) * _PAGE


def as_text(size: int) -> str:
    """A number of bytes in words."""
    mebibytes = size / (1 << 20)
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 10240 else f"{mebibytes:.0f} MiB"


def end_processes(processes: dict[int, int]) -> None:
    """SIGTERM to those of the processes that are still the same ones, and wait for their end."""
    left = {process for process, started in processes.items() if _is_same(process, started)}
    for process in left:
        with suppress(OSError):
            os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + _ENDING
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = {process for process in left if _is_same(process, processes[process])}


def _is_same(process: int, started: int) -> bool:
    """Whether a process lives and is the one that started then."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return fields[0] != b"Z" and int(fields[19]) == started
    except (OSError, IndexError):
        return False


def _lock(path: str, holder: str) -> str:
    try:
        return take_lock(path, holder)
    except OSError as error:
        return f"error {error.strerror}"


def main(root: int) -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # the end of the input counts, not the terminal's
        signal.signal(number, signal.SIG_IGN)
    peak = samples = 0
    processes: dict[int, int] = {}
    pending = b""
    while True:
        ready, _, _ = select.select([0], [], [], _INTERVALS[samples > _SHORT])
        received = os.read(0, 4096) if ready else b""
        if ready and not received:
            break
        processes = descendants(root)
        now, samples = memory_bytes(processes), samples + 1
        peak = max(peak, now)
        *words, pending = (pending + received).split(b"\n")
        for word in words:
            if word == b"reset":
                peak, samples = now, 0
            elif word == b"bye":
                return
            elif word == b"children":
                os.write(1, b"%d\n" % max(0, len(processes) - 1))
            elif word == b"bytes":
                os.write(1, b"%d\n" % peak)
            elif word.startswith(b"lock "):
                path, _, holder = os.fsdecode(word[5:]).partition("\t")
                os.write(1, os.fsencode(f"{_lock(path, holder)}\n"))
            elif word == b"peak":
                os.write(1, as_text(peak).encode() + b"\n")
    processes.pop(root, None)
    end_processes(processes)


if __name__ == "__main__":
    main(int(sys.argv[1]))
