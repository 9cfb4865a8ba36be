#!/usr/bin/env bash
# Data directories of the frame-level analysis, and the labels that its probes learn.
#
# Usage: local/make_frame_sets.sh [options] <data-dir>
#  e.g.: local/make_frame_sets.sh data/timit_frames
# Reads <data-dir>/all and <data-dir>/lists; writes beside them
#   speaker_train speaker_test    all utterances of the training and of the test speakers
#   probe_train probe_test        what probes learn from and are tested on (see local/frame_sets.py)
#   phones subwords               train.true, train.shuffled (a control), test.true, test_utt2spk; phones where there is
#                                 an alignment (phones.ctm), subwords where there is a text
#   lists/no_{phones,text,pair}   only where that is so: stages that need it do nothing
# Options:
#   --vocab-size N   subword units (default: 100)
#   --seed N         of the shuffled labels (default: 1)
set -euo pipefail

vocab_size=100 seed=1
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 1 ]] || usage "expected a data directory"
data=$1
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

python "$_code/frame_sets.py" "$data"
for set in speaker_train speaker_test probe_train probe_test; do
  utils/subset_data_dir.sh --utt-list "$data/lists/$set" "$data/all" "$data/$set"
done

rm -rf "$data/phones" "$data/subwords" "$data"/lists/no_{phones,text,pair}
if [[ ! -s $data/lists/pair ]]; then touch "$data/lists/no_pair"; fi
if [[ -f $data/all/phones.ctm ]]; then
  mkdir -p "$data/phones"
  for part in train test; do
    python -m speechlib.bin.make_phone_labels "$data/probe_$part" "$data/phones/$part.true"
  done
  python -m speechlib.bin.make_phone_labels --shuffle "$seed" "$data/probe_train" "$data/phones/train.shuffled"
else
  touch "$data/lists/no_phones"
  echo "${0##*/}: $data/all has no phones.ctm: without an alignment there are no phone probe, no broad classes and no" \
    "critical phones" >&2
fi
if [[ -f $data/all/text ]]; then
  mkdir -p "$data/subwords"
  python -m speechlib.bin.train_subwords --vocab-size "$vocab_size" "$data/probe_train" "$data/lang_spm"
  for part in train test; do
    python -m speechlib.bin.encode_subwords "$data/lang_spm" "$data/probe_$part" "$data/subwords/$part.true"
  done
else
  touch "$data/lists/no_text"
  echo "${0##*/}: $data/all has no text: without transcripts there is no subword probe" >&2
fi
for kind in phones subwords; do
  if [[ -d $data/$kind ]]; then
    utils/filter_scp.sh "$data/$kind/test.true" "$data/probe_test/utt2spk" >"$data/$kind/test_utt2spk"
  fi
done
