"""SIGUSR1 and SIGTERM as a wish that long work looks at when it can stop without loss.

SIGUSR1 is what a scheduler sends some time before a time limit: the work is to be run again, which the exit status 75
(EX_TEMPFAIL of sysexits.h) tells. SIGTERM is a cancellation: 143, as a shell reports it.
"""

from __future__ import annotations

import signal
import threading

STATUSES = {signal.SIGUSR1: 75, signal.SIGTERM: 143}  # the greater one counts where both came


class StopSignals:
    """Within its `with` block, the signals are noted instead of ending the process.

    Elsewhere than in the main thread, where Python handles no signals, nothing changes.
    """

    def __init__(self) -> None:
        self._status, self._before = 0, {}

    def status(self) -> int:
        """The exit status that was asked for, or 0: go on."""
        return self._status

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in STATUSES}
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self._status = max(self._status, STATUSES[signal.Signals(number)])
