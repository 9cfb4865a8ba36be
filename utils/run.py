#!/usr/bin/env python3
"""Run a command on this machine, once or as an array of parallel jobs, each with its log.

Usage: utils/run.py [options] [JOB=1:4] [options] <log-file> <command> [<argument> ...]
 e.g.: utils/run.py --num-threads 2 JOB=1:4 exp/log/sort.JOB.log sort in.JOB.txt \\| uniq -c \\> out.JOB.txt
Options:
  --max-jobs-run N   jobs at one time (default: cores / threads, as far as --mem and --gpu allow)
  --num-threads N    threads a job (default: 1 in an array, else whatever the command takes)
  --mem 4G           memory that a job needs
  --gpu N            GPUs a job; one job at a time where there is none (--gpus-per-node is another name for it)
  --time 1:00:00     for clusters; passed over here, as are --retries, --requeue, --config and a scheduler's own options
                     (-l, -q, -pe, -p, ...)

The word JOB (any word will do) becomes the job's number in every argument and in the log's name. An argument that is
just an operator of the shell (|, >, 2>&1, &&, ;) acts as one; all others reach the command unchanged. The exit status
is 0 only if every job's is. The calling convention is that of Kaldi's run.pl. Called by that name, utils/run.pl, it
also lets bash expand words as run.pl does, for recipes that rely on it: sed 's:\\<UNK\\>::g', cat 'x.JOB.*.txt'.
"""

import os
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.jobs.dispatch import dispatch  # noqa: E402
from speechlib.jobs.local import run_tasks  # noqa: E402

if __name__ == "__main__":
    sys.exit(dispatch(sys.argv, __doc__, run_tasks))
