#!/usr/bin/env bash
# Make a small synthetic corpus with espeak-ng, in a real corpus' layout. The same seed gives the same bytes.
#
# Usage: local/make_demo_corpus.sh [options] <out-dir>
#  e.g.: local/make_demo_corpus.sh --layout timit --speakers 36 --seed 0 data/demo/corpus
# Nothing is done where <out-dir> holds the corpus already; it is made anew if it was made with other options.
# Options:
#   --layout NAME    the corpus whose folders and labels it has: timit, voxceleb1, speechocean762, callhome, aesdd
#                    (default: timit)
#   --speakers N     a part of them is the test set (default: timit 36, voxceleb1 44, speechocean762 40,
#                    callhome 190); aesdd: actors, without a test set (default: 6)
#   --seed N         another seed gives other voices, names and texts (default: 0)
#   --nj N           parallel processes; the bytes stay the same (default: one a core)
set -euo pipefail

layout=timit speakers='' seed=0 nj=$(nproc)
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected an output folder, got $# arguments"

python "$_top/local/make_demo_corpus.py" --layout "$layout" ${speakers:+--speakers "$speakers"} --seed "$seed" \
  --nj "$nj" "$1"
