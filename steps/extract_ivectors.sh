#!/usr/bin/env bash
# Usage: steps/extract_ivectors.sh [options] <extractor-dir> <data-dir> <out-dir>
#  e.g.: steps/extract_ivectors.sh --nj 8 exp/extractor data/test exp/ivectors_test
# Extracts an i-vector for every utterance (Kaldi's sid/extract_ivectors.sh): writes <out-dir>/embedding.scp. Features are
# treated as in training; utterances without voiced frames are left out with a warning. Values are the same for any --nj
# up to rounding (1e-5 of the largest). Jobs whose models, options and archives are unchanged are not run again.
# Options:
#   --num-gselect N       Gaussians considered for each frame (default: 20)
#   --min-post X          posteriors below this are dropped (default: 0.025)
#   --posterior-scale X   what the posteriors are multiplied by (default: 1.0)
#   --max-bad N           utterances without an i-vector that are tolerated (default: all but one)
#   --device D            cpu, or cuda for large products by torch on a GPU (default: cpu)
#   --use-gpu N           GPUs a job, for the dispatcher (default: 0)
#   --nj N                parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD             job dispatcher (default: utils/run.py)
set -euo pipefail

num_gselect=20 min_post=0.025 posterior_scale=1.0 max_bad='' device=cpu use_gpu=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh
# shellcheck source=steps/shared/embedding_jobs.sh
. steps/shared/embedding_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
source=${1%/} data=${2%/} out=${3%/}
for file in final.ie final.ubm frontend.conf; do
  [[ -f $source/$file ]] || fail "no file $source/$file: run steps/train_ivector_extractor.sh before"
done

resources=()
if ((use_gpu > 0)); then resources=(--gpu "$use_gpu"); fi
deal_out "$data" "$out"
use_frontend "$data" "$source/frontend.conf"
begin_embeddings "$out"
$cmd "${resources[@]}" JOB=1:"$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_ivectors --device "$device" --ubm "$source/final.ubm" --num-gselect "$num_gselect" \
  --min-post "$min_post" --acoustic-weight "$posterior_scale" --stamp "$out/parts/JOB.of$nj.done.json" \
  "${frontend[@]}" "$source/final.ie" "scp:$out/lists/feats.JOB.scp" \
  "ark,scp:$parts/embedding.JOB.ark,$parts/embedding.JOB.scp"

join_embeddings "$data" "$out" "an i-vector" "$out/log/extract.*.log"
echo "${0##*/}: i-vectors of $num_embeddings utterances in $out/embedding.scp"
