#!/usr/bin/env bash
# Turn spk2utt into utt2spk (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" spk2utt_to_utt2spk "$@"
