"""Run a scheduler's commands, kept from the terminal's signals."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from speechlib.jobs.outcome import Refused

_LIMIT = 120.0  # seconds
_WAITS = (1, 2, 4, 8, 15, 30, 60, 120)  # seconds between attempts to submit to a busy scheduler


def run_command(words: list[str], text: str = "", environment: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command with text on its standard input.

    Ctrl-C on the terminal must not reach a submission that is under way: it is started in a session of its own.

    Returns:
        Its exit status (127: there is no such program; 124: no answer in time), standard output and standard error.
    """
    try:
        done = subprocess.run(
            words, input=os.fsencode(text), capture_output=True, timeout=_LIMIT, start_new_session=True, env=environment
        )
    except subprocess.TimeoutExpired:
        return 124, "", f"no answer in {_LIMIT:.0f} seconds"
    except OSError as error:
        return 127, "", f"{error.strerror}; is this a host that can submit jobs?"
    return done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)


def submit(
    words: list[str],
    script: str,
    environment: dict[str, str],
    log: str,
    job_id: re.Pattern[str],
    busy: re.Pattern[str],
    taken: Callable[[], Iterable[str]],
) -> str:
    """Submit a script, again and again while the scheduler is busy.

    Args:
        words: the submitting command.
        script: text of the job.
        environment: variables of the command.
        log: of the call, for messages.
        job_id: where the command's output has the job's id, as group 1.
        busy: what the command says when another attempt may do.
        taken: ids of this call's jobs that the scheduler knows: an attempt may have arrived without an answer.

    Returns:
        The job's id.

    Raises:
        Refused: the scheduler says no.
    """
    for wait in (*_WAITS, None):
        code, output, error = run_command(words, script, environment)
        job = job_id.search(output)
        if code == 0 and job:
            return job[1]
        said = " ".join((error or output).split())
        is_busy = busy.search(said) is not None
        if wait is None or not is_busy:
            raise Refused(f"{words[0]} refused {log}: {said or f'exit status {code}'}", is_certain=not is_busy)
        print(f"{words[0]}: {said}: trying again in {wait} s", file=sys.stderr, flush=True)
        time.sleep(wait)
        for found in taken():
            return found
    raise AssertionError


def clock(seconds: int) -> str:
    """Seconds as hours:minutes:seconds, which schedulers read."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
