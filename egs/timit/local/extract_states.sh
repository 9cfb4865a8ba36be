#!/usr/bin/env bash
# Frames of all layers for every state of a network, and the lists of what is to be done with them.
#
# Usage: local/extract_states.sh [options] <model-dir> <data-dir> <states> <frames-dir>
#  e.g.: local/extract_states.sh --nj 4 exp/timit_frames/network data/timit_frames exp/timit_frames/states.tsv \
#          exp/timit_frames/frames
# Writes <frames-dir>/<state>/<layer>/{frames,times}.scp for <data-dir>/all, and lists, a line each
#   <frames-dir>/classes.tsv    every layer of every state
#   <frames-dir>/similarity.tsv every layer trained and untrained
#   <frames-dir>/critical.tsv   the last layer, trained
#   <frames-dir>/phones.tsv     every layer trained, untrained, and trained with shuffled labels; some on the way
#   <frames-dir>/subwords.tsv   every layer trained and untrained
#   <frames-dir>/ends           the first and the last layer
# Options:
#   --layers "L .."       layers (default: all that have frames)
#   --epoch-layers "L .." those that are probed on the way, too (default: the first, one in the middle, the last)
#   --vad BOOL            only voiced frames (default: false)
#   --max-bad N           utterances without frames that are left out; more are an error (default: 0)
#   --nj N                parallel jobs (default: 4)
#   --cmd CMD             job dispatcher (default: utils/run.py)
set -euo pipefail

layers='' epoch_layers='' vad=false max_bad=0 nj=4 cmd=utils/run.py
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 4 ]] || usage "expected a network, data, states and an output folder"
model=$1 data=$2 states=$3 frames=$4

mkdir -p "$frames"
if [[ -z $layers ]]; then
  layers=$(python -m speechlib.bin.extract_frames --list-layers "$model" | cut -f 1 | paste -sd ' ')
fi
read -r -a names <<<"$layers"
epoch_layers=${epoch_layers:-${names[0]} ${names[${#names[@]} / 2]} ${names[-1]}}
printf '%s\n' "${names[0]}" "${names[-1]}" | uniq >"$frames/ends"

while read -r state _ _ weights; do
  options=(--model "$weights") extra=()
  if [[ $weights == untrained ]]; then options=(--untrained true); fi
  if [[ $state == trained ]]; then extra=(input); fi
  steps/extract_frames.sh --nj "$nj" --cmd "$cmd" --vad "$vad" --max-bad "$max_bad" --unseen "$data/speaker_test" \
    --layers "${extra[*]-} $layers" "${options[@]}" "$model" "$data/all" "$frames/$state" </dev/null
done <"$states"

# Lines `state update epoch layer depth`; the depth of `input` is 0.
while read -r state update epoch _; do
  if [[ $state == trained ]]; then echo "$state $update $epoch input 0"; fi
  depth=0
  for layer in $layers; do echo "$state $update $epoch $layer $((++depth))"; done
done <"$states" >"$frames/classes.tsv"
awk '$1 == "trained" || $1 == "untrained"' "$frames/classes.tsv" >"$frames/similarity.tsv"
awk -v last="${names[-1]}" '$1 == "trained" && $4 == last' "$frames/classes.tsv" >"$frames/critical.tsv"
sed 's/$/ true/' "$frames/similarity.tsv" >"$frames/subwords.tsv"
{
  cat "$frames/subwords.tsv"
  awk '$1 == "trained" && $5 > 0 { print $0, "shuffled" }' "$frames/classes.tsv"
  awk -v some=" $epoch_layers " '$1 ~ /^update/ && index(some, " " $4 " ") { print $0, "true" }' "$frames/classes.tsv"
} >"$frames/phones.tsv"
