#!/usr/bin/env bash
# Usage: steps/run_probes.sh [options] phones|subwords <probes> <labels-dir> <frames-root> <exp-root>
#  e.g.: steps/run_probes.sh --nj 4 --seeds "1 2" --config conf/phone_probe.yaml phones exp/probes.tsv data/labels \
#          exp/frames exp/phones
# Trains and scores probes of many layers and states of a network as one job array; steps/run_probe.sh does it for one
# of them. <probes> has a line for each, separated by blanks (comments begin with #):
#   state update epoch layer depth labels
# <exp-root>/runs.tsv says which job was which, <exp-root>/log/probe.*.log what it printed. What is trained already is not
# trained again.
# Options:
#   --config FILE     kind, sizes and training of the probes, YAML
#   --seeds "N .."    probes behind each line (default: 1)
#   --tags "N=V .."   noted in the results (default: none)
#   --nj N            jobs at a time (default: 4)
#   --num-threads N   CPU threads of each job (default: 1)
#   --use-gpu N       GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D        auto, cpu or cuda (default: auto)
#   --cmd CMD         job dispatcher (default: utils/run.py)
set -euo pipefail

config='' seeds='' tags='' nj=4 num_threads=1 use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
kind=$1 probes=$2 labels=$3 frames=$4 exp=$5
[[ $kind =~ ^(phones|subwords)$ ]] || usage "expected phones or subwords, got $kind"
for file in "$config" "$probes" "$labels/test_utt2spk"; do
  [[ -r $file ]] || { echo "${0##*/}: no file '$file'" >&2; exit 1; }
done

mkdir -p "$exp/log"
for seed in ${seeds:-1}; do
  awk -v seed="$seed" '!/^#/ && NF { print $0, seed }' "$probes"
done >"$exp/.runs.$$.tmp"
mv "$exp/.runs.$$.tmp" "$exp/runs.tsv"
num_runs=$(wc -l <"$exp/runs.tsv")
((num_runs)) || { echo "${0##*/}: there is no probe in $probes" >&2; exit 1; }
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

$cmd --max-jobs-run "$nj" "${resources[@]}" JOB="1:$num_runs" "$exp/log/probe.JOB.log" \
  steps/run_probe.sh --config "$config" --tags "$tags" --num-threads "$num_threads" --device "$device" "$kind" \
  "$exp/runs.tsv" JOB "$labels" "$frames" "$exp"
echo "${0##*/}: $num_runs probes in $exp"
