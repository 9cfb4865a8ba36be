#!/usr/bin/env bash
# Usage: local/complete_sets.sh [options] <data-root> <demo-corpus-dir>
#  e.g.: local/complete_sets.sh data/meetings/seed1 data/demo/corpus
# Folders of recordings have no speakers to train on, and no conversations to tune the threshold on. Where <data-root>/train
# or dev is missing, that of the demo corpus takes its place, with a warning: models of synthetic telephone voices are a
# start, not a system. local/prepare_corpus.sh --train and --num-dev are the better way.
# Options:
#   --nj N    parallel processes (default: 4)
set -euo pipefail

nj=4
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a folder of data directories and one for the demo corpus, got $# arguments"
root=$1 corpus=$2

missing=()
for set in train dev; do
  if [[ -L $root/$set || ! -f $root/$set/utt2spk ]]; then missing+=("$set"); fi # a link was lent before
done
((${#missing[@]})) || exit 0

"$_top/local/make_demo_corpus.sh" --layout callhome --seed 1 --nj "$nj" "$corpus"
"$_top/egs/callhome/local/prepare_corpus.sh" --layout callhome "$corpus" "$root/demo"
for set in "${missing[@]}"; do
  echo "${0##*/}: warning: the corpus has no set '$set': SYNTHETIC voices of the demo corpus take its place" >&2
  for part in "$set" "${set}_raw"; do
    if [[ -d $root/demo/$part ]]; then
      rm -rf "${root:?}/$part"
      ln -s "demo/$part" "$root/$part"
    fi
  done
done
cp "$root/demo/sample_rate" "$root/sample_rate" # the others come down to it
