"""What a dispatcher tells its user: progress, which tasks failed, why, and the end of the failing task's log."""

import os
import signal
import sys

from speechlib.jobs.call import Call
from speechlib.jobs.outcome import Outcome
from speechlib.jobs.script import signal_number

_TAIL_LINES = 10
_TAIL_BYTES = 1 << 16
_MAX_LISTED = 10
_FRAME = (b"# Accounting: ", b"# Ended (code ")


class Progress:
    """Progress on standard error: a line that renews itself on a terminal, else a line a minute."""

    def __init__(self, prog: str, call: Call) -> None:
        self._prog = prog
        self._call = call
        self._terminal = sys.stderr.isatty()
        self._shown = False
        self.interval = 5.0 if self._terminal else 60.0

    def __call__(self, ended: int, failed: int, elapsed: float, note: str = "") -> None:
        """Show that `ended` tasks, `failed` of them in vain, have taken `elapsed` seconds."""
        total = self._call.num_tasks
        text = f"{self._prog}: {self._call.log}: {ended} of {total} ended"
        text += f", {failed} failed" if failed else ""
        text += f", {note}" if note else ""
        text += f", {_clock(elapsed)}"
        text += f", about {_clock(elapsed / ended * (total - ended))} left" if 0 < ended < total else ""
        self._shown = True
        sys.stderr.write(f"\r\033[K{text}" if self._terminal else f"{text}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Clear the terminal's line."""
        if self._terminal and self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def failure_report(prog: str, call: Call, outcomes: list[Outcome]) -> str:
    """Text on the tasks that failed: how many and which, and the first one's reason and last log lines."""
    failed = [outcome for outcome in outcomes if outcome.code]
    first = failed[0]
    if call.num_tasks == 1:
        head = f"{prog}: the job"
    else:
        numbers = [str(outcome.task.number) for outcome in failed]
        listed = ", ".join(numbers[:_MAX_LISTED]) + (", ..." if len(numbers) > _MAX_LISTED else "")
        head = f"{prog}: {len(failed)} of {call.num_tasks} jobs failed ({call.name}={listed}); number {numbers[0]}"
    where = "" if first.task.log in first.problem else f"; its log is {first.task.log}"
    lines = [f"{head} {_reason(first)}{where}"]
    lines += [f"    {line}" for line in _tail(first.task.log)]
    if call.name is None and "JOB" in " ".join(call.arguments):
        lines.append(f"{prog}: the command has the word JOB in it: was JOB=1:$nj forgotten before the log?")
    return "\n".join(lines) + "\n"


def _reason(outcome: Outcome) -> str:
    if outcome.problem:
        return outcome.problem
    number = signal_number(outcome.code)
    if number in set(signal.Signals):
        why = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was killed by {signal.Signals(number).name}{why}"
    what = {126: " (not executable)", 127: " (command not found)"}.get(outcome.code, "")
    return f"ended with code {outcome.code}{what}"


def _tail(log: str) -> list[str]:
    """The last lines that the command itself wrote; of a progress bar its last state."""
    try:
        with open(log, "rb") as stream:
            start = max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES)
            stream.seek(start)
            lines = stream.read().splitlines()
    except OSError:
        return []
    if start == 0 and b"#" in lines:  # the header ends with a line of just that
        del lines[: lines.index(b"#") + 1]
    own = [line.rpartition(b"\r")[2] for line in lines if line.strip() and not line.startswith(_FRAME)]
    return [os.fsdecode(line) for line in own[-_TAIL_LINES:]]


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

