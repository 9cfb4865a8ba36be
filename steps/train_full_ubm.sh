#!/usr/bin/env bash
# Usage: steps/train_full_ubm.sh [options] <data-dir> <old-ubm-dir> <ubm-dir>
#  e.g.: steps/train_full_ubm.sh --nj 8 data/train exp/diag_ubm exp/full_ubm
# Trains a universal background model with full covariances from one that is there, diagonal (final.dubm) or full
# (final.ubm), as Kaldi's sid/train_full_ubm.sh: writes <ubm-dir>/final.ubm. Features are treated as for the old model.
# The result is the same for any --nj but for the order of sums (in the tests 4e-6 of the largest value, below 1e-5).
# Options:
#   --num-iters N                  (default: 4)
#   --num-gselect N                Gaussians considered for each frame, those of the old model (default: 20)
#   --subsample N                  every n-th frame is used (default: 5)
#   --min-gaussian-weight X        Gaussians below this are not updated (default: 0.0001)
#   --remove-low-count-gaussians B remove these at last (default: true)
#   --store-features true|false    keep the treated features of every n-th frame on disk between the iterations (4 bytes a
#                                  value), instead of making them anew each time (default: true)
#   --cleanup true|false           remove intermediate files (default: true)
#   --nj N                         parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                      job dispatcher (default: utils/run.py)
set -euo pipefail

num_iters=4 num_gselect=20 subsample=5 min_gaussian_weight=0.0001 remove_low_count_gaussians=true store_features=true cleanup=true nj=4
cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=${1%/} source=${2%/} dir=${3%/}
((num_iters > 0)) || usage "--num-iters $num_iters: expected at least 1"
[[ -f $source/frontend.conf ]] || fail "no file $source/frontend.conf: run steps/train_diag_ubm.sh before"
old=$source/final.dubm
if [[ ! -f $old ]]; then old=$source/final.ubm; fi
[[ -f $old ]] || fail "neither final.dubm nor final.ubm in $source: run steps/train_diag_ubm.sh before"

deal_out "$data" "$dir"
cp "$source/frontend.conf" "$dir/.frontend.tmp"
mv "$dir/.frontend.tmp" "$dir/frontend.conf"
use_frontend "$data" "$dir/frontend.conf"
frontend+=(--subsample "$subsample")
store_features_of "$dir"
begin_anew "$dir" "$num_iters $num_gselect $subsample $min_gaussian_weight $remove_low_count_gaussians $nj \
$(sha256sum <"$old") $(<"$dir/frontend.conf") $(state_of "$data")" "$dir"/*.ubm "$dir"/*.acc "$dir"/gselect.*.ark "$dir"/feats.*.ark

if [[ ! -f $dir/final.ubm ]]; then
  if ! compgen -G "$dir/[0-9]*.ubm" >/dev/null; then
    if [[ $old == *.dubm ]]; then
      $cmd "$dir/log/convert.log" python -m speechlib.bin.diag_to_full_ubm "$old" "$dir/0.ubm"
    else
      cp "$old" "$dir/.0.tmp"
      mv "$dir/.0.tmp" "$dir/0.ubm"
    fi
  fi
  if [[ -f $dir/0.ubm && ! -f $dir/1.ubm ]]; then
    $cmd JOB=1:"$nj" "$dir/log/gselect.JOB.log" \
      python -m speechlib.bin.gselect_ubm --n "$num_gselect" "${frontend[@]}" "${store[@]}" "$dir/0.ubm" \
      "scp:$dir/lists/feats.JOB.scp" "ark:$dir/gselect.JOB.ark"
  fi
  for ((x = 0; x < num_iters; x++)); do
    [[ ! -f $dir/$((x + 1)).ubm ]] || continue
    # Were Gaussians removed before the last iteration, the selected ones would have other numbers.
    remove=$( ((x + 1 == num_iters)) && echo "$remove_low_count_gaussians" || echo false)
    read_features "$dir" "$dir/$x.ubm"
    $cmd JOB=1:"$nj" "$dir/log/acc.$x.JOB.log" \
      python -m speechlib.bin.acc_ubm --gselect "ark:$dir/gselect.JOB.ark" "${features[@]}" "$dir/$x.JOB.acc"
    sums=()
    for ((job = 1; job <= nj; job++)); do sums+=("$dir/$x.$job.acc"); done
    $cmd "$dir/log/update.$x.log" \
      python -m speechlib.bin.est_full_ubm --min-gaussian-weight "$min_gaussian_weight" \
      --remove-low-count-gaussians "$remove" "$dir/$x.ubm" "${sums[@]}" "$dir/$((x + 1)).ubm"
    rm -f "${sums[@]}"
  done
  cp "$dir/$num_iters.ubm" "$dir/.final.tmp"
  mv "$dir/.final.tmp" "$dir/final.ubm"
fi
rm -f "$dir"/*.acc # left by a run that was killed between an update and the removal of its sums
if $cleanup; then rm -f "$dir"/[0-9]*.ubm "$dir"/gselect.*.ark "$dir"/feats.*.ark; fi
echo "${0##*/}: mixture of full Gaussians in $dir/final.ubm"
