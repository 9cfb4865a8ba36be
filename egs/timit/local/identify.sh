#!/usr/bin/env bash
# Identify the speakers of one or several sets with one network.
#
# Usage: local/identify.sh [options] <data-dir> <model-dir> <eval-dir> [<eval-dir> ...]
#  e.g.: local/identify.sh data/timit/ten_eval exp/timit/filters/square/seed1 data/timit/ten_val data/timit/ten_test
# The activations of <data-dir> are computed once; each <eval-dir> is a subset of it and gets a
# <model-dir>/<its name>/result.json.
# Options:
#   --tags "NAME=VALUE .."   noted in the results, to group the rows of a table by
set -euo pipefail

tags=''
if [[ -f path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
[[ $# -ge 3 ]] || usage "expected a data directory, a model and the sets to score"
data=$1 model=$2
shift 2

steps/extract_snippets.sh --layers L8 "$data" "$model" "$model/snippets"
for eval in "$@"; do
  steps/identify_speakers.sh --tags "$tags set=${eval##*/}" "$eval" "$model/snippets" "$model/${eval##*/}"
done
