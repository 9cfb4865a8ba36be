#!/usr/bin/env bash
# Training and test sets of the experiments: subsets of the whole corpus, by the lists of prepare_timit.sh.
#
# Usage: local/make_sets.sh <data-dir>
#  e.g.: local/make_sets.sh data/timit
# Reads <data-dir>/all and <data-dir>/lists; writes beside them
#   ident_train ident_test           every speaker: the first 8 and the last 2 sentences
#   ten_train ten_val ten_test       ten speakers: 6 / 2 / 2 sentences; ten_eval: the last 4
#   net_small net_large              training sets of the clustering networks, 8 sentences
#   cluster                          the speakers to cluster and the dev speakers, all sentences; with
#                                    utt2half (the 8 or the 2 sentences of a speaker), half2spk (of the speakers of each
#                                    list)
#   unseen_by_small unseen_by_large  what the clustering networks must not know: cluster, without dev speakers that train
#                                    (the full corpus has them among the 590, as the paper)
set -euo pipefail

if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -eq 1 ]] || usage "expected a data directory"
data=$1 lists=$1/lists

# make_set <name> <list of speakers> <list of utterances>...
make_set() {
  local to=$data/$1 speakers=$lists/$2
  shift 2
  utils/filter_scp.sh <(cat "${@/#/$lists/}") "$data/all/utt2spk" | utils/filter_scp.sh -f 2 "$speakers" - >"$data/.set"
  utils/subset_data_dir.sh --utt-list "$data/.set" "$data/all" "$to"
  rm "$data/.set"
}

cat "$lists/train_speakers" "$lists/test_speakers" >"$lists/everyone"
cat "$lists/cluster_large" "$lists/dev" >"$lists/cluster_and_dev"
make_set ident_train everyone train8
make_set ident_test everyone test2
make_set ten_train ten train6
make_set ten_val ten val2
make_set ten_test ten test2
make_set ten_eval ten val2 test2
if [[ -e $lists/too_few_to_cluster ]]; then exit; fi # identification is all that such a corpus is good for
make_set net_small train_small train8
make_set net_large train_large train8
make_set cluster cluster_and_dev train8 test2
awk 'FNR == 1 { file++ } file < 3 { half[$1] = file } file == 3 { print $1, $2 "-" half[$1] }' \
  "$lists/train8" "$lists/test2" "$data/cluster/utt2spk" >"$data/cluster/utt2half"
for set in small large; do
  grep -vxFf "$lists/train_$set" "$lists/cluster_and_dev" >"$lists/unseen_by_$set"
  make_set "unseen_by_$set" "unseen_by_$set" train8 test2
done
for list in cluster_small cluster_large dev; do
  awk '{ print $1 "-1", $1; print $1 "-2", $1 }' "$lists/$list" | sort >"$data/cluster/half2spk.$list"
done
