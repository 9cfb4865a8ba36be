#!/usr/bin/env bash
# The pictures of the frame-level analysis (Shon et al., 2018, Figures 2 to 8).
#
# Usage: local/make_frame_figures.sh [options] <data-dir> <exp-dir> <results-dir>
#  e.g.: local/make_frame_figures.sh data/timit_frames exp/timit_frames results/timit_frames
# Options:
#   --pair "UTT UTT"   utterances of the similarity matrix (default: <data-dir>/lists/pair)
#   --nj N             pictures drawn at a time (default: 2)
set -euo pipefail

pair='' nj=2
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 3 ]] || usage "expected the folders of data, experiments and results"
data=$1 exp=$2 results=$3
frames=$exp/frames

. local/picture_jobs.sh
by_layer() { start layers "$1" --x extra.layer --order extra.depth --x-label layer "${@:2}" "$exp" "$results/$1"; }
by_epoch() {
  start layers "$1" --x extra.update --series extra.layer --series-order extra.depth \
    --x-label "updates of the speaker network" "${@:2}" "$exp" "$results/$1"
}

mkdir -p "$results"
if [[ -d $data/subwords ]]; then
  for metric in unit_error_rate wer; do
    by_layer "subwords_$metric.png" --pattern 'subwords/*/*/*/*/result.json' --series extra.state --metric "$metric" \
      --label "$([[ $metric == wer ]] && echo word || echo subword) error rate"
  done
fi
if [[ -d $data/phones ]]; then
  by_layer phones_by_layer.png --pattern 'phones/*trained/*/*/*/result.json' --series extra.state,extra.labels \
    --metric per --label "phone error rate"
  by_epoch phones_by_epoch.png --pattern 'phones/*/[!i]*/true/*/result.json' --metric per --label "phone error rate"
  by_layer classes_by_layer.png --pattern 'classes/*/*/result.json' --series extra.state --series-order extra.update \
    --metric accuracy --level "most frequent class=prior_accuracy" --label "accuracy, broad classes"
  by_epoch classes_by_epoch.png --pattern 'classes/*/[!i]*/result.json' --metric accuracy \
    --level "most frequent class=prior_accuracy" --label "accuracy, broad classes"
  confusions=() points=() accuracies=() matrices=() contrasts=()
  while read -r layer; do
    found=$exp/classes/trained/$layer
    confusions+=("$layer=$found/result.json")
    points+=("$layer=scp:$found/segments.scp") accuracies+=(--accuracy "$layer=$found/result.json")
    matrices+=("$layer=$frames/trained/$layer")
    if [[ -f $exp/similarity/trained/$layer/result.json ]]; then
      contrasts+=(--contrast "$layer=$exp/similarity/trained/$layer/result.json")
    fi
    # segments that have frames in all of these layers (networks without padding lack some at the edges)
    segments=$exp/figures/seg2class
    if ((${#points[@]} == 1)); then mkdir -p "$exp/figures" && cp "$found/seg2class" "$segments"; fi
    utils/filter_scp.sh "$found/seg2class" "$segments" >"$segments.tmp" && mv "$segments.tmp" "$segments"
  done <"$frames/ends"
  last=$(tail -n 1 "$frames/ends")
  start confusion confusion.png "$results/confusion.png" "${confusions[@]}"
  start embeddings tsne.png --utt2spk "$segments" --max-speakers 8 --max-points 80 --choose spread \
    "${accuracies[@]}" "$results/tsne.png" "${points[@]}"
  if [[ -f $exp/similarity/trained/$last/result.json ]]; then
    by_layer contrast.png --pattern 'similarity/*/*/result.json' --series extra.state --metric contrast \
      --label "cosine, same phone - other phone"
  fi
  pair=${pair:-$(paste -sd ' ' "$data/lists/pair")}
  if [[ -n $pair ]]; then
    read -r first second <<<"$pair"
    start similarity similarity.png "${contrasts[@]}" "$data/all" "$first" "$second" "$results/similarity.png" "${matrices[@]}"
  fi
  sets=("all sentences=$exp/critical/trained/$last/all/result.json")
  without=$exp/critical/trained/$last/without_shared/result.json
  if [[ -f $without ]]; then sets+=("without the sentences that everybody reads=$without"); fi
  start critical_phones critical.png "$data/speaker_test" "$frames/trained/$last" "$results/critical.png" "${sets[@]}"
fi
finish
