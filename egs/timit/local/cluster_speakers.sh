#!/usr/bin/env bash
# Cluster speakers that a network never heard, by the mean activations of its layers.
#
# Usage: local/cluster_speakers.sh [options] <data-dir> <set> <model-dir>
#  e.g.: local/cluster_speakers.sh --seed 1 data/timit large exp/timit/cluster/large/seed1
# <set> is small or large: the training set that the network comes from.
# Two embeddings a speaker: the mean over all snippets of the first 8, and over those of the last 2 sentences. Writes
# <model-dir>/<layer>/<list of speakers>/result.json for the lists cluster_small and cluster_large.
# Options:
#   --seed N                 of the network, noted in the results (default: 1)
#   --layers "L .."          (default: L5 L7 L8)
#   --linkage-legacy BOOL    as the authors' code does (default: false)
set -euo pipefail

seed=1 layers='L5 L7 L8' linkage_legacy=false
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 3 ]] || usage "expected a data directory, the training set's name and a model"
cluster=$1/cluster trained_on=$1/lists/train_$2 dev=$1/lists/dev model=$3

tags="trained=$(wc -l <"$trained_on") dev_seen=$(grep -qxFf "$trained_on" "$dev" && echo yes || echo no)"

steps/extract_snippets.sh --layers "$layers" "$cluster" "$model" "$model/snippets"
for layer in $layers; do
  out=$model/$layer
  mkdir -p "$out"
  python -m speechlib.bin.mean_snippets --utt2group "$cluster/utt2half" "scp:$model/snippets/$layer.scp" \
    "ark,scp:$out/embeddings.ark,$out/embeddings.scp"
  utils/filter_scp.sh "$cluster/half2spk.dev" "$out/embeddings.scp" >"$out/dev.scp"
  for list in cluster_small cluster_large; do
    utils/filter_scp.sh "$cluster/half2spk.$list" "$out/embeddings.scp" >"$out/$list.scp"
    steps/cluster_embeddings.sh --linkage-legacy "$linkage_legacy" --seed "$seed" --tags "$tags layer=$layer list=$list" \
      --dev-embeddings "scp:$out/dev.scp" --dev-reference "$cluster/half2spk.dev" \
      --reference "$cluster/half2spk.$list" "scp:$out/$list.scp" "$out/$list"
  done
done
