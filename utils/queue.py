#!/usr/bin/env python3
"""Run a command on a Grid Engine cluster, once or as an array of jobs, each with its log, and wait for the end.

Usage: utils/queue.py [options] [JOB=1:4] [options] <log-file> <command> [<argument> ...]
 e.g.: utils/queue.py --num-threads 2 JOB=1:4 exp/log/sort.JOB.log sort in.JOB.txt \\| uniq -c \\> out.JOB.txt
Options:
  --max-jobs-run N    jobs at one time (default: as many as the cluster gives)
  --num-threads N     cores, and threads, of a job
  --mem 4G            memory of a job
  --gpu N             GPUs of a job
  --time 1:00:00      time limit (hours:minutes:seconds)
  --retries N         submit a job again, up to N times, whose node was lost (default: 0); never one that failed
  --requeue SECONDS   so long before --time is up a job gets SIGUSR1; if it then ends with code 75 (it wrote a
                      checkpoint), it is submitted again and goes on
  --config FILE       the site's options (default: conf/queue.conf if there is one), in Kaldi's format
  --print-config      print the options that hold without a file: a start for one
  -l, -q, -pe, ...    qsub's own short options, and --NAME VALUE for each `option NAME=...` of the file

Log, folder and command must be there on all nodes, as they are with a shared file system; nothing else is. The calling
convention is that of utils/run.py and Kaldi's queue.pl: see utils/run.py --help.
"""

import os
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.jobs.dispatch_to_cluster import dispatch_to_cluster  # noqa: E402
from speechlib.jobs.grid_engine import STANDARD_CONF, GridEngine  # noqa: E402

if __name__ == "__main__":
    sys.exit(dispatch_to_cluster(sys.argv, __doc__, GridEngine, STANDARD_CONF))
