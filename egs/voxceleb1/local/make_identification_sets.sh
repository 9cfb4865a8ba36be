#!/usr/bin/env bash
# Usage: local/make_identification_sets.sh <data-root>
#  e.g.: local/make_identification_sets.sh data/voxceleb1
# VoxCeleb1's identification task: data directories <data-root>/iden_train, iden_val and iden_test, with all speakers in
# each, out of <data-root>/train and <data-root>/test by the lists of prepare_voxceleb1.sh. Features and voicing decisions
# that both have go with them.
set -euo pipefail

_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=utils/setup_env.sh
. "$_code/../utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_code/../utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected the folder of train and test, got $# arguments"
root=$1 utils=$_code/../utils
[[ -f $root/lists/iden_train ]] || usage "$root/lists/iden_train is not there: the corpus had no iden_split.txt"

sets=("$root/train")
if [[ -d $root/test ]]; then sets+=("$root/test"); fi
"$utils/combine_data.sh" "$root/all" "${sets[@]}"
for part in train val test; do
  "$utils/subset_data_dir.sh" --utt-list "$root/lists/iden_$part" "$root/all" "$root/iden_$part"
done
unknown=$(comm -13 <(cut -d' ' -f1 "$root/iden_train/spk2utt") \
  <(cut -d' ' -f1 "$root/iden_val/spk2utt" "$root/iden_test/spk2utt" | LC_ALL=C sort -u) | wc -l)
if ((unknown)); then
  echo "${0##*/}: warning: $unknown speakers of iden_val and iden_test have no utterance in iden_train" >&2
fi
