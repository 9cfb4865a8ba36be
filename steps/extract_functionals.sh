#!/usr/bin/env bash
# Usage: steps/extract_functionals.sh [options] <data-dir> <out-dir>
#  e.g.: steps/extract_functionals.sh --nj 2 --groups pitch,energy data/train exp/functionals_train
# Computes functionals of every utterance, statistics of its pitch, energy, spectrum, cepstrum and voice:
# <out-dir>/functionals.scp, sorted, with a vector each, and <out-dir>/names.txt with the names of the values. The values
# do not depend on --nj. Jobs whose audio and options are unchanged are not run again.
# Options:
#   --groups A,B       of pitch, energy, spectral, mfcc, voice_quality (default: all)
#   --min-pitch HZ     lowest pitch that is looked for (default: 60)
#   --max-pitch HZ     highest (default: 650)
#   --nj N             parallel jobs (default: 1; fewer if there are fewer utterances)
#   --max-bad N        tolerate so many utterances with bad audio, which get no vector (default: 0)
#   --cmd CMD          job dispatcher (default: utils/run.py)
set -euo pipefail

groups=pitch,energy,spectral,mfcc,voice_quality min_pitch=60 max_pitch=650 nj=1 max_bad=0 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
data=${1%/} out=${2%/}
[[ -s $data/wav.scp && -s $data/utt2spk ]] || usage "$data/wav.scp or $data/utt2spk is not there or empty"
num_utts=$(wc -l <"$data/utt2spk")
((nj <= num_utts)) || nj=$num_utts

mkdir -p "$out/log" "$out/parts"
parts=$(cd "$out/parts" && pwd)
rm -f "$parts/".*.tmp "$out/functionals.scp" # the former of jobs that were killed at once
utils/split_data.sh --per-utt "$data" "$nj"
$cmd JOB=1:"$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_functionals --groups "$groups" --min-pitch "$min_pitch" --max-pitch "$max_pitch" \
  --names "$parts/names.JOB.txt" --bad "$parts/bad.JOB.tsv" --stamp "$parts/JOB.of$nj.done.json" \
  "$data/split${nj}utt/JOB" "ark,scp:$parts/functionals.JOB.ark,$parts/functionals.JOB.scp"

bad=()
for ((job = 1; job <= nj; job++)); do bad+=("$parts/bad.$job.tsv"); done
python -m speechlib.bin.check_bad --max-bad "$max_bad" "${bad[@]}"

join_lists "$parts/functionals" .scp "$out/.functionals.scp"
num_done=$(wc -l <"$out/.functionals.scp")
((num_done)) || { echo "${0##*/}: no functionals at all: see $out/log/extract.*.log" >&2 && exit 1; }
cp "$parts/names.1.txt" "$out/.names.txt"
mv "$out/.names.txt" "$out/names.txt"
mv "$out/.functionals.scp" "$out/functionals.scp"
if ((num_done != num_utts)); then
  echo "${0##*/}: warning: $((num_utts - num_done)) of $num_utts utterances have no functionals (bad audio, or segments" \
    "that are too short): see $out/log/extract.*.log" >&2
fi
echo "${0##*/}: $(wc -l <"$out/names.txt") functionals of $num_done utterances in $out/functionals.scp"
