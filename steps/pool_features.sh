#!/usr/bin/env bash
# Usage: steps/pool_features.sh [options] <data-dir> <out-dir>
#  e.g.: steps/pool_features.sh --nj 2 data/test_mfcc exp/statistics/test
# Takes the mean and the standard deviation over the frames of each utterance as its embedding, the baseline of every
# model: writes <out-dir>/embedding.scp, sorted. Utterances without (voiced) frames are left out with a warning. The
# values do not depend on --nj. Jobs whose options, features and voicing decisions are unchanged are not run again.
# Options:
#   --apply-cmn KIND    none, sliding or utterance; the latter leaves nothing of the means but for --vad (default: none)
#   --cmn-window N      frames of the sliding window (default: 300)
#   --deltas N          order of the highest derivative to append (default: 0)
#   --vad true|false    keep the frames that <data-dir>/vad.scp calls voiced (default: false)
#   --max-bad N         utterances without an embedding that are tolerated (default: all but one)
#   --nj N              parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD           job dispatcher (default: utils/run.py)
set -euo pipefail

apply_cmn=none cmn_window=300 deltas=0 vad=false max_bad='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh
# shellcheck source=steps/shared/embedding_jobs.sh
. steps/shared/embedding_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
data=${1%/} out=${2%/}
[[ $apply_cmn =~ ^(none|sliding|utterance)$ ]] || usage "--apply-cmn $apply_cmn: expected none, sliding or utterance"

deal_out "$data" "$out"
printf -- '--cmn=%s\n--cmn-window=%s\n--deltas=%s\n--vad=%s\n' "$apply_cmn" "$cmn_window" "$deltas" "$vad" \
  >"$out/.frontend.tmp"
mv "$out/.frontend.tmp" "$out/frontend.conf"
use_frontend "$data" "$out/frontend.conf"
begin_embeddings "$out"
$cmd JOB=1:"$nj" "$out/log/pool.JOB.log" \
  python -m speechlib.bin.pool_features --stamp "$out/parts/JOB.of$nj.done.json" "${frontend[@]}" \
  "scp:$out/lists/feats.JOB.scp" "ark,scp:$parts/embedding.JOB.ark,$parts/embedding.JOB.scp"

join_embeddings "$data" "$out" "an embedding" "$out/log/pool.*.log"
echo "${0##*/}: mean and deviation of $num_embeddings utterances in $out/embedding.scp"
