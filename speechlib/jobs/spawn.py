"""Start a task's script in a process group of its own."""

import os
from contextlib import suppress

from speechlib.jobs.signals import DEFAULT_IN_JOBS


def spawn_bash(script: str, log: int, environment: dict[str, str]) -> int:
    """Start bash in a session of its own and hand it the script on its standard input, which has no length limit.

    Args:
        script: the text that bash is to run.
        log: descriptor of its standard output and error.
        environment: all of its variables.

    Returns:
        Its process id, which is also its process group's.
    """
    reader, writer = os.pipe()
    try:
        process = os.posix_spawnp(
            "bash",
            ["bash"],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, *pair) for pair in ((reader, 0), (log, 1), (log, 2))],
            setsid=True,
            setsigmask=[],
            setsigdef=DEFAULT_IN_JOBS,
        )
    except OSError:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    with suppress(BrokenPipeError), os.fdopen(writer, "wb") as stream:
        stream.write(os.fsencode(script))
    return process
