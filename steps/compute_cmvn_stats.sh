#!/usr/bin/env bash
# Usage: steps/compute_cmvn_stats.sh [options] <data-dir> [<log-dir> [<cmvn-dir>]]
#  e.g.: steps/compute_cmvn_stats.sh data/train
# Adds up the statistics for mean and variance normalisation by speaker: reads <data-dir>/feats.scp and spk2utt, writes
# <data-dir>/cmvn.scp. <log-dir> is <data-dir>/log and <cmvn-dir> <data-dir>/data if not given.
# Options:
#   --nj N          one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD       job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 1 && $# <= 3)) || usage
data=$1 log_dir=${2:-$1/log} cmvn_dir=${3:-$1/data}
for file in feats.scp spk2utt; do
  [[ -s $data/$file ]] || usage "$data/$file is not there or empty"
done

mkdir -p "$log_dir" "$cmvn_dir"
cmvn_dir=$(cd "$cmvn_dir" && pwd)
name=cmvn_$(basename "$data")
rm -f "$data/cmvn.scp" # it goes as soon as its archive may change
$cmd "$log_dir/$name.log" \
  python -m speechlib.bin.compute_cmvn_stats "--spk2utt=ark:$data/spk2utt" "scp:$data/feats.scp" \
  "ark,scp:$cmvn_dir/$name.ark,$cmvn_dir/$name.scp"

cp "$cmvn_dir/$name.scp" "$data/.cmvn.scp.tmp"
mv "$data/.cmvn.scp.tmp" "$data/cmvn.scp"
num_speakers=$(wc -l <"$data/spk2utt") num_stats=$(wc -l <"$data/cmvn.scp")
if ((num_stats != num_speakers)); then
  echo "${0##*/}: warning: $((num_speakers - num_stats)) of $num_speakers speakers have no features: see $log_dir/$name.log" >&2
fi
echo "${0##*/}: statistics of $num_stats speakers in $data/cmvn.scp"
