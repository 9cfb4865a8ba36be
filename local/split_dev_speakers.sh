#!/usr/bin/env bash
# Usage: local/split_dev_speakers.sh [options] <data-root>
#  e.g.: local/split_dev_speakers.sh --dev-share 0.2 --seed 0 data/voxceleb1
# Holds out some of the training speakers, for calibration, fusion and other choices that the test set must not make:
# <data-root>/train -> <data-root>/fit (to train on) and <data-root>/dev with dev/trials. Whatever train has (features,
# voicing decisions) goes with it. As many women as men are held out where there is spk2gender.
# Options:
#   --dev-share X            of the speakers that is held out (default: 0.2; at least 2 speakers)
#   --dev-speakers N         that many instead (default: 0: by the share)
#   --seed N                 the same speakers and trials for the same seed (default: 0)
#   --num-target N           trials of dev; fewer where there are not so many pairs (default: 10000)
#   --num-nontarget N        likewise (default: as many as target trials)
#   --same-gender-share X    of the non-target trials (default: 0.75)
set -euo pipefail

dev_share=0.2 dev_speakers=0 seed=0 num_target=10000 num_nontarget='' same_gender_share=0.75
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected one folder, that of train, got $# arguments"
root=$1

mkdir -p "$root/lists"
python "$_top/local/dev_speakers.py" --share "$dev_share" --number "$dev_speakers" --seed "$seed" \
  "$root/train" "$root/lists/dev_speakers" "$root/lists/fit_speakers"
for part in fit dev; do
  "$_top/utils/subset_data_dir.sh" --spk-list "$root/lists/${part}_speakers" "$root/train" "$root/$part"
done
"$_top/local/make_trials.sh" --num-target "$num_target" --num-nontarget "$num_nontarget" --seed "$seed" \
  --same-gender-share "$same_gender_share" "$root/dev" "$root/dev/trials"
