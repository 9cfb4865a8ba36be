#!/usr/bin/env bash
# Usage: steps/score_conversations.sh [options] <data-dir> <trees-dir> <out-dir>
#  e.g.: steps/score_conversations.sh --dev-data data/dev --dev-trees exp/ucm/dev --tags "distance=ucm" \
#          data/eval exp/ucm/eval exp/ucm/eval
# Cuts the trees of steps/cluster_conversations.sh or steps/score_plda_conversations.sh into clusters and scores these
# against <data-dir>/utt2spk, twice: in <out-dir>/threshold where one threshold stops all conversations, and in
# <out-dir>/known where the number of speakers is known. Each has utt2cluster, result.json, conversations.tsv and,
# where <data-dir>/segments says when the utterances are, hyp.rttm.
# Options:
#   --dev-data DIR           conversations of other speakers, to tune the threshold on; goes with
#   --dev-trees DIR          their trees
#   --criterion C            what the threshold is best at there: mr_hungarian or i_spk (default: mr_hungarian)
#   --threshold X            this threshold instead; with neither, only <out-dir>/known is made
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by; stop=threshold|known is added
#   --seed N                 of the model behind the trees, noted in result.json (default: none)
#   --num-bootstrap N        resamples behind the 95 % intervals (default: 1000)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
dev_data='' dev_trees='' criterion=mr_hungarian threshold='' tags='' seed='' num_bootstrap=1000 nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 3)) || usage
[[ -n $dev_data && -n $dev_trees || -z $dev_data$dev_trees ]] || usage "--dev-data and --dev-trees go together"
[[ -z $threshold || -z $dev_data ]] || usage "--threshold and --dev-data both say where to stop: give one of them"
data=$1 trees=$2 out=$3
_needed=("$data/utt2spk" "$trees/trees.scp")
if [[ -n $dev_data ]]; then _needed+=("$dev_data/utt2spk" "$dev_trees/trees.scp"); fi
for _file in "${_needed[@]}"; do
  [[ -s $_file ]] || { echo "${0##*/}: no file $_file, or it is empty: prepare the data and cluster it first" >&2; exit 1; }
done

# Prints the list of utterances that trees are of: some have no statistics.
_leaves() { if [[ -s $2/reco2utt ]]; then echo "$2/reco2utt"; else echo "$1/reco2utt"; fi; }

# _score KIND CUT..: clusters and result in $out/KIND, from the arguments of cut_trees.
_score() {
  local folder=$out/$1 options=() tag
  shift
  $cmd "$out/log/cut_${folder##*/}.log" \
    python -m speechlib.bin.cut_trees "$@" "$reco2utt" "scp:$trees/trees.scp" "$folder/utt2cluster"
  if [[ -f $data/segments ]]; then
    $cmd "$out/log/rttm_${folder##*/}.log" \
      python -m speechlib.bin.clusters_to_rttm --overlap keep "$data/segments" "$folder/utt2cluster" "$folder/hyp.rttm"
  fi
  if [[ -s $data/utt2num_frames ]]; then options+=(--utt2num-frames "$data/utt2num_frames"); fi
  case ${folder##*/} in
    known) options+=(--cut oracle --rule "the number of speakers is known") ;;
    *) if [[ -n $dev_data ]]; then options+=(--selection "$folder/selection.json"); else
      options+=(--cut fixed --rule "threshold $threshold"); fi ;;
  esac
  for tag in $tags "stop=${folder##*/}" ${seed:+"seed=$seed"}; do options+=(--tag "$tag"); done
  $cmd "$out/log/eval_${folder##*/}.log" python -m speechlib.bin.eval_conversations "${options[@]}" \
    --num-bootstrap "$num_bootstrap" "$reco2utt" "$data/utt2spk" "$folder/utt2cluster" "$folder/result.json"
}

reco2utt=$(_leaves "$data" "$trees")
mkdir -p "$out/log" "$out/known"
rm -f "$out/"{known,threshold}/{utt2cluster,hyp.rttm,result.json,conversations.tsv} "$out/threshold/selection.json"
# What is known of the utterances that are there: a speaker of silent ones alone is in no cluster.
awk 'FNR == NR { speaker[$1] = $2; next }
  { delete seen; n = 0
    for (i = 2; i <= NF; i++) if (!(speaker[$i] in seen)) { seen[speaker[$i]] = 1; n++ }
    print $1, n }' "$data/utt2spk" "$reco2utt" >"$out/known/reco2num_spk"
_score known --reco2num-spk "$out/known/reco2num_spk"

if [[ -n $dev_data$threshold ]]; then mkdir -p "$out/threshold"; fi
if [[ -n $dev_data ]]; then
  $cmd "$out/log/check_leaks.log" python -m speechlib.bin.check_leaks "$dev_data" "$data"
  $cmd "$out/log/tune.log" python -m speechlib.bin.tune_threshold --criterion "$criterion" \
    "$(_leaves "$dev_data" "$dev_trees")" "scp:$dev_trees/trees.scp" "$dev_data/utt2spk" "$out/threshold/selection.json"
  _score threshold --selection "$out/threshold/selection.json"
elif [[ -n $threshold ]]; then
  _score threshold --threshold "$threshold"
fi
echo "${0##*/}: results in $out/{known${dev_data:+,threshold}${threshold:+,threshold}}"
