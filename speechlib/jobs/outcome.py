"""What becomes of a task, whoever ran it."""

import signal
from typing import NamedTuple

from speechlib.jobs.call import Task


class Outcome(NamedTuple):
    """How a task ended: its exit code in bash's convention (128 + signal), and a problem that was none of its own."""

    task: Task
    code: int
    problem: str = ""


class Interrupted(Exception):
    """The dispatcher was told to stop, and its tasks are gone."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number


class Refused(Exception):
    """The scheduler did not take the job; the message is its own.

    Attributes:
        is_certain: it said so; a scheduler that was too busy to answer may have taken the job all the same.
    """

    def __init__(self, message: str, is_certain: bool) -> None:
        super().__init__(message)
        self.is_certain = is_certain
