"""The main program of a dispatcher: reads the call, has an executor run it, and reports."""

import os
import signal
import sys
from collections.abc import Callable

from speechlib.jobs.call import Call, CallError, parse_call
from speechlib.jobs.outcome import Interrupted, Outcome, Refused
from speechlib.jobs.report import Progress, failure_report


def dispatch(
    argv: list[str], usage: str, run_tasks: Callable[[Call, Callable[..., None], float], list[Outcome]]
) -> int:
    """Run what the command line argv asks for.

    Args:
        argv: the program's name and its arguments.
        usage: text for --help, and for a call without arguments.
        run_tasks: called with the call, a function to report progress to, and the seconds between two reports.

    Returns:
        The exit status: 0 if every task's was 0.
    """
    prog = os.path.basename(argv[0])
    if argv[1:] in ([], ["--help"], ["-h"]):
        print(usage, end="", file=sys.stderr if len(argv) == 1 else sys.stdout)
        return 1 if len(argv) == 1 else 0
    progress = None
    try:
        call = parse_call(argv[1:], prog)
        progress = Progress(prog, call)
        outcomes = run_tasks(call, progress, progress.interval)
    except (CallError, Refused) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 1
    except Interrupted as error:
        print(f"{prog}: interrupted by {error}; the jobs of {call.log} were stopped", file=sys.stderr)
        signal.signal(error.signal_number, signal.SIG_DFL)  # so that a calling shell sees the interrupt and stops too
        os.kill(os.getpid(), error.signal_number)
    finally:
        if progress:
            progress.close()
    if any(outcome.code for outcome in outcomes):
        sys.stderr.write(failure_report(prog, call, outcomes))
        return 1
    return 0
