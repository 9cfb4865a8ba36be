# shellcheck shell=bash
# Where this recipe's jobs run. One machine needs nothing else; a cluster needs another dispatcher here, and its options.
export train_cmd="utils/run.py"
export cuda_cmd="utils/run.py --gpu 1"
