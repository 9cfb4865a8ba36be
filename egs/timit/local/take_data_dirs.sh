#!/usr/bin/env bash
# Any two data directories in place of TIMIT: one with training speakers, one with test speakers.
#
# Usage: local/take_data_dirs.sh <train-dir> <test-dir> <out-dir>
#  e.g.: local/take_data_dirs.sh ../speechocean762/data/speechocean762/{train,test} data/speechocean762_frames
# Writes <out-dir>/all and <out-dir>/lists/{train,test}_speakers. What was computed of the audio stays behind.
set -euo pipefail

if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 3 ]] || usage "expected two data directories and an output folder"
out=$3

mkdir -p "$out/lists"
utils/combine_data.sh "$out/all" "$1" "$2"
rm -f "$out"/all/{feats.scp,feats.yaml,vad.scp,cmvn.scp,utt2num_frames,frame_shift}
awk '{ print $2 }' "$1/utt2spk" | LC_ALL=C sort -u >"$out/lists/train_speakers"
awk '{ print $2 }' "$2/utt2spk" | LC_ALL=C sort -u >"$out/lists/test_speakers"
