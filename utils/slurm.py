#!/usr/bin/env python3
"""Run a command on a Slurm cluster, once or as an array of jobs, each with its log, and wait for the end.

Usage: utils/slurm.py [options] [JOB=1:4] [options] <log-file> <command> [<argument> ...]
 e.g.: utils/slurm.py --num-threads 2 JOB=1:4 exp/log/sort.JOB.log sort in.JOB.txt \\| uniq -c \\> out.JOB.txt
Options:
  --max-jobs-run N    jobs at one time (default: as many as the cluster gives)
  --num-threads N     cores, and threads, of a job
  --mem 4G            memory of a job
  --gpu N             GPUs of a job, on each of its nodes (--gpus-per-node is another name for it)
  --time 1:00:00      time limit (hours:minutes:seconds)
  --num-nodes N       nodes of a job; the command is started on each, with SPEECHLIB_NUM_NODES, SPEECHLIB_NODE_RANK
                      and SPEECHLIB_MASTER=host:port in its environment; others than the first log to x.node1.log
  --retries N         submit a job again, up to N times, whose node was lost (default: 0); never one that failed
  --requeue SECONDS   so long before --time is up a job gets SIGUSR1; if it then ends with code 75 (it wrote a
                      checkpoint), it is submitted again and goes on
  --config FILE       the site's options (default: conf/slurm.conf if there is one), in Kaldi's format
  --print-config      print the options that hold without a file: a start for one
  -p, -A, ...         sbatch's own short options, and --NAME VALUE for each `option NAME=...` of the file

Log, folder and command must be there on all nodes, as they are with a shared file system; nothing else is. The calling
convention is that of utils/run.py and Kaldi's slurm.pl: see utils/run.py --help.
"""

import os
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.jobs.dispatch_to_cluster import dispatch_to_cluster  # noqa: E402
from speechlib.jobs.slurm import STANDARD_CONF, Slurm  # noqa: E402

if __name__ == "__main__":
    sys.exit(dispatch_to_cluster(sys.argv, __doc__, Slurm, STANDARD_CONF))
