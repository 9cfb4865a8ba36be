#!/usr/bin/env bash
# Usage: local/make_conversations.sh [options] <data-dir> <out-data-dir>
#  e.g.: local/make_conversations.sh --num-conversations 60 --seed 1 data/test data/eval
# Conversations of recorded utterances: at random, speakers of <data-dir> speak by turns with pauses in between. Written are
# <out-data-dir>: wav/, wav.scp, segments, utt2spk and spk2utt (the true speakers), reco2utt, reco2num_spk, ref.rttm; and
# <out-data-dir>_raw: the recordings without their utterances, with ref.rttm. The same seed gives the same bytes.
# Options:
#   --num-conversations N    (default: 60)
#   --speakers LO:HI         of a conversation; half of them have LO (default: 2:7)
#   --turns LO:HI            utterances of a speaker in a conversation, as far as there are (default: 3:6)
#   --pause LO:HI            seconds between utterances; less than 0 is overlap (default: 0.2:1)
#   --trim BOOL              an utterance is from where speech begins to where it ends (default: true)
#   --max-turn S             seconds: of longer utterances a random piece is taken (default: 0.0, whole utterances)
#   --seed N                 (default: 0)
#   --prefix NAME            of the conversations' names (default: the name of <out-data-dir>)
set -euo pipefail

num_conversations=60 speakers=2:7 turns=3:6 pause=0.2:1 trim=true max_turn=0.0 seed=0 prefix=''
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a data directory and one to write, got $# arguments"

python "$_top/local/make_conversations.py" --num-conversations "$num_conversations" --speakers "$speakers" \
  --turns "$turns" --pause "$pause" --trim "$trim" --max-turn "$max_turn" --seed "$seed" ${prefix:+--prefix "$prefix"} "$1" "$2"
for _data in "$2" "${2}_raw"; do "$_top/utils/validate_data_dir.sh" --no-feats --no-text "$_data"; done
