#!/usr/bin/env bash
# Usage: steps/train_ivector_extractor.sh [options] <ubm> <data-dir> <extractor-dir>
#  e.g.: steps/train_ivector_extractor.sh --nj 8 --ivector-dim 400 exp/full_ubm/final.ubm data/train exp/extractor
# Trains an i-vector extractor on a background model with full covariances (Kaldi's sid/train_ivector_extractor.sh):
# writes <extractor-dir>/final.ie, with the model as final.ubm and its frontend.conf beside it. <ubm> is the model or its
# directory; it may also come after <data-dir>. The result is the same for any --nj but for the order of sums
# (in the tests i-vectors differ by 3e-6 of the largest value; a frame at the edge of a selection could make it more).
# Options:
#   --ivector-dim N          dimension of the i-vectors (default: 400)
#   --num-iters N            iterations of EM (default: 10, Kaldi's; its voxceleb/v1 takes 5)
#   --num-gselect N          Gaussians considered for each frame (default: 20)
#   --min-post X             posteriors below this are dropped (default: 0.025)
#   --posterior-scale X      what the posteriors are multiplied by (default: 1.0)
#   --update-variances BOOL  update the covariances, too (default: true)
#   --gaussian-min-count X   Gaussians with fewer frames are not updated (default: 100)
#   --seed N                 of the random projections in the beginning (default: 0)
#   --store-features BOOL    keep the treated features on disk between the iterations (4 bytes a value), instead of making
#                            them anew each time (default: true)
#   --cleanup true|false     remove intermediate files (default: true)
#   --device D               cpu, or cuda for large products by torch on a GPU (default: cpu)
#   --use-gpu N              GPUs a job, for the dispatcher (default: 0)
#   --nj N                   parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

ivector_dim=400 num_iters=10 num_gselect=20 min_post=0.025 posterior_scale=1.0 update_variances=true
gaussian_min_count=100 device=cpu use_gpu=0 seed=0 store_features=true cleanup=true nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
ubm=${1%/} data=${2%/} dir=${3%/}
if [[ -f $ubm/feats.scp ]]; then ubm=${2%/} data=${1%/}; fi
if [[ -d $ubm ]]; then ubm=$ubm/final.ubm; fi
[[ -f $ubm ]] || fail "no file $ubm: run steps/train_full_ubm.sh before"
settings=${ubm%/*}/frontend.conf
[[ -f $settings ]] || fail "no file $settings, the features' treatment: run steps/train_full_ubm.sh before"
((num_iters > 0)) || usage "--num-iters $num_iters: expected at least 1"

resources=()
if ((use_gpu > 0)); then resources=(--gpu "$use_gpu"); fi
deal_out "$data" "$dir"
cp "$settings" "$dir/.frontend.tmp"
mv "$dir/.frontend.tmp" "$dir/frontend.conf"
cp "$ubm" "$dir/.final.ubm.tmp"
mv "$dir/.final.ubm.tmp" "$dir/final.ubm"
use_frontend "$data" "$dir/frontend.conf"
store_features_of "$dir"
begin_anew "$dir" "$ivector_dim $num_iters $num_gselect $min_post $posterior_scale $update_variances \
$gaussian_min_count $seed $nj $(sha256sum <"$ubm") $(<"$dir/frontend.conf") $(state_of "$data")" \
  "$dir"/*.ie "$dir"/*.acc "$dir"/post.*.ark "$dir"/frames.*.stats "$dir"/feats.*.ark

if [[ ! -f $dir/final.ie ]]; then
  if ! compgen -G "$dir/[0-9]*.ie" >/dev/null; then
    rm -f "$dir"/frames.*.stats
    $cmd JOB=1:"$nj" "$dir/log/posteriors.JOB.log" \
      python -m speechlib.bin.gselect_to_post --num-gselect "$num_gselect" --min-post "$min_post" \
      --scale "$posterior_scale" "${frontend[@]}" "${store[@]}" "$dir/final.ubm" "scp:$dir/lists/feats.JOB.scp" "ark:$dir/post.JOB.ark"
    $cmd "$dir/log/init.log" \
      python -m speechlib.bin.init_ivector_extractor --ivector-dim "$ivector_dim" --seed "$seed" "$dir/final.ubm" "$dir/0.ie"
  fi
  accumulate=(--device "$device" --update-variances "$update_variances")
  if $update_variances; then accumulate+=(--frame-stats "$dir/frames.JOB.stats"); fi
  for ((x = 0; x < num_iters; x++)); do
    [[ ! -f $dir/$((x + 1)).ie ]] || continue
    read_features "$dir" "$dir/$x.ie"
    $cmd "${resources[@]}" JOB=1:"$nj" "$dir/log/acc.$x.JOB.log" \
      python -m speechlib.bin.acc_ivector_extractor "${accumulate[@]}" "${features[@]}" "ark:$dir/post.JOB.ark" "$dir/$x.JOB.acc"
    sums=()
    for ((job = 1; job <= nj; job++)); do sums+=("$dir/$x.$job.acc"); done
    $cmd "$dir/log/update.$x.log" \
      python -m speechlib.bin.est_ivector_extractor --gaussian-min-count "$gaussian_min_count" "$dir/$x.ie" \
      "${sums[@]}" "$dir/$((x + 1)).ie"
    rm -f "${sums[@]}"
  done
  cp "$dir/$num_iters.ie" "$dir/.final.tmp"
  mv "$dir/.final.tmp" "$dir/final.ie"
fi
rm -f "$dir"/*.acc # left by a run that was killed between an update and the removal of its sums
if $cleanup; then rm -f "$dir"/[0-9]*.ie "$dir"/post.*.ark "$dir"/frames.*.stats "$dir"/feats.*.ark; fi
echo "${0##*/}: extractor of $ivector_dim dimensions in $dir/final.ie"
