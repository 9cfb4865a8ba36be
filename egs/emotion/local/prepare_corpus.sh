#!/usr/bin/env bash
# Usage: local/prepare_corpus.sh [options] <corpus> <data-dir>
#  e.g.: local/prepare_corpus.sh --corpus-type emodb /corpora/emodb data/emodb
# One data directory of a whole emotion corpus: wav.scp utt2spk spk2utt utt2dur utt2emotion, spk2gender and text where they
# are known, segments where recordings are cut or have several channels (the first is taken), and further utt2<label>.
# The types of <corpus>, in any depth of folders where nothing else is said:
#   emodb       03a01Fa.wav: also utt2sentence utt2age
#   ravdess     Actor_07/03-01-06-01-02-01-07.wav, speech (songs are left out): also utt2intensity utt2sentence
#   aesdd       anger/a01 (1).wav: also utt2sentence; the broken s05 (3).wav is left out
#   polish      m1.a_nie_2.wav: also utt2sentence, utt2split and lists/{train,dev,test}
#   iemocap     the folder with Session1: also utt2emotion_all utt2session utt2valence utt2activation utt2dominance
#   csv         file,speaker,gender,<label>..; also text, start, end: a file, or the only one in a folder
#   audformat   a folder with db.yaml and db.<table>.csv
# Options:
#   --corpus-type TYPE       of the above (default: it is found by looking)
#   --max-bad N              so many unusable audio files are left out; more are an error, and nothing is written (default: 0)
#   --drop-duplicates BOOL   of recordings with the same samples keep one (default: false: they are named)
#   --audio-dir DIR          csv: what its files are relative to (default: the folder of the CSV file)
#   --labels NAMES           csv: the columns of labels, with commas between (default: all others)
#   --table NAME             audformat: whose rows are the utterances (default: the one with emotions)
#   --merge-excited BOOL     iemocap: excitement counts as happiness (default: true)
set -euo pipefail

corpus_type='' max_bad=0 drop_duplicates=false audio_dir='' labels='' table='' merge_excited=true
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=utils/setup_env.sh
. "$_code/../utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_code/../utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected a corpus and a data directory, got $# arguments"
corpus=$1 out=$2

corpus_type=${corpus_type:-$(python "$_code/find_corpus_type.py" "$corpus")}
_options=(--max-bad "$max_bad" --drop-duplicates "$drop_duplicates")
case $corpus_type in
  emodb | ravdess | aesdd | polish) ;;
  iemocap) _options+=(--merge-excited "$merge_excited") ;;
  csv) _options+=(${audio_dir:+--audio-dir "$audio_dir"} ${labels:+--labels "$labels"}) ;;
  audformat) _options+=(${table:+--table "$table"}) ;;
  *) usage "--corpus-type $corpus_type: expected emodb, ravdess, aesdd, polish, iemocap, csv or audformat" ;;
esac
python "$_code/prepare_$corpus_type.py" "${_options[@]}" "$corpus" "$out"
if [[ -f $out/text ]]; then _no_text=''; else _no_text=--no-text; fi
"$_code/../utils/validate_data_dir.sh" --no-feats $_no_text "$out"
