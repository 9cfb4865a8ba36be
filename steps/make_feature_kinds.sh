#!/usr/bin/env bash
# Usage: steps/make_feature_kinds.sh [options] <data-dir> [<data-dir> ...]
#  e.g.: steps/make_feature_kinds.sh --nj 4 --kinds "ivector xvector" data/train data/test
# Features of several kinds for the same recordings: <data-dir>_<kind> for each data directory and kind, by
# conf/mfcc_<kind>.conf or else conf/<kind>.conf. Voice activity is decided once, by the first kind, and is the same for
# all; a data directory that brings its own vad.scp (augmented copies do) keeps it. A list of trials goes with it.
# Options:
#   --kinds "K .."   kinds of features; the first must have the log-energy in column 0 (default: ivector)
#   --nj N           parallel jobs (default: 4; fewer if there are fewer utterances)
#   --max-bad N      unusable recordings that are left out; more are an error (default: 0)
#   --cmd CMD        job dispatcher (default: utils/run.py)
set -euo pipefail

kinds=ivector nj=4 max_bad=0 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 1)) || usage

for data in "$@"; do
  for kind in $kinds; do
    if [[ -f conf/mfcc_$kind.conf ]]; then
      type=(--type mfcc --config "conf/mfcc_$kind.conf")
    else
      type=(--type "$kind" --config "conf/$kind.conf" --compress false)
    fi
    utils/copy_data_dir.sh "$data" "${data}_$kind"
    steps/make_feats.sh "${type[@]}" --nj "$nj" --cmd "$cmd" --max-bad "$max_bad" "${data}_$kind"
    if [[ ! -f $data/vad.scp ]]; then
      steps/compute_vad.sh --nj "$nj" --cmd "$cmd" "${data}_$kind"
      cp "${data}_$kind/vad.scp" "$data/vad.scp"
    fi
    if [[ -f $data/trials ]]; then cp "$data/trials" "${data}_$kind/trials"; fi
    if ((max_bad > 0)); then utils/fix_data_dir.sh "${data}_$kind"; fi
  done
done
