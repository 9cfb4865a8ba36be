#!/usr/bin/env bash
# Usage: steps/extract_utterance_stats.sh [options] <data-dir> <stats-dir>
#  e.g.: steps/extract_utterance_stats.sh --model exp/eigenvoices --nj 2 data/dev exp/stats_dev
#        steps/extract_utterance_stats.sh --kind moments --frontend-conf exp/ubm/frontend.conf data/dev exp/moments_dev
# Computes what distances between utterances, and between clusters of them, are made of: <stats-dir>/stats.scp with a
# double matrix for each utterance, of which clusters have the sum. Utterances without (voiced) frames are left out with
# a warning. Values are the same for any --nj, up to rounding. Jobs whose model, options and archives are unchanged are
# not run again.
# Options:
#   --kind K                  comparison: [L | d] of the utterance comparison model, for the distances ucm and ev;
#                             moments: sums of [1; x][1; x]', for glr, clr and bic (default: comparison)
#   --model DIR               comparison: model that steps/train_eigenvoices.sh made; its front end is used
#   --frontend-conf FILE      moments: options of the front end (default: features as they are)
#   --assignment A            comparison: hard, each frame is one Gaussian's, or soft, posteriors (default: hard)
#   --num-iters N             comparison: assignments of frames to Gaussians (default: 3)
#   --frame-scale X           comparison: what each frame counts (default: 1.0)
#   --use-eigenchannels B     comparison: true or false (default: true where the model has eigenchannels)
#   --max-bad N               utterances without statistics that are tolerated (default: all but one)
#   --device D                comparison: cpu, or cuda for large products by torch on a GPU (default: cpu)
#   --use-gpu N               GPUs a job, for the dispatcher (default: 0)
#   --nj N                    parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                 job dispatcher (default: utils/run.py)
set -euo pipefail

kind=comparison model='' frontend_conf='' assignment=hard num_iters=3 frame_scale=1.0 use_eigenchannels='' max_bad=''
device=cpu use_gpu=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
data=${1%/} out=${2%/}
case $kind in
  comparison)
    [[ -n $model ]] || fail "--kind comparison needs --model: steps/train_eigenvoices.sh makes one"
    [[ -z $frontend_conf ]] || fail "--frontend-conf is for --kind moments: a model has its own, $model/frontend.conf"
    for file in final.dubm means.mat eigenvoices.mat frontend.conf; do
      [[ -f $model/$file ]] || fail "no file $model/$file: run steps/train_eigenvoices.sh before"
    done
    frontend_conf=$model/frontend.conf
    command=(speechlib.bin.extract_comparison_stats --assignment "$assignment" --num-iters "$num_iters"
      --frame-scale "$frame_scale" --device "$device")
    if [[ -n $use_eigenchannels ]]; then command+=(--use-eigenchannels "$use_eigenchannels"); fi
    inputs=("$model") ;;
  moments)
    [[ -z $model ]] || fail "--model is for --kind comparison: give --frontend-conf $model/frontend.conf"
    [[ -z $frontend_conf || -f $frontend_conf ]] || fail "no file $frontend_conf"
    command=(speechlib.bin.extract_moment_stats)
    inputs=() ;;
  *) fail "--kind $kind: expected comparison or moments" ;;
esac

resources=()
if ((use_gpu > 0)); then resources=(--gpu "$use_gpu"); fi
deal_out "$data" "$out"
frontend=()
if [[ -n $frontend_conf ]]; then use_frontend "$data" "$frontend_conf"; fi
mkdir -p "$out/parts"
parts=$(cd "$out/parts" && pwd) # absolute, so that the list can be read from any folder
rm -f "$parts/".*.tmp "$out/stats.scp"
$cmd "${resources[@]}" JOB=1:"$nj" "$out/log/extract.JOB.log" \
  python -m "${command[@]}" --stamp "$out/parts/JOB.of$nj.done.json" "${frontend[@]}" "${inputs[@]}" \
  "scp:$out/lists/feats.JOB.scp" "ark,scp:$parts/stats.JOB.ark,$parts/stats.JOB.scp"

join_lists "$parts/stats" .scp "$out/.stats.tmp"
total=$(wc -l <"$data/feats.scp") num_done=$(wc -l <"$out/.stats.tmp")
bad=$((total - num_done))
if ((bad)); then
  echo "${0##*/}: warning: $bad of $total utterances have no statistics (no frames, or no voiced ones):" \
    "see $out/log/extract.*.log" >&2
fi
if ((num_done == 0 || bad > ${max_bad:-total})); then
  fail "$bad utterances without statistics are too many: --max-bad is ${max_bad:-$((total - 1))}"
fi
mv "$out/.stats.tmp" "$out/stats.scp"
echo "${0##*/}: statistics of $num_done utterances in $out/stats.scp"
