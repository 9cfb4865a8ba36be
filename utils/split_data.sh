#!/usr/bin/env bash
# Split a data directory into one directory a job (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" split_data "$@"
