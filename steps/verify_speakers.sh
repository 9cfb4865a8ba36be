#!/usr/bin/env bash
# Usage: steps/verify_speakers.sh [options] <train-data> <train-embeddings> <embeddings> <trials> <out-dir>
#  e.g.: steps/verify_speakers.sh --lda-dim 150 --tags "system=xvector" data/train exp/xvector/train exp/xvector/test \
#          data/test/trials exp/xvector/scores
# Scores a list of trials by the cosine of the embeddings (centred by the training mean) and by PLDA, which is trained
# on the embeddings of <train-data>: <out-dir>/backend holds the mean, LDA and PLDA; <out-dir>/{cosine,plda}/{scores,
# result.json} the scores and, of trials with labels, the error rates.
# Options:
#   --lda-dim N              dimensions that LDA keeps; 0: no LDA (default: 0)
#   --wccn true|false        whiten the covariance within speakers before LDA (default: false)
#   --utt2spk FILE           speakers of the scored utterances, for the intervals (default: told from the target trials)
#   --tags "NAME=VALUE .."   noted in the results
#   --seed N                 of the network behind the embeddings, noted in the results (default: none)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

lda_dim=0 wccn=false utt2spk='' tags='' seed='' cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
train_data=$1 train=$2 test=$3 trials=$4 out=$5

common=(--cmd "$cmd" --utt2spk "$utt2spk" --seed "$seed")
steps/train_plda.sh --cmd "$cmd" --lda-dim "$lda_dim" --wccn "$wccn" "$train_data" "$train" "$out/backend"
steps/score_plda.sh "${common[@]}" --tags "$tags backend=plda" "$out/backend" "$test" "$test" "$trials" "$out/plda"
steps/score_cosine.sh "${common[@]}" --tags "$tags backend=cosine" --backend "$out/backend" \
  "$test" "$test" "$trials" "$out/cosine"
