# shellcheck shell=bash
# Where this recipe's jobs run. One machine needs nothing else; a cluster needs another dispatcher, and its options:
#   export train_cmd="utils/slurm.py --mem 4G"
#   export cuda_cmd="utils/slurm.py --mem 16G --gpu 1 --time 24:00:00 --requeue 300 --retries 2"
# utils/queue.py is the same for Grid Engine. conf/slurm.conf and conf/queue.conf say what a site needs (docs/cluster.md).
export train_cmd="utils/run.py"
export cuda_cmd="utils/run.py --gpu 1"
