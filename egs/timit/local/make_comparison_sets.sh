#!/usr/bin/env bash
# What the distances of Jeon et al. (2009) need beside the networks' sets: other features, and who is clustered together.
#
# Usage: local/make_comparison_sets.sh [options] <data-dir>
#  e.g.: local/make_comparison_sets.sh --nj 2 data/timit
# Writes <data-dir>/compare/train and <data-dir>/compare/cluster, the recordings of net_large and of cluster with
# cepstra, and <data-dir>/compare/lists/{dev,cluster_small,cluster_large}: a line with the list's name and its items, the
# two halves of each speaker.
# Options:
#   --nj N           parallel jobs (default: 2)
#   --cmd CMD        job dispatcher (default: utils/run.py)
#   --max-bad N      unusable recordings that are left out; more are an error (default: 0)
set -euo pipefail

nj=2 cmd=utils/run.py max_bad=0
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 1 ]] || usage "expected a data directory"
data=$1

for part in train cluster; do
  from=$data/cluster to=$data/compare/$part
  if [[ $part == train ]]; then from=$data/net_large; fi
  utils/copy_data_dir.sh "$from" "$to"
  rm -f "$to/feats.scp" "$to/utt2num_frames" # mel spectrograms
  steps/make_mfcc.sh --mfcc-config conf/mfcc.conf --compress false --nj "$nj" --cmd "$cmd" --max-bad "$max_bad" "$to"
done
mkdir -p "$data/compare/lists"
for list in dev cluster_small cluster_large; do
  awk -v list="$list" '{ items = items " " $1 } END { print list items }' "$data/cluster/half2spk.$list" \
    >"$data/compare/lists/$list"
done
