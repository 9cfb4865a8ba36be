"""How a training ends early: all its processes after the same update, with what they need to go on handed over."""

from __future__ import annotations

from collections.abc import Callable

import torch

from speechlib.nnet.distributed import Group


class Stopped(SystemExit):
    """A training was told to stop, and its checkpoint was handed over.

    Its code is what it was told with: where nobody catches it, the process ends with this exit status.
    """


class StopVote:
    """Asks every process before each update whether to stop; all get one answer: the greatest.

    Several processes get it an update later: the exchange goes on beside the update, and nobody waits for it.

    Args:
        group: the processes.
        ask: an exit status, or 0 to go on; of this process.
    """

    def __init__(self, group: Group, ask: Callable[[], int]):
        self._group, self._ask = group, ask
        self._answer: torch.Tensor | None = None
        self._exchange = None

    def __call__(self) -> int:
        """The exit status to stop with, or 0."""
        if self._group.size == 1:
            return self._ask()
        status = self.close()
        if not status:
            self._answer = torch.tensor(self._ask())
            self._exchange = self._group.take_greatest(self._answer)
        return status

    def close(self) -> int:
        """End the exchange that is under way, after the last update; its answer."""
        if self._exchange is None:
            return 0
        self._exchange.wait()
        self._exchange = None
        return int(self._answer)
