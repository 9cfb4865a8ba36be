#!/usr/bin/env bash
# Usage: steps/plot_conversations.sh [options] <data-dir> <rttm> <out-dir>
#  e.g.: steps/plot_conversations.sh --trees exp/ucm/eval --stats exp/stats/eval --selection exp/scores/selection.json \
#          data/eval exp/scores/hyp.rttm exp/pictures
# Draws every conversation of <data-dir>/ref.rttm into <out-dir>/<conversation>.png: who spoke by the reference and by
# <rttm> and, with --trees, the distances between the utterances and how they were merged. <out-dir>/few.png and many.png
# are copies: of the first conversation with the fewest, and the first with the most speakers.
# Options:
#   --trees DIR            of steps/cluster_conversations.sh, of conversations with their true speakers
#   --stats DIR            with --trees: statistics whose distances are drawn
#   --distance D           between them (default: ucm)
#   --selection FILE       with --trees: how steps/score_conversations.sh chose the threshold, which is marked
#   --nj N                 parallel jobs (default: 4; fewer if there are fewer conversations)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

trees='' stats='' distance=ucm selection='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=${1%/} rttm=$2 out=${3%/}
[[ -n $trees || -z $stats$selection ]] || usage "--stats and --selection go with --trees"
for file in "$data/ref.rttm" "$rttm" ${trees:+"$trees/trees.scp"} ${stats:+"$stats/stats.scp"}; do
  [[ -s $file ]] || { echo "${0##*/}: no file $file, or it is empty" >&2; exit 1; }
done

options=(--reference "$data/ref.rttm" --hypothesis "$rttm")
if [[ -n $trees ]]; then
  options+=(--reco2utt "$trees/reco2utt" --utt2spk "$data/utt2spk" --trees "scp:$trees/trees.scp")
  if [[ -n $stats ]]; then options+=(--statistics "scp:$stats/stats.scp" --distance "$distance"); fi
  if [[ -n $selection ]]; then options+=(--selection "$selection"); fi
fi

mkdir -p "$out/log" "$out/lists"
rm -f "$out"/*.png "$out/lists/"*
# Conversations by their number of speakers; those whose utterances are all silent have no tree.
awk -v trees="$trees" 'FILENAME == ARGV[1] { there[$1]; next }
  $1 == "SPEAKER" && (trees == "" || $2 in there) && !(($2, $8) in seen) { seen[$2, $8]; n[$2]++ }
  END { for (reco in n) print n[reco], reco }' \
  "$([[ -n $trees ]] && echo "$trees/reco2utt" || echo /dev/null)" "$data/ref.rttm" |
  LC_ALL=C sort -k1,1n -k2 >"$out/lists/speakers"
total=$(wc -l <"$out/lists/speakers")
((total)) || { echo "${0##*/}: $data/ref.rttm: no conversation to draw" >&2; exit 1; }
if ((nj > total)); then nj=$total; fi
awk -v nj="$nj" -v out="$out" '{ printf "%s%c%s%c", $2, 0, out "/" $2 ".png", 0 >(out "/lists/pairs." (NR - 1) % nj + 1) }' \
  "$out/lists/speakers"
$cmd JOB=1:"$nj" "$out/log/plot.JOB.log" \
  xargs -0 -n 200 python -m speechlib.bin.plot_conversation "${options[@]}" \< "$out/lists/pairs.JOB"
few=$(awk 'NR == 1 { print $2 }' "$out/lists/speakers")
many=$(awk '$1 > most { most = $1; reco = $2 } END { print reco }' "$out/lists/speakers")
cp "$out/$few.png" "$out/few.png"
cp "$out/$many.png" "$out/many.png"
echo "${0##*/}: pictures of $total conversations in $out"
