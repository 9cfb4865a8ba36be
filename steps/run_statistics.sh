#!/usr/bin/env bash
# Usage: steps/run_statistics.sh [options] <train-data> <exp-dir> [<eval-data> ...]
#  e.g.: steps/run_statistics.sh --wccn true data/train_mfcc exp/statistics data/test_mfcc
# The baseline of all systems: mean and standard deviation of the features as embedding of the training set and of each
# <eval-data>, and scores of the trials <eval-data>/trials: <exp-dir>/{train,<eval>}, and
# <exp-dir>/scores_<eval>/{cosine,plda}/{scores,result.json}. <eval> is the last part of <eval-data>'s name, up to its
# first underscore.
# Options:
#   --apply-cmn KIND         none, sliding or utterance (default: none)
#   --vad true|false         voiced frames only (default: false)
#   --wccn true|false        whiten the covariance within speakers before scoring (default: false)
#   --lda-dim N              dimensions that LDA keeps before scoring; 0: no LDA (default: 0)
#   --tags "NAME=VALUE .."   noted in the results
#   --seed N                 noted in the results; nothing here is random (default: none)
#   --nj N                   parallel jobs (default: 4)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

apply_cmn=none vad=false wccn=false lda_dim=0 tags='' seed='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 2)) || usage
train=$1 exp=$2
shift 2

pool=(steps/pool_features.sh --nj "$nj" --cmd "$cmd" --apply-cmn "$apply_cmn" --vad "$vad")
"${pool[@]}" "$train" "$exp/train"
for data in "$@"; do
  eval=${data##*/} eval=${eval%%_*}
  "${pool[@]}" "$data" "$exp/$eval"
  steps/verify_speakers.sh --nj "$nj" --cmd "$cmd" --wccn "$wccn" --lda-dim "$lda_dim" --seed "$seed" \
    --tags "$tags layer=statistics set=$eval" "$train" "$exp/train" "$data" "$exp/$eval" "$exp/scores_$eval"
done
