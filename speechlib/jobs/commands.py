"""Run a scheduler's commands, kept from the terminal's signals."""

import os
import subprocess

_LIMIT = 120.0  # seconds


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


def clock(seconds: int) -> str:
    """Seconds as hours:minutes:seconds, which schedulers read."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
