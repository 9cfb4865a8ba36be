#!/usr/bin/env bash
# Usage: steps/train_plda.sh [options] <data-dir> <embedding-dir> <backend-dir>
#  e.g.: steps/train_plda.sh --lda-dim 150 data/train exp/xvector/train exp/xvector/backend
# Trains a back-end on the embeddings of the speakers of <data-dir>: <backend-dir>/mean.vec, whitening.mat and
# transform.mat (LDA) where asked for, and plda, which is trained on what these make of the embeddings, scaled to one
# length. All are Kaldi's files.
# Options:
#   --lda-dim N                  dimensions that LDA keeps, less than there are speakers; 0: no LDA (default: 0)
#   --total-covariance-factor X  share of the total covariance in LDA's normalisation (default: 0.0)
#   --whiten BOOL                whiten the centred embeddings first (default: false)
#   --wccn BOOL                  whiten the covariance within speakers instead (Hatch et al., 2006; default: false)
#   --num-em-iters N             iterations of PLDA (default: 10)
#   --nj N                       one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                    job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
lda_dim=0 total_covariance_factor=0.0 whiten=false wccn=false num_em_iters=10 nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=$1 embeddings=$2 backend=$3
[[ $whiten != true || $wccn != true ]] || usage "--whiten and --wccn are two ways of the same: choose one"
for file in "$data/utt2spk" "$data/spk2utt" "$embeddings/embedding.scp"; do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: prepare the data and extract the embeddings first" >&2; exit 1; }
done

mkdir -p "$backend/log"
rm -f "$backend"/{mean.vec,whitening.mat,transform.mat,plda,.*.tmp} # what is there is applied below
table=scp:$embeddings/embedding.scp
apply='python -m speechlib.bin.apply_backend --normalize-length'
printf -v arguments '%q %q ark:- |' "$backend" "$table"

$cmd "$backend/log/mean.log" python -m speechlib.bin.mean_vectors "$table" "$backend/mean.vec"
speakers=()
if [[ $wccn == true ]]; then speakers=(--utt2spk "$data/utt2spk"); fi
if [[ $whiten == true || $wccn == true ]]; then
  $cmd "$backend/log/whitening.log" \
    python -m speechlib.bin.train_whitening "${speakers[@]}" "ark:$apply false $arguments" "$backend/whitening.mat"
fi
if ((lda_dim > 0)); then
  $cmd "$backend/log/lda.log" \
    python -m speechlib.bin.train_lda --dim "$lda_dim" --total-covariance-factor "$total_covariance_factor" \
    "ark:$apply false $arguments" "$data/utt2spk" "$backend/transform.mat"
fi
$cmd "$backend/log/plda.log" \
  python -m speechlib.bin.train_plda --num-em-iters "$num_em_iters" \
  "$data/spk2utt" "ark:$apply true $arguments" "$backend/plda"
