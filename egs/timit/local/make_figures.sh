#!/usr/bin/env bash
# The pictures of RESULTS.md.
#
# Usage: local/make_figures.sh [options] <data-dir> <exp-dir> <results-dir>
#  e.g.: local/make_figures.sh --seed 1 data/timit exp/timit results/timit
# Options:
#   --seed N   of the network that a picture of a single one shows (default: 1)
#   --nj N     pictures drawn at a time (default: 2)
set -euo pipefail

seed=1 nj=2
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 3 ]] || usage "expected the folders of data, experiments and results"
data=$1 exp=$2 results=$3
many=$exp/cluster/large/seed$seed few=$exp/cluster/small/seed$seed

. local/picture_jobs.sh

mkdir -p "$results"
logs=()
for model in "$exp"/identification/seed*; do logs+=("${model##*seed}=$model/train.log"); done
start training training.png --log-measures loss "$results/training.png" "${logs[@]}"
read -r utterance _ <"$data/ident_test/feats.scp"
start spectrogram spectrogram.png --snippet-frames 100 --filters "4,4 8,1 1,8" \
  "scp:$data/ident_test/feats.scp" "$utterance" "$results/spectrogram.png"
start results filters.png --kind rows --pattern 'filters/*/*/ten_val/result.json' --metric sentence_accuracy_arithmetic \
  --group extra.shape --label "accuracy, single validation sentences" "$exp" "$results/filters.png"
if [[ ! -e $data/lists/too_few_to_cluster ]]; then
  start results table1.png --pattern 'cluster/*/*/L*/cluster_large/result.json' --metric mr_strict_oracle \
    --group extra.layer --series extra.trained --series-label "trained on {} speakers" \
    --label "strict MR, oracle cut" "$exp" "$results/table1.png"
  start cuts cuts.png "$results/cuts.png" L5="$many/L5/cluster_large" L7="$many/L7/cluster_large" L8="$many/L8/cluster_large"
  start dendrogram dendrogram.png --reference "$data/cluster/half2spk.cluster_large" \
    "$many/L7/cluster_large" "$results/dendrogram.png"
  head -n 5 "$data/lists/cluster_large" >"$data/lists/five"
  utils/filter_scp.sh -f 2 "$data/lists/five" "$data/cluster/utt2spk" >"$data/cluster/utt2spk.five"
  start embeddings tsne.png --seed "$seed" --utt2spk "$data/cluster/utt2spk.five" "$results/tsne.png" \
    L8="scp:$few/snippets/L8.scp" L7="scp:$few/snippets/L7.scp" L5="scp:$few/snippets/L5.scp"
fi
finish
