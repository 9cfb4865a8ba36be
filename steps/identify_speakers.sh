#!/usr/bin/env bash
# Usage: steps/identify_speakers.sh [options] <data-dir> <snippet-dir> <out-dir>
#  e.g.: steps/identify_speakers.sh data/test exp/net/seed1/test exp/net/seed1/test
# Names the speaker of each group of utterances of <data-dir> from the posteriors L8.scp that steps/extract_snippets.sh
# wrote to <snippet-dir>: scores, decisions and result.json for three ways to pool the snippets.
# Options:
#   --utt2group FILE         group of each utterance (default: all utterances of a speaker together)
#   --tags "NAME=VALUE .."   noted in result.json, to group the rows of a table by
#   --bootstrap-samples N    resamples of the speakers behind the 95 % intervals (default: 1000)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
utt2group='' tags='' bootstrap_samples=1000 nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 3 ]] || usage
data=$1 snippets=$2 out=$3
for file in "$snippets/L8.scp" "$snippets/model.yaml"; do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: run steps/extract_snippets.sh with layer L8 first" >&2; exit 1; }
done

options=(--model-config "$snippets/model.yaml" --bootstrap-samples "$bootstrap_samples")
if [[ -n $utt2group ]]; then options+=(--utt2group "$utt2group"); fi
for tag in $tags; do options+=(--tag "$tag"); done

mkdir -p "$out/log"
$cmd "$out/log/identify.log" \
  python -m speechlib.bin.identify_speakers "${options[@]}" "$data" "scp:$snippets/L8.scp" "$out"
