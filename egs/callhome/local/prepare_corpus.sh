#!/usr/bin/env bash
# Usage: local/prepare_corpus.sh [options] <corpus-dir> <data-root>
#  e.g.: local/prepare_corpus.sh /corpora/callhome_english data/callhome
# Data directories <data-root>/{train,dev,eval} of conversations with their speakers' utterances (wav.scp segments utt2spk
# spk2utt reco2utt reco2num_spk ref.rttm); <data-root>/{dev,eval}_raw: the same recordings, mixed to one channel, without
# the utterances; and <data-root>/sample_rate. The layouts of <corpus-dir>:
#   callhome     LDC: two-channel SPHERE files and transcripts, below folders train, devtest, evltest, or drawn sets
#   disk8        NIST SRE 2000, disk 8: SPHERE files of one channel, with fullref.rttm; half of the calls are dev. No train
#   recordings   any folder of audio files with .rttm (and .uem) or .segments (<start> <end> <speaker>): eval and eval_raw
#   utterances   Kaldi's folders train and test, with a file for each utterance in wav.scp (speechocean762): <data-root>/train
#                has the training speakers but some; conversations for dev are made of these, for eval of the test speakers
# Options:
#   --layout NAME         of the above (default: it is found by looking)
#   --train DIR           a data directory for <data-root>/train, in place of the corpus's own
#   --num-dev N           conversations for dev: made of utterances (default: as --num-eval), drawn of recordings (default: none),
#                         of which those that share speakers stay together, of disk 8 (default: half)
#   --num-eval N          conversations for eval that are made of utterances (default: 100)
#   --speakers LO:HI      of conversations that are made; half of them have LO (default: 2:7)
#   --max-turn S          seconds: of longer utterances a piece is taken for these (default: 0.0, whole utterances)
#   --dev-share X         utterances: of the training speakers, held out for dev (default: 0.25)
#   --rttm FILE           recordings, disk8: the reference, in place of those in the folder
#   --seed N              utterances: of the training speakers that are held out, and of their conversations (default: 0); eval
#                         is the same for all seeds, and so is every other layout
#   --max-bad N           so many unusable recordings and utterances are left out; more are an error (default: 0)
set -euo pipefail

layout='' train='' num_dev='' num_eval=100 speakers=2:7 max_turn=0.0 dev_share=0.25 rttm='' seed=0 max_bad=0
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
_top=$(cd "$_code/../../.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus folder and an output folder, got $# arguments"
[[ -z $train || -f $train/utt2spk ]] || usage "--train $train: expected a data directory, with utt2spk"
corpus=$1 root=$2

layout=${layout:-$(python "$_code/find_layout.py" "$corpus")}
mkdir -p "$root"
for _part in train dev dev_raw; do # what local/complete_sets.sh lent: written through, it would change what was lent
  if [[ -L $root/$_part ]]; then rm "$root/$_part"; fi
done
make_conversations() { # make_conversations PART NUMBER SEED
  "$_top/local/make_conversations.sh" --num-conversations "$2" --speakers "$speakers" --max-turn "$max_turn" --seed "$3" \
    "$root/$1_utterances" "$root/$1"
}
case $layout in
  callhome)
    python "$_code/prepare_callhome.py" --seed 0 --max-bad "$max_bad" "$corpus" "$root"
    ;;
  disk8 | recordings)
    python "$_code/prepare_recordings.py" --layout "$layout" ${rttm:+--rttm "$rttm"} --num-dev "$num_dev" \
      --seed 0 --max-bad "$max_bad" "$corpus" "$root"
    ;;
  utterances)
    python "$_code/prepare_utterances.py" --dev-share "$dev_share" --seed "$seed" --max-bad "$max_bad" "$corpus" "$root"
    make_conversations dev "${num_dev:-$num_eval}" "$seed"
    make_conversations eval "$num_eval" 0
    ;;
  *) usage "--layout $layout: expected callhome, disk8, recordings or utterances" ;;
esac
if [[ -n $train ]]; then
  "$_top/utils/copy_data_dir.sh" "$train" "$root/train"
fi
for _part in train dev eval dev_raw eval_raw; do
  if [[ -d $root/$_part ]]; then "$_top/utils/validate_data_dir.sh" --no-feats --no-text "$root/$_part"; fi
done
