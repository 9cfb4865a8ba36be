#!/usr/bin/env bash
# Data directory and lists of speakers and sentences for TIMIT, in any layout met in the wild.
#
# Usage: local/prepare_timit.sh [options] <corpus-dir> <out-dir>
#  e.g.: local/prepare_timit.sh /corpora/TIMIT data/timit
# Writes <out-dir>/all (wav.scp utt2spk spk2utt text spk2gender spk2dialect utt2dur phones.ctm words.ctm) and <out-dir>/lists:
#   train_speakers test_speakers                        in path order (DR1/...)
#   cluster_small cluster_large train_small train_large dev ten, lists.json    the experiments' speakers
#   train8 test2 train6 val2                            utterances
#   too_few_to_cluster                                  only where that is so: the reasons
# The corpus may lie at any depth: TRAIN|TEST/DRn/<speaker>/ in either case, SPHERE, RIFF or FLAC (also SA1.WAV.wav), or
# NLTK's dr1-fvmh0/. Where the folders do not say who is TRAIN and who is TEST, SPKRINFO.TXT does; where that
# does not put speakers into both, the last third of the speakers in path order is TEST.
# Options:
#   --max-bad N      so many unusable audio files are left out; more are an error (default: 0)
set -euo pipefail

max_bad=0
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=utils/setup_env.sh
. "$_code/../utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_code/../utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus folder and an output folder, got $# arguments"
corpus=$1 out=$2

python "$_code/prepare_timit.py" --max-bad "$max_bad" "$corpus" "$out"
python "$_code/speaker_lists.py" "$out/lists"
python "$_code/utterance_lists.py" "$out/all/spk2utt" "$out/lists"
