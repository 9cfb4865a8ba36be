#!/usr/bin/env bash
# Usage: steps/train_snippet_cnn.sh [options] <data-dir> <exp-dir>
#  e.g.: steps/train_snippet_cnn.sh --config conf/lukic_scaled.yaml --seeds "1 2 3 4 5" --nj 2 \
#          --sentences data/train8 --check-against data/test2 data/all exp/identification
# Trains the spectrogram CNN of Lukic et al. on one-second snippets, once for each seed: <exp-dir>/seed<S>/{config.yaml,
# model.pt,train.log}. What is finished is not trained again, what was interrupted goes on where it was.
# Options:
#   --config FILE           sizes of the network and how to train it, YAML (default: the paper's)
#   --seeds "S ..."         one network for each (default: 1)
#   --sentences FILE        utterances to train on, a list or a data directory (default: all of <data-dir>)
#   --check-against "F .."  lists or data directories whose utterances must not leak into training
#   --unseen-speakers BOOL  the speakers of --check-against must not be in training either (default: false)
#   --filter F,T            extent of the filters in frequency and time, in place of the configuration's; so too
#   --pool F,T              of the pooling windows, and
#   --pool-stride F,T       their stride
#   --precision P           fp32 or bf16 (products in bfloat16), in place of the configuration's
#   --nj N                  parallel jobs, each with its share of the seeds (default: 1)
#   --num-threads N         CPU threads a job (default: the cores, shared among the seeds; not among the jobs, because
#                           the weights depend on the number of threads in their last digits)
#   --use-gpu N             GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D              auto, cpu or cuda (default: auto)
#   --cmd CMD               job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
config='' seeds='' sentences='' check_against='' unseen_speakers=false filter='' pool='' pool_stride='' precision='' \
  nj=1 num_threads=0 use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
data=$1 exp=$2
seeds=${seeds:-1}

read -ra seed_list <<<"${seeds//,/ }"
if ((nj > ${#seed_list[@]})); then nj=${#seed_list[@]}; fi
if ((num_threads == 0)); then num_threads=$(($(nproc) / ${#seed_list[@]})); fi
if ((num_threads == 0)); then num_threads=1; fi

options=(--seeds "$seeds" --unseen-speakers "$unseen_speakers" --device "$device" --num-threads "$num_threads")
for name in config sentences filter pool pool_stride precision; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
for file in $check_against; do options+=(--check-against "$file"); done
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

mkdir -p "$exp/log"
$cmd "${resources[@]}" "JOB=1:$nj" "$exp/log/train.JOB.log" \
  python -m speechlib.bin.train_snippet_cnn "${options[@]}" --job JOB --num-jobs "$nj" "$data" "$exp"
