#!/usr/bin/env bash
# Make a copy of a data directory that is faster or slower (Kaldi's perturb_data_dir_speed.sh; pitch changes, too).
#
# Usage: utils/data/perturb_data_dir_speed.sh [options] <factor> <srcdir> <destdir>
#  e.g.: utils/data/perturb_data_dir_speed.sh --nj 4 0.9 data/train data/train_sp0.9
# Options:
#   --new-speakers BOOL   true: sp0.9-<utterance> of a new speaker sp0.9-<speaker>, as in Kaldi; false:
#                         <utterance>-sp0.9 of the same speaker (default: true)
#   --channel N           of recordings with several, from 0 (default: they are bad)
#   --max-bad N           tolerate so many utterances with bad audio, which get no copies (default: 0)
#   --nj N                parallel jobs (default: 1)
#   --cmd CMD             job dispatcher (default: utils/run.py)
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

new_speakers=true channel='' max_bad=0 nj=1 cmd=$here/../run.py
# shellcheck source=utils/parse_options.sh
. "$here/../parse_options.sh"
# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
factor=$1 data=${2%/} out=${3%/} python=$here/../python_command.sh

nj=$("$python" plan_augmentation --kinds speed --speeds "$factor" --new-speakers "$new_speakers" --jobs "$nj" \
  "$data" "$out/plan")
mkdir -p "$out/log" "$out/data"
rm -f "$out/wav.scp" # it goes as soon as its archives may change
ark_dir=$(cd "$out/data" && pwd)
job_options=() bad=() scps=()
if [[ -n $channel ]]; then job_options+=(--channel "$channel"); fi
$cmd JOB=1:"$nj" "$out/log/speed.JOB.log" \
  "$python" augment_data "${job_options[@]}" --stamp "$ark_dir/augmented.JOB.done" \
  "$data" "$out/plan" JOB "ark,scp:$ark_dir/augmented.JOB.ark,$ark_dir/augmented.JOB.scp"
for ((job = 1; job <= nj; job++)); do bad+=("$out/plan/bad.$job.txt") scps+=("$ark_dir/augmented.$job.scp"); done
"$python" check_bad --max-bad "$max_bad" "${bad[@]}"
"$python" collect_augmented "$data" "$out" "${scps[@]}"
