"""Signals as bytes of a pipe: no handler ever runs between two lines of ours."""

import os
import signal

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Python ignores the first two and a background shell the others; a job must meet them as from a plain shell.
DEFAULT_IN_JOBS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT)


def signals_to_pipe(*more: int) -> int:
    """The reading end of a pipe that gets a byte for each SIGCHLD, each signal to stop, and those of `more`."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in (signal.SIGCHLD, *STOPPING, *more):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader
