#!/usr/bin/env bash
# Usage: local/score_layers.sh [options] <data> <exp-dir>
#  e.g.: local/score_layers.sh --network hubert_base data/emodb exp/emodb/layers/all/loso
# Scores of a classifier on the layers of a network, result.json and confusion.png beside its predictions.csv. The last
# two folders of <exp-dir> are the layer, or all, and the protocol.
# Options:
#   --target LABEL    what is predicted (default: emotion)
#   --network NAME    the self-supervised network, for the table (default: network)
#   --seed N          of the training (default: 1)
set -euo pipefail

target=emotion network=network seed=1
if [[ -f ./path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
(($# == 2)) || usage "expected two folders, got $# arguments"
data=$1 exp=$2
protocol=${exp##*/} layer=$(basename "$(dirname "$exp")")
python -m speechlib.bin.eval_predictions --label "$target" --seed "$seed" --folds "$data/folds/$protocol" \
  --confusion "$exp/confusion.png" --tag "network=$network" --tag "layer=$layer" --tag "protocol=$protocol" \
  "$data/labelled" "$exp/predictions.csv" "$exp/result.json"
