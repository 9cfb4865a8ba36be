#!/usr/bin/env bash
# Usage: steps/make_feature_kinds.sh [options] <data-dir> [<data-dir> ...]
#  e.g.: steps/make_feature_kinds.sh --nj 4 --kinds "ivector xvector" data/train data/test
# Features of several kinds for the same recordings: <data-dir>_<kind> for each data directory and kind, by
# conf/mfcc_<kind>.conf or else conf/<kind>.conf. Voice activity is decided once, by the first kind, and is the same for
# all; a data directory that brings its own vad.scp (augmented copies do) keeps it. A list of trials goes with it. What
# the steps print is in <data-dir>_<kind>/log/make_features.log; it is shown if one fails, its warnings always.
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

# Runs a command with its output in the log, which is shown if the command fails.
quietly() {
  "$@" >>"$log" 2>&1 || { cat "$log" >&2 && exit 1; }
}

for data in "$@"; do
  for kind in $kinds; do
    if [[ -f conf/mfcc_$kind.conf ]]; then
      type=(--type mfcc --config "conf/mfcc_$kind.conf")
    else
      type=(--type "$kind" --config "conf/$kind.conf" --compress false)
    fi
    out=${data}_$kind log=${data}_$kind/log/make_features.log
    mkdir -p "$out/log"
    : >"$log"
    quietly utils/copy_data_dir.sh "$data" "$out"
    quietly steps/make_feats.sh "${type[@]}" --nj "$nj" --cmd "$cmd" --max-bad "$max_bad" "$out"
    if [[ ! -f $data/vad.scp ]]; then
      quietly steps/compute_vad.sh --nj "$nj" --cmd "$cmd" "$out"
      cp "$out/vad.scp" "$data/vad.scp"
    fi
    if [[ -f $data/trials ]]; then cp "$data/trials" "$out/trials"; fi
    if ((max_bad > 0)); then quietly utils/fix_data_dir.sh "$out"; fi
    # speaker ids that are no prefixes were warned of when the data directory was prepared
    grep -i warning "$log" | grep -v "does not begin with its speaker" | sort -u >&2 || true
    echo "${0##*/}: $kind features of $(wc -l <"$out/feats.scp") utterances in $out"
  done
done
