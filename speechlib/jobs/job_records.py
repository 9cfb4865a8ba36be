"""What became of each dispatched task, a line a task: the dispatchers append, the stage runner's records take it in."""

import os
from typing import NamedTuple

VARIABLE = "SPEECHLIB_JOB_RECORDS"  # the file's name; what a task itself dispatches is a part of it, and is not noted


class JobRecord(NamedTuple):
    """One task: its log, where it ran, how it ended, and what it took.

    Attributes:
        log: its log file.
        host: name of the machine.
        code: exit code in bash's convention.
        wall: seconds from its start to its end.
        cpu: seconds of processor time, its children's included.
        peak: bytes of its largest process.
        threads: threads it was given.
        is_child: it ran below the caller, whose own account of processor time has it already.
    """

    log: str
    host: str
    code: int
    wall: float
    cpu: float
    peak: int
    threads: int
    is_child: bool


def append(
    log: str, host: str, code: int, wall: float, cpu: float, peak: int, threads: int, is_child: bool = False
) -> None:
    """Note a task, if the caller's environment asks for it; that it cannot be noted fails no task.

    Args:
        log, host, code, wall, cpu, peak, threads, is_child: as in JobRecord.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    name = log.replace("\t", " ").replace("\n", " ")
    line = f"{name}\t{host}\t{code}\t{wall:.3f}\t{cpu:.3f}\t{peak}\t{threads}\t{is_child:d}\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    try:
        os.write(file, os.fsencode(line))  # whole, beside what other dispatchers write
    except OSError:
        pass
    finally:
        os.close(file)


def read_jobs(path: str) -> list[JobRecord]:
    """The tasks in a file, in the order of their ends; what is no such line (a full disk) is passed over."""
    jobs = []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            log, host, code, wall, cpu, peak, threads, is_child = line.split("\t")
            jobs.append(
                JobRecord(log, host, int(code), float(wall), float(cpu), int(peak), int(threads), is_child == "1")
            )
        except ValueError:
            continue
    return jobs
