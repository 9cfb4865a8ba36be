#!/usr/bin/env bash
# Usage: steps/cluster_conversations.sh [options] <data-dir> <stats-dir> <out-dir>
#  e.g.: steps/cluster_conversations.sh --distance ucm --nj 8 data/eval exp/ucm/stats_eval exp/ucm/eval
# Clusters the utterances of each conversation of <data-dir>/reco2utt bottom up, by a distance between the statistics of
# steps/extract_utterance_stats.sh (kind comparison for ucm, ev and ev-euclidean, moments for all others). Writes
# <out-dir>/trees.scp, the tree of each conversation, and <out-dir>/reco2utt, the utterances that these are of: those
# without statistics are left out with a warning. Jobs whose statistics and options are unchanged are not run again.
# Options:
#   --distance D         ucm, glr, clr, clr-per-frame, bic, bic-diag, ev or ev-euclidean (default: ucm)
#   --linkage L          exact: merged clusters are compared anew; or average or complete (default: exact)
#   --bic-penalty X      weight of the penalty of the BIC distances (default: 1.0)
#   --variance-floor X   of single Gaussians: share of the conversation's variance that is added (default: 0.01)
#   --nj N               parallel jobs (default: 4; fewer if there are fewer conversations)
#   --cmd CMD            job dispatcher (default: utils/run.py)
set -euo pipefail

distance=ucm linkage=exact bic_penalty=1.0 variance_floor=0.01 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
data=$1 stats=$2 out=$3
[[ -s $data/reco2utt ]] || { echo "${0##*/}: no file $data/reco2utt, or it is empty: it says which utterances each \
conversation has" >&2; exit 1; }
[[ -s $stats/stats.scp ]] || { echo "${0##*/}: no file $stats/stats.scp, or it is empty: run \
steps/extract_utterance_stats.sh before" >&2; exit 1; }
total=$(wc -l <"$data/reco2utt")
((nj > 0)) || { echo "${0##*/}: --nj $nj: expected at least 1" >&2; exit 1; }
if ((nj > total)); then nj=$total; fi

mkdir -p "$out/log" "$out/lists" "$out/parts"
parts=$(cd "$out/parts" && pwd) # the list can be read from any folder
rm -f "$out/trees.scp" "$out/reco2utt" "$out/lists/reco2utt."* "$parts/".*.tmp
# One by one, because the lists are sorted and conversations of a corpus' part are often alike in length.
awk -v nj="$nj" -v prefix="$out/lists/reco2utt" '{ print >(prefix "." (NR - 1) % nj + 1) }' "$data/reco2utt"

$cmd JOB=1:"$nj" "$out/log/cluster.JOB.log" \
  python -m speechlib.bin.cluster_utterances --distance "$distance" --linkage "$linkage" --bic-penalty "$bic_penalty" \
  --variance-floor "$variance_floor" --skip-missing true --write-reco2utt "$parts/reco2utt.JOB" \
  --stamp "$parts/JOB.of$nj.done.json" "$out/lists/reco2utt.JOB" "scp:$stats/stats.scp" \
  "ark,scp:$parts/trees.JOB.ark,$parts/trees.JOB.scp"

join_lists "$parts/reco2utt" '' "$out/.reco2utt"
join_lists "$parts/trees" .scp "$out/.trees.scp"
left_out=$(($(wc -w <"$data/reco2utt") - total - ($(wc -w <"$out/.reco2utt") - $(wc -l <"$out/.reco2utt"))))
if ((left_out)); then
  echo "${0##*/}: warning: $left_out utterances have no statistics (no frames, or no voiced ones) and are left out: see \
$out/log/cluster.*.log" >&2
fi
if [[ ! -s $out/.reco2utt ]]; then
  rm "$out/.reco2utt" "$out/.trees.scp"
  echo "${0##*/}: no utterance of $data/reco2utt is in $stats/stats.scp: were the statistics made from this data?" >&2
  exit 1
fi
mv "$out/.reco2utt" "$out/reco2utt"
mv "$out/.trees.scp" "$out/trees.scp"
echo "${0##*/}: trees of $(wc -l <"$out/trees.scp") conversations in $out/trees.scp"
