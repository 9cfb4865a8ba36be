#!/usr/bin/env bash
# Usage: steps/train_eigenvoices.sh [options] <data-dir> <model-dir>
#  e.g.: steps/train_eigenvoices.sh --nj 8 --num-gauss 256 --rank 20 data/train exp/eigenvoices
# Trains what utterances are compared with (Jeon et al., 2009): a mixture of diagonal Gaussians on all frames
# (steps/train_diag_ubm.sh, in <model-dir>/ubm), relevance-MAP supervectors of the speakers of <data-dir>/utt2spk, and
# their principal directions, the eigenvoices; eigenchannels from how the utterances of a speaker differ. Writes
# <model-dir>/{final.dubm,frontend.conf,means.mat,eigenvoices.mat} and, with --channel-rank, eigenchannels.mat.
# Options:
#   --num-gauss N                  Gaussians (default: 256)
#   --rank N                       eigenvoices (default: 20)
#   --channel-rank N               eigenchannels (default: 0, none)
#   --relevance X                  frames that the mixture's means count for in MAP (default: 16.0)
#   --channel-relevance X          the same for eigenchannels: of utterances, which are short (default: 4.0)
#   --centre speakers|ubm          where deviations are measured from (default: speakers, their mean)
#   --whiten true|false            principal components in units of standard deviations, weighted by occupancy; the
#                                  paper's are of the plain supervectors (default: false)
#   --method pca|em                principal components, or these and then maximum likelihood (default: pca)
#   --num-iters N                  iterations of EM, with --method em (default: 10)
#   --ubm DIR                      a directory of steps/train_diag_ubm.sh, instead of training a mixture
#   --ubm-iters N                  iterations of the mixture on all data (default: 4)
#   --ubm-iters-init N             and before that in memory, after a fast start there (default: 8)
#   --subsample N                  every n-th frame is used in the iterations on all data (default: 1)
#   --variance-floor-factor X      floor of the mixture's variances, as a share of all frames' variance (default: 0.01)
#   --apply-cmn KIND               mean normalisation: sliding, utterance or none (default: sliding)
#   --cmn-window N                 frames of the sliding window (default: 300)
#   --delta true|false             append derivatives (default: true)
#   --delta-order N                order of the highest one (default: 2)
#   --delta-window N               frames on each side of a derivative (default: 3)
#   --vad true|false               keep the frames that <data-dir>/vad.scp calls voiced (default: true)
#   --seed N                       (default: 0)
#   --cleanup true|false           remove intermediate files (default: true)
#   --device D                     cpu, or cuda for large products by torch on a GPU (default: cpu)
#   --use-gpu N                    GPUs a job, for the dispatcher (default: 0)
#   --nj N                         parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                      job dispatcher (default: utils/run.py)
set -euo pipefail

num_gauss=256 rank=20 channel_rank=0 relevance=16.0 channel_relevance=4.0 centre=speakers whiten=false method=pca \
  num_iters=10
ubm='' ubm_iters=4 ubm_iters_init=8 subsample=1 variance_floor_factor=0.01
apply_cmn=sliding cmn_window=300 delta=true delta_order=2 delta_window=3 vad=true
seed=0 cleanup=true device=cpu use_gpu=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/gmm_jobs.sh
. steps/shared/gmm_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
data=${1%/} dir=${2%/}
[[ -s $data/utt2spk ]] || fail "no file $data/utt2spk, or it is empty: eigenvoices are how speakers differ"
[[ $rank =~ ^[1-9][0-9]*$ ]] || usage "--rank $rank: expected a whole number"
[[ $channel_rank =~ ^[0-9]+$ ]] || usage "--channel-rank $channel_rank: expected a whole number"
[[ $method =~ ^(pca|em)$ ]] || usage "--method $method: expected pca or em"
num_speakers=$(awk '{ print $2 }' "$data/utt2spk" | LC_ALL=C sort -u | wc -l)
at_most=$([[ $centre == ubm ]] && echo "$num_speakers" || echo $((num_speakers - 1)))
((rank <= at_most)) || fail "$rank eigenvoices from the $num_speakers speakers of $data/utt2spk: at most $at_most"

if [[ -z $ubm ]]; then
  ubm=$dir/ubm
  steps/train_diag_ubm.sh --apply-cmn "$apply_cmn" --cmn-window "$cmn_window" --delta "$delta" \
    --delta-order "$delta_order" --delta-window "$delta_window" --vad "$vad" --num-iters "$ubm_iters" \
    --start grow --num-iters-init "$ubm_iters_init" --subsample "$subsample" --variance-floor-factor "$variance_floor_factor" \
    --device "$device" --use-gpu "$use_gpu" --seed "$seed" --cleanup "$cleanup" --nj "$nj" --cmd "$cmd" "$data" "$num_gauss" "$ubm"
fi
for file in final.dubm frontend.conf; do
  [[ -f $ubm/$file ]] || fail "no file $ubm/$file: run steps/train_diag_ubm.sh before"
done

resources=()
if ((use_gpu > 0)); then resources=(--gpu "$use_gpu"); fi
deal_out "$data" "$dir"
use_frontend "$data" "$ubm/frontend.conf"
mkdir -p "$dir/stats"
begin_anew "$dir" "$rank $channel_rank $relevance $channel_relevance $centre $whiten $method $num_iters $nj \
$(sha256sum <"$data/utt2spk") $(sha256sum <"$ubm/final.dubm") $(<"$ubm/frontend.conf") $(state_of "$data")" \
  "$dir"/{final.dubm,frontend.conf,means.mat,eigenvoices.mat,eigenchannels.mat} "$dir"/stats/*

if [[ ! -f $dir/eigenvoices.mat ]]; then
  for file in final.dubm frontend.conf; do
    cp "$ubm/$file" "$dir/.$file.tmp"
    mv "$dir/.$file.tmp" "$dir/$file"
  done
  # Eigenchannels need the utterances by themselves; without them the sums of the speakers are less to keep.
  of_jobs=() of_all=(--utt2spk "$data/utt2spk")
  if ((!channel_rank)); then of_jobs=("${of_all[@]}") of_all=(); fi
  $cmd "${resources[@]}" JOB=1:"$nj" "$dir/log/stats.JOB.log" \
    python -m speechlib.bin.acc_speaker_stats --device "$device" --stamp "$dir/stats/JOB.of$nj.done.json" \
    "${of_jobs[@]}" "${frontend[@]}" "$dir/final.dubm" "scp:$dir/lists/feats.JOB.scp" "ark:$dir/stats/JOB.ark"
  stats=()
  for ((job = 1; job <= nj; job++)); do stats+=("ark:$dir/stats/$job.ark"); done
  $cmd "${resources[@]}" "$dir/log/estimate.log" \
    python -m speechlib.bin.est_eigenvoices --rank "$rank" --channel-rank "$channel_rank" --relevance "$relevance" \
    --channel-relevance "$channel_relevance" --centre "$centre" --whiten "$whiten" --method "$method" \
    --num-iters "$num_iters" --device "$device" "${of_all[@]}" "$dir/final.dubm" "${stats[@]}" "$dir"
fi
if $cleanup; then rm -rf "$dir/stats"; fi
echo "${0##*/}: $num_gauss Gaussians, $rank eigenvoices, $channel_rank eigenchannels in $dir"
