#!/usr/bin/env bash
# Usage: steps/run_folds.sh [options] <states-dir> <utt2label> <folds-dir> <exp-root>
#  e.g.: steps/run_folds.sh --nj 2 --config conf/hubert_cnn_lstm.yaml exp/hubert data/all/utt2emotion data/folds/loso \
#          exp/notebook/loso
# Trains and tests the classifier over the layers of a self-supervised network on all folds of a protocol as one job
# array; steps/train_layer_network.sh does it for one of them. <folds-dir>/folds names the folds, which have the lists
# train and test. Result: <exp-root>/predictions.csv with the test utterances of all folds, and a folder a fold. What is
# trained already is not trained again.
# Options:
#   --config FILE     sizes and training of the classifier, YAML (default: the notebook's)
#   --layer N         that layer alone (default: all, mixed by learned weights)
#   --seed N          each fold draws first weights and the order of the utterances of its own from it (default: 1)
#   --nj N            jobs at a time (default: 4)
#   --num-threads N   CPU threads of each job (default: 1)
#   --use-gpu N       GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D        auto, cpu or cuda (default: auto)
#   --cmd CMD         job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # config and layer are read by name
config='' layer='' seed=1 nj=4 num_threads=1 use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 4)) || usage
states=$1 labels=$2 folds=$3 exp=$4
for file in "$states/states.scp" "$labels" "$folds/folds"; do
  [[ -s $file ]] || { echo "${0##*/}: no file $file: extract the hidden states and make the folds first" >&2; exit 1; }
done
num_folds=$(wc -l <"$folds/folds")
options=(--seed "$seed" --num-threads "$num_threads" --device "$device")
for name in config layer; do
  if [[ -n ${!name} ]]; then options+=("--$name" "${!name}"); fi
done
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

mkdir -p "$exp/log"
$cmd --max-jobs-run "$nj" "${resources[@]}" JOB="1:$num_folds" "$exp/log/train.JOB.log" \
  steps/train_layer_network.sh "${options[@]}" "$states" "$labels" "$folds" JOB "$exp"
mapfile -t names <"$folds/folds"
tables=("${names[@]/%//predictions.csv}")
python -m speechlib.bin.merge_predictions "$exp/predictions.csv" "${tables[@]/#/$exp/}"
