#!/usr/bin/env bash
# Usage: local/make_folds.sh [options] <data-dir> <out>
#  e.g.: local/make_folds.sh --target emotion data/emodb/all data/emodb
# The utterances that have the label as <out>/labelled, and its folds: <out>/folds/loso leaves one speaker out at a time,
# <out>/folds/notebook has five random sessions with all speakers in each.
# Options:
#   --target LABEL   label that utterances must have: utt2LABEL (default: emotion)
#   --seed N         of the random sessions (default: 1)
set -euo pipefail

target=emotion seed=1
if [[ -f ./path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
(($# == 2)) || usage "expected a data directory and a folder, got $# arguments"
data=$1 out=$2

[[ -s $data/utt2$target ]] || { echo "${0##*/}: no file $data/utt2$target: --target names a label of the corpus" >&2; exit 1; }
utils/subset_data_dir.sh --utt-list "$data/utt2$target" "$data" "$out/labelled"
for protocol in loso notebook; do
  python local/make_folds.py --protocol "$protocol" --seed "$seed" "$out/labelled" "$out/folds/$protocol"
done
