#!/usr/bin/env bash
# Usage: steps/score_plda_conversations.sh [options] <backend-dir> <data-dir> <embedding-dir> <out-dir>
#  e.g.: steps/score_plda_conversations.sh exp/xvector/backend data/eval exp/xvector/eval exp/xvector/eval_trees
# Scores all pairs of utterances of each conversation by PLDA, on embeddings in the space of a back-end that
# steps/train_plda.sh made, and merges the utterances bottom up: writes <out-dir>/scores.scp and <out-dir>/trees.scp, which
# steps/score_conversations.sh takes, <out-dir>/reco2utt, the utterances that they are of, and <out-dir>/utt2cluster, the
# clusters at a log-likelihood ratio of 0. Utterances without an embedding are left out with a warning.
# Options:
#   --target-energy X  share of a conversation's variance that its principal components keep; 1.0: all dimensions are
#                      kept (default: 0.5, Kaldi's)
#   --linkage L        average, as in Kaldi, or complete (default: average)
#   --nj N             one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD          job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
target_energy=0.5 linkage=average nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 4)) || usage
backend=${1%/} data=${2%/} embeddings=${3%/} out=${4%/}
for file in "$backend/plda" "$data/reco2utt" "$embeddings/embedding.scp"; do
  [[ -f $file ]] || {
    echo "${0##*/}: no file $file: train the back-end, prepare the conversations, extract the embeddings first" >&2
    exit 1
  }
done

mkdir -p "$out/log"
rm -f "$out"/{scores,trees}.{scp,ark} "$out"/{reco2utt,utt2cluster,.*.tmp} # no new trees beside old scores if a command fails
printf -v vectors 'python -m speechlib.bin.apply_backend %q %q ark:- |' "$backend" "scp:$embeddings/embedding.scp"
$cmd "$out/log/score.log" \
  python -m speechlib.bin.score_plda_dense --target-energy "$target_energy" --skip-missing true \
  --write-reco2utt "$out/reco2utt" "$backend/plda" "$data/reco2utt" "ark:$vectors" \
  "ark,scp:$out/scores.ark,$out/scores.scp"
$cmd "$out/log/cluster.log" \
  python -m speechlib.bin.cluster_scores --linkage "$linkage" --trees "ark,scp:$out/trees.ark,$out/trees.scp" \
  "$out/reco2utt" "scp:$out/scores.scp" "$out/utt2cluster"
if grep -qs warning "$out/log/score.log"; then grep warning "$out/log/score.log" >&2; fi
echo "${0##*/}: scores and trees of $(wc -l < "$out/reco2utt") conversations in $out"
