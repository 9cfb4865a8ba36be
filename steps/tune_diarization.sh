#!/usr/bin/env bash
# Usage: steps/tune_diarization.sh [options] <segmented-dev-data-dir> <model-dir> <out-dir>
#  e.g.: steps/tune_diarization.sh --frame-scale .3 data/dev_auto exp/model exp/diarization/dev
# Chooses where clustering stops, for steps/diarize.sh, on recordings of other speakers that steps/segment_recordings.sh
# cut and whose ref.rttm is known: writes <out-dir>/selection.json. A segment belongs to the speaker of the reference who
# speaks most in it (<out-dir>/utt2spk); the threshold is the one that is best at this. The options of the clustering
# must be those that steps/diarize.sh is given.
# Options:
#   --criterion C            mr_hungarian or i_spk: steps/score_conversations.sh (default: mr_hungarian)
#   --distance D             as steps/cluster_conversations.sh (default: ucm)
#   --linkage L              exact, average or complete (default: exact)
#   --bic-penalty X          weight of the penalty of bic and bic-diag (default: 1.0)
#   --assignment A           hard or soft (default: hard)
#   --num-iters N            of the assignment (default: 3)
#   --frame-scale X          what a frame counts (default: 1.0)
#   --use-eigenchannels BOOL true or false (default: false)
#   --nj N                   parallel jobs (default: 4; fewer if there are fewer recordings)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by what is sourced
criterion=mr_hungarian distance=ucm linkage=exact bic_penalty=1.0 assignment=hard num_iters=3 frame_scale=1.0 \
  use_eigenchannels=false nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/diarization_jobs.sh
. steps/shared/diarization_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=${1%/} model=${2%/} out=${3%/}
[[ -s $data/segments && -s $data/reco2utt ]] ||
  usage "no $data/segments or no $data/reco2utt, or empty: run steps/segment_recordings.sh before"
[[ -s $data/ref.rttm ]] || usage "no $data/ref.rttm, or it is empty: nothing says who speaks when"

mkdir -p "$out/log"
rm -f "$out/selection.json"
cluster_segments "$data" "$model" "$out"
$cmd "$out/log/label_segments.log" \
  python -m speechlib.bin.label_segments "$data/segments" "$data/ref.rttm" "$out/utt2spk"
$cmd "$out/log/tune.log" \
  python -m speechlib.bin.tune_threshold --criterion "$criterion" "$out/trees/reco2utt" "scp:$out/trees/trees.scp" \
  "$out/utt2spk" "$out/selection.json"
echo "${0##*/}: $(sed -n 's/^ *"threshold": \([^,]*\),*/threshold \1/p' "$out/selection.json") in $out/selection.json"
