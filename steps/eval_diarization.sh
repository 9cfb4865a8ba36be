#!/usr/bin/env bash
# Usage: steps/eval_diarization.sh [options] <data-dir> <rttm> <out-dir>
#  e.g.: steps/eval_diarization.sh --collar 0.25 --tags "system=ucm" data/eval_raw exp/diarization/rttm exp/diarization
# Diarization and Jaccard error rates of <rttm> against <data-dir>/ref.rttm, by recording (<out-dir>/der.json) and over
# all, with intervals over recordings (<out-dir>/result.json). With a file <data-dir>/all.uem only that is scored.
# Options:
#   --collar S               seconds not scored on each side of every boundary of the reference (default: 0.0)
#   --skip-overlap BOOL      leave out where several speakers of the reference speak (default: false)
#   --uem FILE               recordings and stretches to score (default: <data-dir>/all.uem where it is there)
#   --selection FILE         how the threshold was chosen (tune_threshold), noted in result.json
#   --cut KIND               the same in a word: dev, fixed or oracle (default: fixed)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --seed N                 of the system, noted in result.json (default: none)
#   --num-bootstrap N        resamples behind the 95 % intervals (default: 1000)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
collar=0.0 skip_overlap=false uem='' selection='' cut='' tags='' seed='' num_bootstrap=1000 nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=$1 rttm=$2 out=$3
[[ -f $data/ref.rttm ]] || { echo "${0##*/}: no file $data/ref.rttm: nothing says who speaks when" >&2; exit 1; }
[[ -f $rttm ]] || { echo "${0##*/}: no file $rttm: diarize first" >&2; exit 1; }
if [[ -z $uem && -f $data/all.uem ]]; then uem=$data/all.uem; fi

options=()
for name in collar skip_overlap uem selection cut num_bootstrap; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
for tag in $tags ${seed:+"seed=$seed"}; do options+=(--tag "$tag"); done

mkdir -p "$out/log"
$cmd "$out/log/eval_diarization.log" \
  python -m speechlib.bin.eval_diarization --reference "$data/ref.rttm" --hypothesis "$rttm" "${options[@]}" \
  --out "$out/result.json" \> "$out/.der.json"
mv "$out/.der.json" "$out/der.json"
