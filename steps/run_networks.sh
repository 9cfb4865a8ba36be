#!/usr/bin/env bash
# Usage: steps/run_networks.sh [options] train|extract|score <networks> <data-root> <exp-root>
#  e.g.: steps/run_networks.sh --nj 4 --seeds "1 2 3" --size demo train conf/networks.tsv data/demo exp/demo
# One part of the work for every network of a list and every seed, as one job array; steps/run_network.sh does it for one
# of them. <networks> has a line for each, separated by blanks (comments begin with #):
#   name config features train-set eval-sets layers overrides
# <exp-root>/runs.tsv says which job was which, <exp-root>/log/<part>.*.log what it printed.
# Options:
#   --seeds "N .."       networks behind each line (default: 1)
#   --size S             of the configurations conf/<config>_<size>.yaml (default: demo)
#   --lda-dim N          dimensions that LDA keeps before PLDA; 0: no LDA (default: 0)
#   --check-against "D"  data directories whose speakers must not be in training, beside the sets to score
#   --num-threads N      CPU threads of each job (default: 1)
#   --gpus-per-node N    GPUs that each network is trained on, one process for each (default: 0: no such processes)
#   --num-nodes N        nodes with as many GPUs, or one process each, that train a network together (default: 1). With
#                        either option, the networks are trained one after another: each is a job of its own
#   --nj N               jobs at a time (default: 4)
#   --cmd CMD            job dispatcher (default: utils/run.py)
set -euo pipefail

seeds='' size=demo lda_dim=0 check_against='' num_threads=1 num_nodes=1 gpus_per_node=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 4)) || usage
part=$1 networks=$2 data=$3 exp=$4
[[ $part =~ ^(train|extract|score)$ ]] || usage "expected train, extract or score, got $part"
[[ -r $networks ]] || { echo "${0##*/}: no file $networks" >&2; exit 1; }

mkdir -p "$exp/log"
for seed in ${seeds:-1}; do
  awk -v seed="$seed" '!/^#/ && NF { $1 = $1 " " seed; print }' "$networks"
done >"$exp/.runs.$$.tmp"
mv "$exp/.runs.$$.tmp" "$exp/runs.tsv"
num_runs=$(wc -l <"$exp/runs.tsv")
((num_runs)) || { echo "${0##*/}: there is no network in $networks" >&2; exit 1; }

options=(--size "$size" --lda-dim "$lda_dim" --check-against "$check_against" --num-threads "$num_threads")
if [[ $part == train ]] && ((num_nodes > 1 || gpus_per_node > 0)); then
  for line in $(seq "$num_runs"); do
    steps/run_network.sh --nj "$nj" --cmd "$cmd" "${options[@]}" --num-nodes "$num_nodes" \
      --gpus-per-node "$gpus_per_node" train "$exp/runs.tsv" "$line" "$data" "$exp"
  done
  exit
fi
$cmd --max-jobs-run "$nj" --num-threads "$num_threads" JOB="1:$num_runs" "$exp/log/$part.JOB.log" \
  steps/run_network.sh "${options[@]}" "$part" "$exp/runs.tsv" JOB "$data" "$exp"
