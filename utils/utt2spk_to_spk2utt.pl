#!/usr/bin/env bash
# Turn utt2spk into spk2utt (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" utt2spk_to_spk2utt "$@"
