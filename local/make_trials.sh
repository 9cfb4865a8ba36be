#!/usr/bin/env bash
# Usage: local/make_trials.sh [options] <data-dir> <trials>
#  e.g.: local/make_trials.sh --num-target 5000 --seed 1 data/dev data/dev/trials
# Draws trials among the utterances of a data directory: <enrolment> <test> target|nontarget, no pair twice. Where there
# is a file utt2session, the two utterances of a target trial are of different sessions if the speaker has several; where
# there is spk2gender, most non-target trials are of one gender.
# Options:
#   --num-target N           fewer where there are not so many pairs (default: 10000)
#   --num-nontarget N        likewise (default: as many as target trials)
#   --seed N                 the same trials for the same seed (default: 0)
#   --same-gender-share X    of the non-target trials (default: 0.75)
set -euo pipefail

num_target=10000 num_nontarget='' seed=0 same_gender_share=0.75
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a data directory and a file to write, got $# arguments"

python "$_top/local/make_trials.py" --num-target "$num_target" ${num_nontarget:+--num-nontarget "$num_nontarget"} \
  --seed "$seed" --same-gender-share "$same_gender_share" "$1" "$2"
