#!/usr/bin/env bash
# Usage: steps/calibrate_scores.sh [options] <dev-trials> <dev-scored-dirs> <trials> <scored-dirs> <out-dir>
#  e.g.: steps/calibrate_scores.sh data/dev/trials "exp/a/dev exp/b/dev" data/test/trials "exp/a/test exp/b/test" exp/fused
# Learns on labelled dev trials to turn the scores of a system into log-likelihood ratios, or those of several systems
# into one score (fusion), and applies it: <out-dir>/{scores,calibration.json}, and result.json where the trials have
# labels. The folders of several systems stand between quotes, in the same order twice.
# Options:
#   --prior P                prior of a target to calibrate for (default: 0.5)
#   --utt2spk FILE           speakers to resample (default: utterances that target trials link)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --seed N                 of the systems behind the scores, noted in result.json (default: none)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

prior=0.5 utt2spk='' tags='' seed='' nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
dev_trials=$1 trials=$3 out=$5
read -ra dev_dirs <<<"$2"
read -ra dirs <<<"$4"
((${#dirs[@]} == ${#dev_dirs[@]})) || usage "${#dev_dirs[@]} folders of dev scores, but ${#dirs[@]} of scores"

options=(--prior "$prior" --dev-trials "$dev_trials" --model "$out/calibration.json")
for dir in "${dev_dirs[@]}"; do options+=(--dev-scores "$dir/scores"); done
mkdir -p "$out/log"
$cmd "$out/log/calibrate.log" \
  python -m speechlib.bin.calibrate_scores "${options[@]}" "${dirs[@]/%//scores}" "$out/scores"
if [[ $(head -n 1 "$trials" | wc -w) -eq 3 ]]; then
  steps/eval_trials.sh --nj "$nj" --cmd "$cmd" --utt2spk "$utt2spk" --tags "$tags" --seed "$seed" \
    --calibrated-on "$dev_trials" "$trials" "$out"
fi
