#!/usr/bin/env bash
# Usage: steps/eval_trials.sh [options] <trials> <scored-dir>
#  e.g.: steps/eval_trials.sh --utt2spk data/test/utt2spk --tags "system=ivector" data/test/trials exp/ivector/plda
# Error rates of <scored-dir>/scores on labelled trials, with intervals over speakers: <scored-dir>/result.json.
# Options:
#   --utt2spk FILE           speakers to resample (default: utterances that target trials link)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --seed N                 of the system behind the scores, noted in result.json (default: none)
#   --num-bootstrap N        resamples behind the 95 % intervals (default: 1000)
#   --calibrated-on FILE     dev trials that the scores were calibrated on, noted in result.json (default: none)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
utt2spk='' tags='' seed='' num_bootstrap=1000 calibrated_on='' nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
trials=$1 out=$2
[[ -f $out/scores ]] || { echo "${0##*/}: no file $out/scores: score the trials first" >&2; exit 1; }

options=(--num-bootstrap "$num_bootstrap")
if [[ -n $calibrated_on ]]; then options+=(--calibrated-on "$calibrated_on"); fi
if [[ -n $utt2spk ]]; then options+=(--utt2spk "$utt2spk"); fi
for tag in $tags ${seed:+"seed=$seed"}; do options+=(--tag "$tag"); done

mkdir -p "$out/log"
$cmd "$out/log/eval.log" \
  python -m speechlib.bin.eval_trials --trials "$trials" --scores "$out/scores" "${options[@]}" --out "$out/result.json"
