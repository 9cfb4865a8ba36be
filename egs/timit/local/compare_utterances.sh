#!/usr/bin/env bash
# Cluster the speakers that the networks are tried on by the distances of Jeon et al. (2009).
#
# Usage: local/compare_utterances.sh [options] <data-dir> <exp-dir>
#  e.g.: local/compare_utterances.sh --seed 1 data/timit exp/timit/cluster
# Two utterances a speaker, as for the networks: the statistics of the first 8, and of the last 2 sentences. Writes
#   <exp-dir>/large/seedN/<distance>/<list>/result.json       ucm and ev: background model and eigenvoices, in
#                            <exp-dir>/large/seedN/eigenvoices, are trained on the speakers of the large network
#   <exp-dir>/untrained/seedN/<distance>/<list>/result.json   glr, clr and bic: single Gaussians, trained on nothing
# Options:
#   --kind K         comparison: ucm and ev; moments: the others, of the features that the former used (default:
#                    comparison)
#   --seed N         of the background model (default: 1)
#   --num-gauss N    Gaussians (default: 64)
#   --rank N         eigenvoices; one fewer than training speakers if these are less (default: 20)
#   --cmd CMD        job dispatcher (default: utils/run.py)
set -euo pipefail

kind=comparison seed=1 num_gauss=64 rank=20 cmd=utils/run.py
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 2 ]] || usage "expected the folders of data and of experiments"
data=$1 exp=$2 lists=$1/compare/lists model=$2/large/seed$seed/eigenvoices
trained_on=$data/lists/train_large
num_speakers=$(wc -l <"$trained_on")
if ((rank >= num_speakers)); then rank=$((num_speakers - 1)); fi

case $kind in
  comparison)
    distances='ucm ev' out=$exp/large/seed$seed trained=$num_speakers
    # One microphone recorded everybody: the mean of the cepstra is the speaker's, and stays.
    steps/train_eigenvoices.sh --num-gauss "$num_gauss" --rank "$rank" --ubm-iters 1 --apply-cmn none \
      --delta-order 1 --vad false --seed "$seed" --nj 1 --cmd "$cmd" "$data/compare/train" "$model"
    source=(--model "$model") ;;
  moments)
    distances='glr clr bic' out=$exp/untrained/seed$seed trained=nothing
    source=(--kind moments --frontend-conf "$model/frontend.conf") ;;
  *) usage "--kind $kind: expected comparison or moments" ;;
esac
seen=no
if [[ $kind == comparison ]] && grep -qxFf "$trained_on" "$data/lists/dev"; then seen=yes; fi

stats=$out/$kind
steps/extract_utterance_stats.sh "${source[@]}" --nj 1 --cmd "$cmd" "$data/compare/cluster" "$stats"
$cmd "$stats/log/sum.log" python -m speechlib.bin.sum_matrices --utt2group "$data/cluster/utt2half" \
  "scp:$stats/stats.scp" "ark,scp:$stats/halves.ark,$stats/halves.scp"
for distance in $distances; do
  for list in dev cluster_small cluster_large; do
    trees=$out/$distance/trees_$list
    mkdir -p "$trees"
    $cmd "$trees/cluster.log" python -m speechlib.bin.cluster_utterances --distance "$distance" "$lists/$list" \
      "scp:$stats/halves.scp" "ark:$trees/tree.ark"
    if [[ $list == dev ]]; then continue; fi
    $cmd "$out/$distance/$list/log/score.log" python -m speechlib.bin.cluster_embeddings --seed "$seed" \
      --tag "trained=$trained" --tag "dev_seen=$seen" --tag "layer=$distance" --tag "list=$list" \
      --reco2utt "$lists/$list" --reference "$data/cluster/half2spk.$list" --dev-reco2utt "$lists/dev" \
      --dev-reference "$data/cluster/half2spk.dev" --dev-embeddings "ark:$out/$distance/trees_dev/tree.ark" \
      "ark:$trees/tree.ark" "$out/$distance/$list"
  done
done
