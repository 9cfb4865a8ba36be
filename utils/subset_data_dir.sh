#!/usr/bin/env bash
# Make a data directory of some of another's utterances (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" subset_data_dir "$@"
