#!/usr/bin/env bash
# Usage: steps/verify_speakers.sh [options] <train-data> <train-embeddings> <eval-data> <eval-embeddings> <out-dir>
#  e.g.: steps/verify_speakers.sh --lda-dim 150 --tags "system=xvector" data/train exp/xvector/train data/test \
#          exp/xvector/test exp/xvector/scores
# Scores the trials <eval-data>/trials by the cosine of the embeddings (centred by the training mean) and by PLDA, which
# is trained on the embeddings of <train-data>: <out-dir>/backend holds the mean, LDA and PLDA, <out-dir>/{cosine,plda}
# scores and, of trials with labels, result.json. The two data directories must not share speakers or recordings.
# Options:
#   --lda-dim N              dimensions that LDA keeps; 0: no LDA (default: 0)
#   --wccn true|false        whiten the covariance within speakers before LDA (default: false)
#   --tags "NAME=VALUE .."   noted in the results
#   --seed N                 of the network behind the embeddings, noted in the results (default: none)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

lda_dim=0 wccn=false tags='' seed='' nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
train_data=$1 train=$2 eval_data=$3 eval=$4 out=$5
[[ -f $eval_data/trials ]] || { echo "${0##*/}: no file $eval_data/trials" >&2; exit 1; }

mkdir -p "$out/log"
$cmd "$out/log/check_leaks.log" python -m speechlib.bin.check_leaks "$train_data" "$eval_data"
steps/train_plda.sh --nj "$nj" --cmd "$cmd" --lda-dim "$lda_dim" --wccn "$wccn" "$train_data" "$train" "$out/backend"
common=(--nj "$nj" --cmd "$cmd" --utt2spk "$eval_data/utt2spk" --seed "$seed")
steps/score_plda.sh "${common[@]}" --tags "$tags backend=plda" "$out/backend" "$eval" "$eval" "$eval_data/trials" \
  "$out/plda"
steps/score_cosine.sh "${common[@]}" --tags "$tags backend=cosine" --backend "$out/backend" "$eval" "$eval" \
  "$eval_data/trials" "$out/cosine"
