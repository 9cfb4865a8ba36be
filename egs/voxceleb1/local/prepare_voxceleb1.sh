#!/usr/bin/env bash
# Usage: local/prepare_voxceleb1.sh [options] <corpus-dir> <data-root>
#  e.g.: local/prepare_voxceleb1.sh /corpora/VoxCeleb1 data/voxceleb1
# Writes <data-root>/train and <data-root>/test (wav.scp utt2spk spk2utt utt2dur utt2session spk2gender), test/trials,
# test/trials_cleaned where there is a cleaned list, and lists/iden_{train,val,test} where there is iden_split.txt.
# The test speakers are those whom the lists of trials name; nobody else is tested, and nobody of them is trained on.
# <corpus-dir> may hold either release at any depth, WAV or FLAC: [dev/|test/]wav/id10001/<video>/00001.wav, or
# Name/<video>_0000001.wav. Utterances are <speaker>-<video>-<number>, the speaker as the folder is called; names and ids
# in the lists may be of the other release, if vox1_meta.csv is there.
# Lists: veri_test.txt (or voxceleb1_veri_test.txt, voxceleb1_test_v2.txt, voxceleb1_test.txt), cleaned: veri_test2.txt (or
# voxceleb1_veri_test2.txt, voxceleb1_veri_test_fixed.txt), iden_split.txt, anywhere in <corpus-dir>.
# Options:
#   --lists DIR             look for lists and vox1_meta.csv there first
#   --trials FILE           the list of trials; none: everything is for training (default: those above)
#   --make-trials BOOL      where there is no list draw trials (default: false: an error), among the test speakers of
#                           vox1_meta.csv or of the folder test, or else among some that are drawn
#   --num-target N          drawn trials of each kind (default: 10000)
#   --seed N                of what is drawn (default: 0)
#   --allow-missing BOOL    a part of the corpus: leave out what the lists name and is not there (default: false)
#   --max-bad N             so many unusable audio files are left out; more are an error (default: 0)
set -euo pipefail

lists='' trials='' make_trials=false num_target=10000 seed=0 allow_missing=false max_bad=0
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=utils/setup_env.sh
. "$_code/../utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_code/../utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus folder and an output folder, got $# arguments"

python "$_code/prepare_voxceleb1.py" ${lists:+--lists "$lists"} --trials "$trials" --make-trials "$make_trials" \
  --num-target "$num_target" --seed "$seed" --allow-missing "$allow_missing" --max-bad "$max_bad" "$1" "$2"
for part in train test; do
  if [[ $part == train || -f $2/test/trials ]]; then
    "$_code/../utils/validate_data_dir.sh" --no-feats --no-text "$2/$part"
  fi
done
