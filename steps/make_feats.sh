#!/usr/bin/env bash
# Usage: steps/make_feats.sh [options] <data-dir> [<log-dir> [<ark-dir>]]
#  e.g.: steps/make_feats.sh --nj 8 --config conf/mfcc.conf data/train
# Computes features of every utterance: writes <data-dir>/feats.scp, utt2num_frames, utt2dur, frame_shift, feats.yaml (the
# kind and all its options) and a copy of the configuration in <data-dir>/conf. <log-dir> is <data-dir>/log and <ark-dir> <data-dir>/data if not given.
# Files are the same for any --nj; when started again, only jobs that are not complete are run.
# Options:
#   --type TYPE                  mfcc, fbank, melspec or spectrogram (default: mfcc)
#   --config FILE                feature options, Kaldi's conf syntax or YAML (default: conf/TYPE.conf or
#                                conf/TYPE.yaml if there is one, else Kaldi's own defaults)
#   --compress true|false        Kaldi's lossy compression of matrices (default: true)
#   --nj N                       parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD                    job dispatcher: utils/run.py, utils/slurm.py, utils/queue.py
#   --max-bad N                  tolerate so many utterances with bad audio, which get no features (default: 0)
#   --write-utt2num-frames BOOL  write utt2num_frames (default: true)
#   --write-utt2dur BOOL         write utt2dur if it is not there or lacks lines (default: true)
#   --seed N                     of the dither noise (default: 0)
#   --device DEVICE              cpu or cuda (default: cpu)
set -euo pipefail

type=mfcc config='' compress=true nj=4 cmd=utils/run.py max_bad=0 write_utt2num_frames=true write_utt2dur=true \
  seed=0 device=cpu

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
(($# >= 1 && $# <= 3)) || usage
data=${1%/} log_dir=${2:-${1%/}/log} ark_dir=${3:-${1%/}/data}
[[ $type =~ ^(mfcc|fbank|melspec|spectrogram)$ ]] || usage "--type $type: expected mfcc, fbank, melspec or spectrogram"
[[ -s $data/wav.scp ]] || usage "$data/wav.scp is not there or empty"
if [[ -z $config ]]; then
  for file in "conf/$type.conf" "conf/$type.yaml"; do
    if [[ -f $file ]]; then config=$file && break; fi
  done
fi
[[ -z $config || -f $config ]] || usage "--config $config: no such file"

options=(--type "$type" --seed "$seed" --device "$device")
if [[ -n $config ]]; then options+=(--config "$config"); fi
frame_shift=$(python -m speechlib.bin.compute_feats "${options[@]}" --write-options "$data/.feats.yaml" \
  --print-frame-shift)
utils/validate_data_dir.sh --only-audio "$data"

mkdir -p "$log_dir" "$ark_dir"
ark_dir=$(cd "$ark_dir" && pwd)
name=$(basename "$(cd "$data" && pwd)")
num_utts=$(wc -l <"$data/utt2spk")
((nj <= num_utts)) || nj=$num_utts
# The old features go as soon as their archives may change.
if [[ -f $data/feats.scp ]]; then mkdir -p "$data/.backup" && mv "$data/feats.scp" "$data/.backup"; fi
utils/split_data.sh --per-utt "$data" "$nj"

prefix=$ark_dir/raw_${type}_$name
rm -f "$ark_dir/.raw_${type}_$name."*.tmp # of jobs that were killed at once
$cmd JOB=1:"$nj" "$log_dir/make_${type}_$name.JOB.log" \
  python -m speechlib.bin.compute_feats "${options[@]}" --compress "$compress" --stamp "$prefix.JOB.done" \
  --write-num-frames "$log_dir/utt2num_frames.JOB" --write-utt2dur "$log_dir/utt2dur.JOB" \
  --bad "$log_dir/bad.JOB.tsv" "$data/split${nj}utt/JOB" "ark,scp:$prefix.JOB.ark,$prefix.JOB.scp"

# publish PREFIX SUFFIX NAME: the joined lists of the jobs appear as NAME in the data directory when they are complete.
publish() {
  join_lists "$1" "$2" "$data/.$3.tmp"
  mv "$data/.$3.tmp" "$data/$3"
}

bad=() frames=()
for ((job = 1; job <= nj; job++)); do bad+=("$log_dir/bad.$job.tsv") frames+=("$log_dir/utt2num_frames.$job"); done
python -m speechlib.bin.check_bad --max-bad "$max_bad" "${bad[@]}"

publish "$prefix" .scp feats.scp
if $write_utt2num_frames; then publish "$log_dir/utt2num_frames" '' utt2num_frames; fi
if $write_utt2dur && { [[ ! -f $data/utt2dur ]] || (($(wc -l <"$data/utt2dur") < num_utts)); }; then
  publish "$log_dir/utt2dur" '' utt2dur
fi
echo "$frame_shift" >"$data/.frame_shift.tmp"
mv "$data/.frame_shift.tmp" "$data/frame_shift"
mv "$data/.feats.yaml" "$data/feats.yaml"
if [[ -n $config ]]; then
  mkdir -p "$data/conf"
  copy=$data/conf/$type.$([[ $config == *.y*ml ]] && echo yaml || echo conf)
  [[ $config -ef $copy ]] || { cp "$config" "$copy.tmp" && mv "$copy.tmp" "$copy"; }
fi

num_feats=$(wc -l <"$data/feats.scp")
if ((num_feats != num_utts)); then
  echo "${0##*/}: warning: $((num_utts - num_feats)) of $num_utts utterances have no features (bad audio, or segments" \
    "that are too short): see $log_dir/make_${type}_$name.*.log, then run utils/fix_data_dir.sh $data" >&2
fi
num_empty=$(awk '$2 == 0' "${frames[@]}" | wc -l)
if ((num_empty)); then
  echo "${0##*/}: warning: $num_empty of $num_utts utterances are too short for a frame, their matrices are empty:" \
    "utils/fix_data_dir.sh $data removes them" >&2
fi
((num_feats)) || { echo "${0##*/}: no features at all: see $log_dir/make_${type}_$name.*.log" >&2 && exit 1; }
echo "${0##*/}: $type features of $num_feats utterances in $data/feats.scp"
