#!/usr/bin/env bash
# Sort and filter the files of a data directory so that they agree (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" fix_data_dir "$@"
