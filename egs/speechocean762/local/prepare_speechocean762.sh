#!/usr/bin/env bash
# Usage: local/prepare_speechocean762.sh [options] <corpus-dir> <data-root>
#  e.g.: local/prepare_speechocean762.sh /corpora/speechocean762 data/speechocean762
# Data directories <data-root>/train and <data-root>/test (wav.scp utt2spk spk2utt utt2dur text spk2gender spk2age), and
# <data-root>/test/trials. <corpus-dir> holds train/ and test/ as the corpus has them, whose wav.scp name files below
# <corpus-dir>, WAV or FLAC; the whole corpus or some of its speakers. The trials are those of <corpus-dir>/trials_test.txt
# (1|0 <path> <path>); where there is none (the corpus comes without) they are drawn among the test utterances.
# Options:
#   --max-bad N             so many unusable audio files are left out; more are an error (default: 0)
#   --allow-missing BOOL    leave out trials whose audio is not there, with a warning (default: false)
#   --num-target N          drawn trials of each kind, where the corpus has no list (default: 2500)
#   --seed N                of the drawn trials (default: 0)
set -euo pipefail

max_bad=0 allow_missing=false num_target=2500 seed=0
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=utils/setup_env.sh
. "$_code/../utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_code/../utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus folder and an output folder, got $# arguments"

python "$_code/prepare_speechocean762.py" --max-bad "$max_bad" --allow-missing "$allow_missing" \
  --num-target "$num_target" --seed "$seed" "$1" "$2"
for part in train test; do "$_code/../utils/validate_data_dir.sh" --no-feats "$2/$part"; done
