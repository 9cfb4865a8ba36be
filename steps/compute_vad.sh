#!/usr/bin/env bash
# Usage: steps/compute_vad.sh [options] <data-dir> [<log-dir> [<vad-dir>]]
#  e.g.: steps/compute_vad.sh --nj 8 --config conf/vad.conf data/train
# Decides frame by frame, by energy, whether there is speech: reads <data-dir>/feats.scp, whose column 0 is the
# log-energy, and writes <data-dir>/vad.scp. <log-dir> is <data-dir>/log and <vad-dir> <data-dir>/data if not given.
# Options:
#   --config FILE   options of the decision, Kaldi's conf syntax or YAML (default: conf/vad.conf if there is one, else
#                   Kaldi's own defaults)
#   --nj N          parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD       job dispatcher (default: utils/run.py)
set -euo pipefail

config='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 1 && $# <= 3)) || usage
data=$1 log_dir=${2:-$1/log} vad_dir=${3:-$1/data}
[[ -s $data/feats.scp ]] || usage "$data/feats.scp is not there or empty: run steps/make_feats.sh before"
if [[ -z $config && -f conf/vad.conf ]]; then config=conf/vad.conf; fi
[[ -z $config || -f $config ]] || usage "--config $config: no such file"

mkdir -p "$log_dir" "$vad_dir"
vad_dir=$(cd "$vad_dir" && pwd)
name=vad_$(basename "$data")
num_utts=$(wc -l <"$data/feats.scp")
((nj <= num_utts)) || nj=$num_utts

rm -f "$log_dir/$name".*.scp "$vad_dir/.$name."*.tmp # the latter of jobs that were killed at once
awk -v nj="$nj" -v num_utts="$num_utts" -v prefix="$log_dir/$name" \
  '{ print >(prefix "." int((NR - 1) * nj / num_utts) + 1 ".scp") }' "$data/feats.scp"

options=()
if [[ -n $config ]]; then options+=(--config "$config"); fi
$cmd JOB=1:"$nj" "$log_dir/$name.JOB.log" \
  python -m speechlib.bin.compute_vad "${options[@]}" --stamp "$vad_dir/$name.JOB.done" \
  "scp:$log_dir/$name.JOB.scp" "ark,scp:$vad_dir/$name.JOB.ark,$vad_dir/$name.JOB.scp"

for ((job = 1; job <= nj; job++)); do cat "$vad_dir/$name.$job.scp"; done >"$data/.vad.scp.$$"
mv "$data/.vad.scp.$$" "$data/vad.scp"
num_vad=$(wc -l <"$data/vad.scp")
if ((num_vad != num_utts)); then
  echo "${0##*/}: warning: $((num_utts - num_vad)) of $num_utts utterances have no frames: see $log_dir/$name.*.log" >&2
fi
echo "${0##*/}: voicing decisions of $num_vad utterances in $data/vad.scp"
