#!/usr/bin/env bash
# Usage: local/make_inis.sh [options] <data-dir> <root> "<name> .."
#  e.g.: local/make_inis.sh data/emodb/labelled exp/emodb/experiments "functionals_svm fbank_cnn"
# INI files of experiments on a data directory: conf/experiments/<name>.ini with paths, target and seed, in <root>/ini.
# Actors say the same sentences, so shared sentences are allowed, and every result says so.
# Options:
#   --target LABEL   what is predicted (default: emotion)
#   --seed N         of splits and models (default: 1)
set -euo pipefail

target=emotion seed=1
if [[ -f ./path.sh ]]; then . ./path.sh; fi
. utils/parse_options.sh
(($# == 3)) || usage "expected a data directory, a folder and names, got $# arguments"
read -ra names <<<"$3"
templates=("${names[@]/#/conf/experiments/}")
python local/make_inis.py --target "$target" --seed "$seed" --allow-leak shared_sentences "$1" "$2" "${templates[@]/%/.ini}"
