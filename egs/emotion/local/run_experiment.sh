#!/usr/bin/env bash
# Usage: local/run_experiment.sh <ini-dir> "<name> .." <n>
#  e.g.: local/run_experiment.sh exp/emodb/experiments/ini "functionals_svm fbank_cnn" 2
# Runs the n-th of the experiments, for job arrays.
set -euo pipefail

if [[ -f ./path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
(($# == 3)) || usage "expected a folder, names and a number, got $# arguments"
read -ra names <<<"$2"
python -m speechlib.bin.experiment --config "$1/${names[$3 - 1]}.ini"
