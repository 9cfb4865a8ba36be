#!/usr/bin/env bash
# Usage: steps/extract_frames.sh [options] <exp-dir> <data-dir> <out-dir>
#  e.g.: steps/extract_frames.sh --nj 2 --layers "conv1 fc2" exp/shon data/test exp/shon/frames_test
# Computes the values of a trained network's layers frame by frame: <out-dir>/<layer>/frames.scp with a matrix (frames,
# units) and times.scp with the middles of the frames in seconds, sorted. The values do not depend on --nj. Jobs whose
# network, features and archives are unchanged are not run again.
# Options:
#   --layers "L .."    input: what the network gets; shon_cnn: conv1 to conv4, and with average pooling fc1, fc2; xvector: tdnn1 to tdnn5; vgg_m: conv1
#                      to conv5, fc6, fc7 (default: all that have frames)
#   --model FILE       weights of another time of the training, such as <exp-dir>/model.1000.pt (default:
#                      <exp-dir>/model.pt)
#   --untrained BOOL   the weights that the training began with (default: false)
#   --vad BOOL         only voiced frames (default: as the network's front end)
#   --unseen DIR       data directory whose speakers the network must not have been trained on
#   --nj N             parallel jobs (default: 1; fewer if there are fewer utterances)
#   --num-threads N    CPU threads a job (default: 1)
#   --chunk-frames N   longer utterances are computed in pieces, with the same result (default: 4000)
#   --min-frames N     shorter utterances are lengthened by their edge frames (default: 25)
#   --max-bad N        tolerate so many utterances of which nothing is left (default: all but one)
#   --use-gpu N        GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D         auto, cpu or cuda (default: auto)
#   --cmd CMD          job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # vad and unseen are read by name
layers='' model='' untrained=false vad='' unseen='' nj=1 num_threads=1 chunk_frames=4000 min_frames=25 max_bad='' \
  use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 3 ]] || usage
exp=${1%/} data=${2%/} out=${3%/}
weights=${model:-$exp/model.pt}
for file in "$data/feats.scp" "$exp/config.yaml" $($untrained || echo "$weights"); do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: make the features and train the network first" >&2; exit 1; }
done
num_utterances=$(wc -l <"$data/feats.scp")
if ((nj > num_utterances)); then nj=$num_utterances; fi
((nj > 0)) || { echo "${0##*/}: $data/feats.scp is empty" >&2; exit 1; }
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi
options=(--untrained "$untrained")
for name in vad unseen; do
  if [[ -n ${!name} ]]; then options+=("--$name" "${!name}"); fi
done
if ! $untrained; then options+=(--model "$weights"); fi

mkdir -p "$out/log" "$out/parts"
if [[ -z $layers ]]; then
  layers=$(python -m speechlib.bin.extract_frames --list-layers "$exp" | cut -f 1 | paste -sd ' ')
fi
layers=$(xargs <<<"$layers")
for layer in $layers; do rm -f "$out/$layer/frames.scp" "$out/$layer/times.scp"; done
parts=$(cd "$out/parts" && pwd)
specifier() { echo "ark,scp:$parts/LAYER/$1.JOB.ark,$parts/LAYER/$1.JOB.scp"; }
$cmd "${resources[@]}" "JOB=1:$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_frames --layers "${layers// /,}" "${options[@]}" \
  --chunk-frames "$chunk_frames" --min-frames "$min_frames" --device "$device" --num-threads "$num_threads" --job JOB \
  --num-jobs "$nj" --stamp "$parts/JOB.of$nj.done.json" "$exp" "$data" "$(specifier frames)" "$(specifier times)"

for layer in $layers; do
  mkdir -p "$out/$layer"
  for kind in times frames; do join_lists "$parts/$layer/$kind" .scp "$out/$layer/.$kind.scp"; done
  num_done=$(wc -l <"$out/$layer/.frames.scp")
  bad=$((num_utterances - num_done))
  if ((num_done == 0 || bad > ${max_bad:-num_utterances})); then
    echo "${0##*/}: $bad utterances without frames are too many: --max-bad is ${max_bad:-$((num_utterances - 1))}:" \
      "see $out/log/extract.*.log" >&2
    exit 1
  fi
  for kind in times frames; do mv "$out/$layer/.$kind.scp" "$out/$layer/$kind.scp"; done
done
if ((bad)); then
  echo "${0##*/}: warning: $bad of $num_utterances utterances have no frames (or no voiced ones): see" \
    "$out/log/extract.*.log" >&2
fi
echo "${0##*/}: layers $layers of $exp for $num_done utterances in $out"
