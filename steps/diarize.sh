#!/usr/bin/env bash
# Usage: steps/diarize.sh [options] <segmented-data-dir> <model-dir> <out-dir>
#  e.g.: steps/diarize.sh --selection exp/diarization/dev/selection.json data/eval_auto exp/model exp/diarization/eval
# Says who speaks when in the recordings that steps/segment_recordings.sh cut, with features (and voicing decisions, if
# the model wants them) since: clusters the segments of each recording, and writes <out-dir>/utt2cluster and
# <out-dir>/hyp.rttm. Where <segmented-data-dir> has ref.rttm, <out-dir>/result.json has the error rates, and where it has
# reco2num_spk, too, <out-dir>/known has all this for a known number of speakers (of at most as many as there are segments:
# an oracle's). Recordings without a segment have no turn. <model-dir> is what steps/train_eigenvoices.sh made; glr, clr and bic take just its
# frontend.conf.
# Options, where to stop clustering, one of (default: at 0 for ucm and bic, which is equal evidence):
#   --threshold X            at this distance
#   --selection FILE         at the distance that steps/tune_diarization.sh chose
#   --reco2num-spk FILE      at the number of speakers, which is known
# Options of the clustering:
#   --distance D             as steps/cluster_conversations.sh (default: ucm)
#   --linkage L              exact, average or complete (default: exact)
#   --bic-penalty X          weight of the penalty of bic and bic-diag (default: 1.0)
#   --assignment A           hard or soft (default: hard)
#   --num-iters N            of the assignment (default: 3)
#   --frame-scale X          what a frame counts; less than 1 because neighbouring frames are alike (default: 1.0)
#   --use-eigenchannels BOOL true or false (default: false)
# Options of the scoring and of all:
#   --collar S               seconds not scored on each side of every boundary of the reference (default: 0.25)
#   --skip-overlap BOOL      leave out where several speakers of the reference speak (default: false)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --seed N                 of the model, noted in result.json (default: none)
#   --nj N                   parallel jobs (default: 4; fewer if there are fewer recordings)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, or by what is sourced
threshold='' selection='' reco2num_spk='' distance=ucm linkage=exact bic_penalty=1.0 assignment=hard num_iters=3
frame_scale=1.0 use_eigenchannels=false collar=0.25 skip_overlap=false tags='' seed='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/diarization_jobs.sh
. steps/shared/diarization_jobs.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=${1%/} model=${2%/} out=${3%/}
[[ -f $data/segments && -f $data/reco2utt ]] ||
  usage "no $data/segments or no $data/reco2utt: run steps/segment_recordings.sh before"
cut=()
for _name in threshold selection reco2num_spk; do
  if [[ -n ${!_name} ]]; then cut+=("--${_name//_/-}" "${!_name}"); fi
done
if ((${#cut[@]} == 0)) && [[ $distance =~ ^(ucm|bic|bic-diag)$ ]]; then cut=(--threshold 0); fi
((${#cut[@]} == 2)) || usage "where to stop: expected one of --threshold, --selection and --reco2num-spk"

mkdir -p "$out/log"
rm -rf "$out/known" "$out"/{utt2cluster,hyp.rttm,result.json,der.json}
if [[ -s $data/segments ]]; then
  cluster_segments "$data" "$model" "$out"
else
  echo "${0##*/}: warning: $data/segments is empty: nobody speaks anywhere" >&2
fi

# diarize_to FOLDER CUT..: clusters, turns and error rates, from the arguments of cut_trees and then those of the scoring.
diarize_to() {
  local folder=$1 name=${1##*/}
  mkdir -p "$folder"
  if [[ -s $data/segments ]]; then
    $cmd "$out/log/cut_$name.log" \
      python -m speechlib.bin.cut_trees "$2" "$3" "$out/trees/reco2utt" "scp:$out/trees/trees.scp" "$folder/utt2cluster"
  else
    : >"$folder/utt2cluster"
  fi
  $cmd "$out/log/rttm_$name.log" \
    python -m speechlib.bin.clusters_to_rttm "$data/segments" "$folder/utt2cluster" "$folder/hyp.rttm"
  if [[ -f $data/ref.rttm ]]; then
    local options=(--collar "$collar" --skip-overlap "$skip_overlap" --nj "$nj" --cmd "$cmd" "${@:4}")
    if [[ -n $seed ]]; then options+=(--seed "$seed"); fi
    steps/eval_diarization.sh "${options[@]}" "$data" "$folder/hyp.rttm" "$folder"
  fi
}

scoring=(--tags "$tags stop=threshold")
if [[ -n $selection ]]; then scoring+=(--selection "$selection"); fi
if [[ -n $reco2num_spk ]]; then scoring=(--tags "$tags stop=known" --cut oracle); fi
diarize_to "$out" "${cut[@]}" "${scoring[@]}"
if [[ -f $data/ref.rttm && -s $data/reco2num_spk && -s $data/segments && -z $reco2num_spk ]]; then
  awk 'FNR == NR { segments[$1] = NF - 1; next }
    $1 in segments { print $1, $2 < segments[$1] ? $2 : segments[$1] }' "$out/trees/reco2utt" "$data/reco2num_spk" \
    >"$out/reco2num_spk"
  diarize_to "$out/known" --reco2num-spk "$out/reco2num_spk" --tags "$tags stop=known" --cut oracle
fi
echo "${0##*/}: $(awk '{ print $2 }' "$out/hyp.rttm" | sort -u | wc -l) recordings with speakers' turns in $out/hyp.rttm"
