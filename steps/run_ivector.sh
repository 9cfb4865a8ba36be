#!/usr/bin/env bash
# Usage: steps/run_ivector.sh [options] <train-data> <exp-dir> [<eval-data> ...]
#  e.g.: steps/run_ivector.sh --num-gauss 2048 --ivector-dim 600 --lda-dim 200 data/train_mfcc exp/ivector data/test_mfcc
# A whole i-vector system, as Kaldi's voxceleb/v1: diagonal and full-covariance background model, extractor and i-vectors
# of the training set, and i-vectors and scores of the trials of each <eval-data>/trials: <exp-dir>/{diag_ubm,full_ubm,
# extractor,train,<eval>}, and <exp-dir>/scores_<eval>/{cosine,plda}/{scores,result.json}. <eval> is the last part of
# <eval-data>'s name, up to its first underscore.
# Options:
#   --num-gauss N            Gaussians (default: 2048)
#   --ivector-dim N          dimensions of the i-vectors (default: 600)
#   --lda-dim N              dimensions that LDA keeps before PLDA; 0: no LDA (default: 200)
#   --apply-cmn KIND         sliding, utterance or none (default: sliding)
#   --tags "NAME=VALUE .."   noted in the results
#   --seed N                 (default: 1)
#   --nj N                   parallel jobs (default: 4)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

num_gauss=2048 ivector_dim=600 lda_dim=200 apply_cmn=sliding tags='' seed=1 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# >= 2)) || usage
train=$1 exp=$2
shift 2

common=(--nj "$nj" --cmd "$cmd")
front=(--apply-cmn "$apply_cmn")
steps/train_diag_ubm.sh "${common[@]}" "${front[@]}" --seed "$seed" "$train" "$num_gauss" "$exp/diag_ubm"
steps/train_full_ubm.sh "${common[@]}" --remove-low-count-gaussians false "$train" "$exp/diag_ubm" "$exp/full_ubm"
steps/train_ivector_extractor.sh "${common[@]}" --seed "$seed" --num-iters 5 --ivector-dim "$ivector_dim" \
  "$exp/full_ubm" "$train" "$exp/extractor"
steps/extract_ivectors.sh "${common[@]}" "$exp/extractor" "$train" "$exp/train"
for data in "$@"; do
  eval=${data##*/} eval=${eval%%_*}
  steps/extract_ivectors.sh "${common[@]}" "$exp/extractor" "$data" "$exp/$eval"
  steps/verify_speakers.sh --nj "$nj" --cmd "$cmd" --lda-dim "$lda_dim" --seed "$seed" \
    --tags "$tags layer=ivector set=$eval" "$train" "$exp/train" "$data" "$exp/$eval" "$exp/scores_$eval"
done
