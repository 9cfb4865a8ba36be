#!/usr/bin/env bash
# Usage: local/prepare_corpus.sh [options] <corpus-dir> <data-root>
#  e.g.: local/prepare_corpus.sh /corpora/callhome_english data/callhome
# Data directories <data-root>/{train,dev,eval} of conversations with their speakers' utterances (wav.scp segments utt2spk
# spk2utt reco2utt reco2num_spk ref.rttm), and <data-root>/{dev,eval}_raw: the same recordings, mixed to one channel,
# without the utterances. The layouts of <corpus-dir>:
#   utterances   Kaldi's folders train and test, with a file for each utterance in wav.scp (speechocean762): <data-root>/train
#                has the training speakers but some; conversations for dev are made of these, for eval of the test speakers
# Options:
#   --layout NAME         of the above (default: it is found by looking)
#   --num-dev N           conversations that are made for dev (default: 40)
#   --num-eval N          conversations that are made for eval (default: 60)
#   --dev-share X         utterances: of the training speakers, held out for dev (default: 0.25)
#   --seed N              of what is drawn (default: 0)
#   --max-bad N           so many unusable audio files are left out; more are an error (default: 0)
set -euo pipefail

layout='' num_dev=40 num_eval=60 dev_share=0.25 seed=0 max_bad=0
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
_top=$(cd "$_code/../../.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus folder and an output folder, got $# arguments"
corpus=$1 root=$2

layout=${layout:-utterances}
case $layout in
  utterances)
    python "$_code/prepare_utterances.py" --dev-share "$dev_share" --seed "$seed" --max-bad "$max_bad" "$corpus" "$root"
    "$_top/utils/validate_data_dir.sh" --no-feats --no-text "$root/train"
    for part in dev eval; do
      number=num_$part
      "$_top/local/make_conversations.sh" --num-conversations "${!number}" --seed "$seed" \
        "$root/${part}_utterances" "$root/$part"
    done
    ;;
  *) usage "--layout $layout: expected utterances" ;;
esac
