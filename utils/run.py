#!/usr/bin/env python3
"""Run a command on this machine, once or as an array of parallel jobs, each with its log.

Usage: utils/run.py [options] [JOB=1:4] [options] <log-file> <command> [<argument> ...]
 e.g.: utils/run.py --num-threads 2 JOB=1:4 exp/log/sort.JOB.log sort in.JOB.txt \\| uniq -c \\> out.JOB.txt
Options:
  --max-jobs-run N   jobs at one time (default: cores / threads, as far as --mem and --gpu allow)
  --num-threads N    threads a job (default: 1 in an array, else whatever the command takes)
  --mem 4G           memory that a job needs
  --gpu N            GPUs a job; one job at a time where there is none
  --time 1:00:00     for schedulers; passed over here, like their own options (-l, -q, -pe, -tc, ...)

The word JOB (any word will do) becomes the job's number in every argument and in the log's name. An argument that is
just an operator of the shell (|, >, 2>&1, &&, ;) acts as one; all others reach the command unchanged. The exit status
is 0 only if every job's is. The calling convention is that of Kaldi's run.pl.
"""

import os
import signal
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.jobs.call import CallError, parse_call  # noqa: E402
from speechlib.jobs.local import Interrupted, run_tasks  # noqa: E402
from speechlib.jobs.report import Progress, failure_report  # noqa: E402


def main(argv: list[str]) -> int:
    prog = os.path.basename(argv[0])
    if argv[1:] in ([], ["--help"], ["-h"]):
        print(__doc__, end="", file=sys.stderr if len(argv) == 1 else sys.stdout)
        return 1 if len(argv) == 1 else 0
    try:
        call = parse_call(argv[1:], prog)
    except CallError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 1
    progress = Progress(prog, call)
    try:
        outcomes = run_tasks(call, progress, progress.interval)
    except Interrupted as error:
        print(f"{prog}: interrupted by {error}; the jobs of {call.log} were stopped", file=sys.stderr)
        signal.signal(error.signal_number, signal.SIG_DFL)  # so that a calling shell sees the interrupt and stops too
        os.kill(os.getpid(), error.signal_number)
    finally:
        progress.close()
    if any(outcome.code for outcome in outcomes):
        sys.stderr.write(failure_report(prog, call, outcomes))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
