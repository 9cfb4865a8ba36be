"""Calls in fresh processes, one call each: a library with global state then gives the same result every time."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any


def _call(function: Callable[..., Any], arguments: tuple, sender: Connection) -> None:
    try:
        sender.send((True, function(*arguments)))
    except Exception as error:  # any: it is raised again in the parent
        sender.send((False, error))


def run_isolated(function: Callable[..., Any], calls: Sequence[tuple], processes: int) -> list[Any]:
    """`[function(*arguments) for arguments in calls]`, every call in a new process, at most `processes` at a time.

    Raises:
        RuntimeError: a process died without an answer (killed, or crashed in a library).
        Exception: whatever a call raised; the calls that run then are stopped.
    """
    # Forking spares every child its imports, and is safe as long as this process runs no threads that hold locks.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    results: list[Any] = [None] * len(calls)
    running: dict[Connection, tuple[int, multiprocessing.process.BaseProcess]] = {}
    waiting = iter(enumerate(calls))
    try:
        while True:
            while len(running) < processes and (entry := next(waiting, None)) is not None:
                index, arguments = entry
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_call, args=(function, arguments, sender))
                process.start()
                sender.close()
                running[receiver] = (index, process)
            if not running:
                return results
            for receiver in wait(list(running)):
                index, process = running[receiver]
                try:
                    succeeded, value = receiver.recv()
                except EOFError:
                    process.join()
                    raise RuntimeError(f"process {index + 1} of {len(calls)} died (code {process.exitcode})") from None
                if not succeeded:
                    raise value
                process.join()
                receiver.close()
                del running[receiver]
                results[index] = value
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
