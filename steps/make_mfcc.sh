#!/usr/bin/env bash
# Usage: steps/make_mfcc.sh [options] <data-dir> [<log-dir> [<ark-dir>]]
#  e.g.: steps/make_mfcc.sh --nj 8 --mfcc-config conf/mfcc.conf data/train exp/make_mfcc/train mfcc
# Kaldi's name for steps/make_feats.sh --type mfcc, whose options it takes, and --mfcc-config FILE for --config FILE.
set -euo pipefail

arguments=()
for argument in "$@"; do
  arguments+=("${argument/#--mfcc-config/--config}")
done
exec steps/make_feats.sh --type mfcc "${arguments[@]}"
