#!/usr/bin/env bash
# Usage: steps/train_layer_network.sh [options] <states-dir> <utt2label> <folds-dir> <line> <exp-root>
#  e.g.: steps/train_layer_network.sh --config conf/hubert_cnn_lstm.yaml exp/hubert data/all/utt2emotion \
#          data/folds/loso 3 exp/notebook/loso
# Trains the classifier over the layers of a self-supervised network on one fold and lets it label the fold's test
# utterances, for job arrays over the folds (steps/run_folds.sh). <folds-dir>/folds names the folds, and <line> is one of
# its lines; the fold's folder has the lists train and test, and perhaps dev, which then chooses the epoch.
# Result: <exp-root>/<fold>/{config.yaml,model.pt,train.log,layer_weights.tsv,predictions.csv}.
# Options:
#   --config FILE     sizes and training of the classifier, YAML (default: the notebook's)
#   --layer N         that layer alone (default: all, mixed by learned weights)
#   --seed N          each fold draws first weights and the order of the utterances of its own from it (default: 1)
#   --num-threads N   CPU threads (default: 1)
#   --device D        auto, cpu or cuda (default: auto)
#   --nj N            one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD         job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # config and layer are read by name, and this is one job
config='' layer='' seed=1 num_threads=1 device=auto nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
states=$1 labels=$2 folds=$3 line=$4 exp=$5
fold=$(sed -n "${line}p" "$folds/folds")
[[ -n $fold ]] || { echo "${0##*/}: there is no line $line in $folds/folds" >&2; exit 1; }
# With the same first weights in all folds their learned weights would agree by nothing but that.
options=(--seed "$((1000 * seed + line))" --num-threads "$num_threads" --device "$device" --test "$folds/$fold/test")
if [[ -f $folds/$fold/dev ]]; then options+=(--dev "$folds/$fold/dev"); fi
for name in config layer; do
  if [[ -n ${!name} ]]; then options+=("--$name" "${!name}"); fi
done

mkdir -p "$exp/$fold/log"
$cmd --num-threads "$num_threads" "$exp/$fold/log/train.log" \
  python -m speechlib.bin.train_layer_network "${options[@]}" "$states" "$labels" "$folds/$fold/train" "$exp/$fold"
