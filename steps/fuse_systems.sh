#!/usr/bin/env bash
# Usage: steps/fuse_systems.sh [options] <dev-data> <eval-data> <out-dir> <name>=<system-dir> [<name>=<system-dir> ...]
#  e.g.: steps/fuse_systems.sh --seed 1 data/dev data/test exp/fusion/seed1 \
#          ivector=exp/ivector xvector=exp/xvector/seed1/tdnn6
# Calibrates each system and fuses all of them, by what <dev-data>/trials teach, and applies it to <eval-data>/trials:
# <out-dir>/<name>/calibrated and <out-dir>/fusion/fused with scores and result.json. A <system-dir> holds
# scores_<set>/<backend> for both sets; a set is called as its data directory.
# Options:
#   --backend NAME      whose scores: plda or cosine (default: plda)
#   --dev-systems "D .."  other folders with the dev scores, in the order of the systems: of the same systems trained
#                       without the dev speakers (default: the systems themselves, which never saw them)
#   --seed N            of the systems, noted in the results (default: none)
#   --nj N              one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD           job dispatcher (default: utils/run.py)
set -euo pipefail

backend=plda dev_systems='' seed='' nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 4)) || usage
dev=$1 eval=$2 out=$3
shift 3
read -ra dev_dirs <<<"${dev_systems:-${*#*=}}"
((${#dev_dirs[@]} == $#)) || usage "--dev-systems: expected $# folders, got ${#dev_dirs[@]}"

dev_scores=() eval_scores=()
for system in "$@"; do
  name=${system%%=*}
  dev_scores+=("${dev_dirs[${#dev_scores[@]}]}/scores_${dev##*/}/$backend")
  eval_scores+=("${system#*=}/scores_${eval##*/}/$backend")
  steps/calibrate_scores.sh --nj "$nj" --cmd "$cmd" --utt2spk "$eval/utt2spk" --seed "$seed" \
    --tags "system=$name scores=calibrated" \
    "$dev/trials" "${dev_scores[-1]}" "$eval/trials" "${eval_scores[-1]}" "$out/$name/calibrated"
done
if (($# > 1)); then
  steps/calibrate_scores.sh --nj "$nj" --cmd "$cmd" --utt2spk "$eval/utt2spk" --seed "$seed" \
    --tags "system=fusion scores=fused" \
    "$dev/trials" "${dev_scores[*]}" "$eval/trials" "${eval_scores[*]}" "$out/fusion/fused"
fi
