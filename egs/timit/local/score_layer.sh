#!/usr/bin/env bash
# What needs no training, for one layer of one state of a network, for job arrays over the lines of a list.
#
# Usage: local/score_layer.sh classes|similarity|critical <list> <line> <data-dir> <frames-dir> <exp-dir>
#  e.g.: local/score_layer.sh classes exp/x/frames/classes.tsv 3 data/x exp/x/frames exp/x/classes
# A line of the list says `state update epoch layer depth`. Results: <exp-dir>/<state>/<layer>/result.json.
#   classes      broad phonetic classes of the test segments
#   similarity   of frames where two speakers say the same sentence
#   critical     critical phones, of all sentences (.../all/) and without those that everybody reads (.../without_shared/)
set -euo pipefail

if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 6 ]] || usage "expected what to do, a list, a line of it, data, frames and an output folder"
part=$1 data=$4 exp=$6
read -r state update epoch layer depth _ < <(sed -n "$3p" "$2")
[[ -n ${depth:-} ]] || usage "$2:$3: expected five columns"
frames=$5/$state/$layer out=$exp/$state/$layer
about=()
for tag in "state=$state" "update=$update" "epoch=$epoch" "layer=$layer" "depth=$depth"; do about+=(--tag "$tag"); done

case $part in
  classes)
    python -m speechlib.bin.eval_broad_classes "${about[@]}" --write-segments true \
      "$data/probe_train" "$data/probe_test" "$frames" "$out"
    ;;
  similarity)
    python -m speechlib.bin.eval_similarity "${about[@]}" --out "$out/result.json" "$data/all" "$frames"
    ;;
  critical)
    python -m speechlib.bin.eval_critical_phones "${about[@]}" --tag sentences=all "$data/speaker_test" "$frames" "$out/all"
    if [[ -s $data/lists/shared ]]; then
      python -m speechlib.bin.eval_critical_phones "${about[@]}" --tag sentences=without_shared \
        --leave-out "$data/lists/shared" "$data/speaker_test" "$frames" "$out/without_shared"
    fi
    ;;
  *) usage "expected classes, similarity or critical, got $part" ;;
esac
