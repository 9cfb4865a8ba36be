#!/usr/bin/env bash
# Usage: local/run_ensemble.sh [options] <ini-dir> "<name> .."
#  e.g.: local/run_ensemble.sh --method mean exp/emodb/experiments/ini "functionals_svm functionals_gb fbank_cnn"
# An ensemble of experiments that ran; fewer than the rule needs (two, of majority_voting three) are left as they are.
# Options:
#   --method M   rule of speechlib.bin.ensemble (default: mean)
set -euo pipefail

method=mean
if [[ -f ./path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
(($# == 2)) || usage "expected a folder and names, got $# arguments"
read -ra names <<<"$2"
least=2
if [[ $method == majority_voting ]]; then least=3; fi
if ((${#names[@]} < least)); then
  echo "${0##*/}: ${#names[@]} experiments are too few for $method: no ensemble of them"
  exit 0
fi
inis=("${names[@]/#/$1/}")
python -m speechlib.bin.ensemble --method "$method" "${inis[@]/%/.ini}"
