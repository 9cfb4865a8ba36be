#!/usr/bin/env bash
# Usage: steps/normalize_scores.sh [options] <backend-dir> <cohort-embedding-dir> <enrol-embedding-dir> \
#          <test-embedding-dir> <trials> <scored-dir> <out-dir>
#  e.g.: steps/normalize_scores.sh --cohort-size 500 exp/x/backend exp/x/train exp/x/test exp/x/test data/test/trials \
#          exp/x/plda exp/x/plda_asnorm
# Normalises <scored-dir>/scores by a cohort of other speakers. Both sides of the trials are scored against the cohort as
# the trials were: <out-dir>/{enrol,test}_cohort/scores; then <out-dir>/scores, and of labelled trials result.json.
# Options:
#   --scoring plda|cosine    what gave <scored-dir>/scores (default: plda); the cosine is taken behind <backend-dir>, too,
#                            unless that is an empty word
#   --score-options "..."    options of steps/score_plda.sh or steps/score_cosine.sh that gave them
#   --method M               s-norm, as-norm, z-norm or t-norm (default: as-norm)
#   --top-n N                as-norm: the highest scores against the cohort that count (default: 300)
#   --cohort-size N          utterances of the cohort, evenly from the sorted list; 0: all (default: 1000)
#   --cohort-utt2spk FILE    speakers of the cohort; with --utt2spk: nobody may be in the cohort and in the trials
#   --utt2spk FILE           speakers of the trials, also for the intervals (default: told from the target trials)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --seed N                 of the system behind the scores, noted in result.json (default: none)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

scoring=plda score_options='' method=as-norm top_n=300 cohort_size=1000 cohort_utt2spk='' utt2spk='' tags='' seed='' \
  nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 7)) || usage
backend=$1 cohort=$2 enrol=$3 test=$4 trials=$5 scored=$6 out=$7
[[ $scoring == plda || $scoring == cosine ]] || usage "--scoring: expected plda or cosine, got $scoring"
for file in "$cohort/embedding.scp" "$trials" "$scored/scores"; do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: extract the embeddings and score the trials first" >&2; exit 1; }
done
if [[ -n $cohort_utt2spk ]]; then
  [[ -n $utt2spk ]] || usage "--cohort-utt2spk needs --utt2spk"
fi

mkdir -p "$out/log"
rm -f "$out/scores" "$out/result.json"
awk -v size="$cohort_size" '{ name[NR] = $1 } END {
  if (size <= 0 || size > NR) size = NR
  for (i = 0; i < size; i++) print name[int(i * NR / size) + 1] }' "$cohort/embedding.scp" >"$out/cohort.list"

# Pairs of every name on one side of the trials with the whole cohort; VoxCeleb's lists have the label in front.
pairs() {
  awk -v side="$1" 'NR == FNR { cohort[++size] = $1; next }
    { name = $(side + (NF == 3 && $3 != "target" && $3 != "nontarget")) }
    !(name in seen) { seen[name]; for (i = 1; i <= size; i++) print name, cohort[i] }' "$out/cohort.list" "$trials"
}
read -ra options <<<"$score_options"
if [[ $scoring == cosine && -n $backend ]]; then options+=(--backend "$backend"); fi
first=()
if [[ $scoring == plda ]]; then first=("$backend"); fi
sides=(enrol test)
case $method in z-norm) sides=(enrol) ;; t-norm) sides=(test) ;; esac
for side in "${sides[@]}"; do
  folder=$out/${side}_cohort
  mkdir -p "$folder"
  more=("${options[@]}")
  if [[ $side == enrol ]]; then
    pairs 1 >"$folder/trials"
    embeddings=$enrol
  else
    pairs 2 >"$folder/trials"
    embeddings=$test
    # What is said of enrolment models does not hold of the test side.
    for ((i = 0; i < ${#more[@]}; i++)); do
      case ${more[i]} in --enrol-spk2utt | --num-utts) unset "more[i]" "more[i+1]" ;; esac
    done
  fi
  "steps/score_$scoring.sh" --nj "$nj" --cmd "$cmd" "${more[@]}" "${first[@]}" "$embeddings" "$cohort" "$folder/trials" \
    "$folder"
done

options=(--method "$method" --top-n "$top_n" --trials "$trials")
if [[ -n $cohort_utt2spk ]]; then
  sort -u "$utt2spk" "$cohort_utt2spk" >"$out/utt2spk"
  options+=(--utt2spk "$out/utt2spk")
fi
$cmd "$out/log/normalize.log" python -m speechlib.bin.normalize_scores "${options[@]}" \
  "$scored/scores" "$out/enrol_cohort/scores" "$out/test_cohort/scores" "$out/scores"
if [[ $(head -n 1 "$trials" | wc -w) -eq 3 ]]; then
  steps/eval_trials.sh --nj "$nj" --cmd "$cmd" --utt2spk "$utt2spk" --tags "$tags" --seed "$seed" "$trials" "$out"
fi
