#!/usr/bin/env bash
# Fetch Kaldi's own run.pl, queue.pl and slurm.pl into tests/cluster/kaldi, for the tests that put them in the place of
# ours. They are Kaldi's (Apache 2.0), come in ESPnet's source package, and are no part of this repository. Where
# KALDI_ROOT names a Kaldi, its own are taken and nothing is fetched.
# Usage: tests/cluster/fetch_kaldi.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
into=kaldi
if [[ -n ${KALDI_ROOT-} || -x $into/slurm.pl ]]; then exit 0; fi

# shellcheck disable=SC2034 # read by setup_env.sh
_speechlib_extras="test"
# shellcheck source=utils/setup_env.sh
. ../../utils/setup_env.sh
rm -rf .kaldi && mkdir .kaldi
trap 'rm -rf .kaldi' EXIT
# It is not installed, so that it need not suit this Python's version; where there is no network that is soon known.
timeout 300 python -m pip download -q --timeout 20 --retries 1 --no-deps --ignore-requires-python --no-binary espnet \
  --dest .kaldi "espnet>=202611"
tar -xzf .kaldi/espnet-*.tar.gz -C .kaldi --strip-components 6 --wildcards '*/egs2/TEMPLATE/asr1/utils/parallel/*.pl'
rm .kaldi/espnet-*.tar.gz
mv .kaldi "$into"
