#!/usr/bin/env bash
# Usage: steps/make_fbank.sh [options] <data-dir> [<log-dir> [<ark-dir>]]
#  e.g.: steps/make_fbank.sh --nj 8 --fbank-config conf/fbank.conf data/train exp/make_fbank/train fbank
# Kaldi's name for steps/make_feats.sh --type fbank, whose options it takes, and --fbank-config FILE for --config FILE.
set -euo pipefail

arguments=()
for argument in "$@"; do
  arguments+=("${argument/#--fbank-config/--config}")
done
exec steps/make_feats.sh --type fbank "${arguments[@]}"
