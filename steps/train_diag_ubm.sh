#!/usr/bin/env bash
# Usage: steps/train_diag_ubm.sh [options] <data-dir> <num-gauss> <ubm-dir>
#  e.g.: steps/train_diag_ubm.sh --nj 8 --seed 1 data/train 2048 exp/diag_ubm
# Trains a universal background model, a mixture of Gaussians with diagonal covariances (Kaldi's sid/train_diag_ubm.sh):
# from random frames in memory first, with splitting, then by statistics that jobs accumulate. Writes
# <ubm-dir>/final.dubm, and <ubm-dir>/frontend.conf, what is done to the features, which the next steps take from there.
# The result is the same for any --nj but for the order of sums (in the tests 4e-6 of the largest value, below 1e-5).
# Options:
#   --apply-cmn KIND               mean normalisation: sliding, utterance or none (default: sliding)
#   --cmn-window N                 frames of the sliding window (default: 300)
#   --delta true|false             append derivatives (default: true)
#   --delta-order N                order of the highest one (default: 2)
#   --delta-window N               frames on each side of a derivative (default: 3)
#   --vad true|false               keep the frames that <data-dir>/vad.scp calls voiced (default: true)
#   --num-iters N                  iterations on all data (default: 4)
#   --num-iters-init N             iterations in memory (default: 20)
#   --start split|grow             how these begin: all frames in each of them, as Kaldi does; or Gaussians and frames grow
#                                  together, and they come after that, fewer will do (default: split)
#   --num-frames N                 frames held in memory for these, a random part of all (default: 500000)
#   --initial-gauss-proportion X   share of the Gaussians that they begin with (default: 0.5)
#   --num-gselect N                Gaussians considered for each frame (default: 30)
#   --subsample N                  every n-th frame is used in the iterations on all data (default: 5)
#   --min-gaussian-weight X        Gaussians below this are not updated, and removed at last (default: 0.0001)
#   --remove-low-count-gaussians B (default: true)
#   --variance-floor-factor X      floor of the variances, as a share of all frames' variance (default: 0.0, none but Kaldi's 0.001)
#   --seed N                       (default: 0)
#   --num-threads N                CPU threads in memory (default: 1)
#   --store-features true|false    keep the treated features of every n-th frame on disk between the iterations (4 bytes a
#                                  value), instead of making them anew each time (default: true)
#   --cleanup true|false           remove intermediate files (default: true)
#   --device D                     of the iterations in memory: cpu, or cuda for torch on a GPU (default: cpu)
#   --use-gpu N                    GPUs for these, for the dispatcher (default: 0)
#   --nj N                         parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                      job dispatcher (default: utils/run.py)
set -euo pipefail

apply_cmn=sliding cmn_window=300 delta=true delta_order=2 delta_window=3 vad=true
num_iters=4 num_iters_init=20 start=split num_frames=500000 initial_gauss_proportion=0.5 num_gselect=30 subsample=5
min_gaussian_weight=0.0001 remove_low_count_gaussians=true variance_floor_factor=0.0 seed=0 num_threads=1 store_features=true cleanup=true
device=cpu use_gpu=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=${1%/} num_gauss=$2 dir=${3%/}
[[ $num_gauss =~ ^[1-9][0-9]*$ ]] || usage "$num_gauss Gaussians: expected a whole number"
[[ $apply_cmn =~ ^(sliding|utterance|none)$ ]] || usage "--apply-cmn $apply_cmn: expected sliding, utterance or none"
[[ $start =~ ^(split|grow)$ ]] || usage "--start $start: expected split or grow"
((num_iters > 0 && num_iters_init > 0)) || usage "--num-iters and --num-iters-init must be at least 1"
num_gauss_init=$(awk -v n="$num_gauss" -v x="$initial_gauss_proportion" 'BEGIN { print int(n * x) }')
((num_gauss_init > 0 && num_gauss_init <= num_gauss)) || usage "--initial-gauss-proportion: expected more than 0, at most 1"

deal_out "$data" "$dir"
if ! $delta; then delta_order=0; fi
printf -- '--cmn=%s\n--cmn-window=%s\n--deltas=%s\n--delta-window=%s\n--vad=%s\n' \
  "$apply_cmn" "$cmn_window" "$delta_order" "$delta_window" "$vad" >"$dir/.frontend.tmp"
mv "$dir/.frontend.tmp" "$dir/frontend.conf"
use_frontend "$data" "$dir/frontend.conf"
begin_anew "$dir" "$num_gauss $num_gauss_init $num_iters $num_iters_init $start $num_frames $num_gselect $subsample \
$min_gaussian_weight $remove_low_count_gaussians $variance_floor_factor $seed $nj $(<"$dir/frontend.conf") $(state_of "$data")" \
  "$dir"/*.dubm "$dir"/*.acc "$dir"/gselect.*.ark "$dir"/feats.*.ark

if [[ ! -f $dir/final.dubm ]]; then
  if ! compgen -G "$dir/[0-9]*.dubm" >/dev/null; then
    resources=(--num-threads "$num_threads")
    if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi
    $cmd "${resources[@]}" "$dir/log/init.log" \
      python -m speechlib.bin.init_diag_ubm --num-gauss "$num_gauss" --num-gauss-init "$num_gauss_init" \
      --num-iters "$num_iters_init" --num-frames "$num_frames" --min-gaussian-weight "$min_gaussian_weight" \
      --variance-floor-factor "$variance_floor_factor" --start "$start" --device "$device" \
      --seed "$seed" "${frontend[@]}" "scp:$data/feats.scp" "$dir/0.dubm"
  fi
  frontend+=(--subsample "$subsample")
  store_features_of "$dir"
  if [[ -f $dir/0.dubm && ! -f $dir/1.dubm ]]; then
    $cmd JOB=1:"$nj" "$dir/log/gselect.JOB.log" \
      python -m speechlib.bin.gselect_ubm --n "$num_gselect" "${frontend[@]}" "${store[@]}" "$dir/0.dubm" \
      "scp:$dir/lists/feats.JOB.scp" "ark:$dir/gselect.JOB.ark"
  fi
  for ((x = 0; x < num_iters; x++)); do
    [[ ! -f $dir/$((x + 1)).dubm ]] || continue
    # Were Gaussians removed before the last iteration, the selected ones would have other numbers.
    remove=$( ((x + 1 == num_iters)) && echo "$remove_low_count_gaussians" || echo false)
    read_features "$dir" "$dir/$x.dubm"
    $cmd JOB=1:"$nj" "$dir/log/acc.$x.JOB.log" \
      python -m speechlib.bin.acc_ubm --gselect "ark:$dir/gselect.JOB.ark" "${features[@]}" "$dir/$x.JOB.acc"
    sums=()
    for ((job = 1; job <= nj; job++)); do sums+=("$dir/$x.$job.acc"); done
    $cmd "$dir/log/update.$x.log" \
      python -m speechlib.bin.est_diag_ubm --min-gaussian-weight "$min_gaussian_weight" \
      --variance-floor-factor "$variance_floor_factor" \
      --remove-low-count-gaussians "$remove" "$dir/$x.dubm" "${sums[@]}" "$dir/$((x + 1)).dubm"
    rm -f "${sums[@]}"
  done
  cp "$dir/$num_iters.dubm" "$dir/.final.tmp"
  mv "$dir/.final.tmp" "$dir/final.dubm"
fi
rm -f "$dir"/*.acc # left by a run that was killed between an update and the removal of its sums
if $cleanup; then rm -f "$dir"/[0-9]*.dubm "$dir"/gselect.*.ark "$dir"/feats.*.ark; fi
echo "${0##*/}: mixture of $num_gauss diagonal Gaussians in $dir/final.dubm"
