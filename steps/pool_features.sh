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
# shellcheck source=steps/gmm_jobs.sh
. steps/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
data=${1%/} out=${2%/}
[[ $apply_cmn =~ ^(none|sliding|utterance)$ ]] || usage "--apply-cmn $apply_cmn: expected none, sliding or utterance"

deal_out "$data" "$out"
printf -- '--cmn=%s\n--cmn-window=%s\n--deltas=%s\n--vad=%s\n' "$apply_cmn" "$cmn_window" "$deltas" "$vad" \
  >"$out/.frontend.tmp"
mv "$out/.frontend.tmp" "$out/frontend.conf"
use_frontend "$data" "$out/frontend.conf"
mkdir -p "$out/parts"
rm -f "$out/parts/".*.tmp "$out/embedding.scp" # of jobs that were killed at once; the list comes back when it is whole
$cmd JOB=1:"$nj" "$out/log/pool.JOB.log" \
  python -m speechlib.bin.pool_features --stamp "$out/parts/JOB.of$nj.done.json" "${frontend[@]}" \
  "scp:$out/lists/feats.JOB.scp" "ark,scp:$out/parts/embedding.JOB.ark,$out/parts/embedding.JOB.scp"

for ((job = 1; job <= nj; job++)); do cat "$out/parts/embedding.$job.scp"; done \
  | LC_ALL=C sort -k1,1 >"$out/.embedding.scp"
total=$(wc -l <"$data/feats.scp") done=$(wc -l <"$out/.embedding.scp")
if ((done < total)); then
  echo "${0##*/}: warning: $((total - done)) of $total utterances have no embedding (no frames, or no voiced ones):" \
    "see $out/log/pool.*.log" >&2
fi
if ((done == 0 || total - done > ${max_bad:-$total})); then
  rm "$out/.embedding.scp"
  fail "$((total - done)) utterances without an embedding are too many: --max-bad is ${max_bad:-$((total - 1))}"
fi
mv "$out/.embedding.scp" "$out/embedding.scp"
echo "${0##*/}: mean and deviation of $done utterances in $out/embedding.scp"
