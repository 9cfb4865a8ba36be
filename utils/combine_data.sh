#!/usr/bin/env bash
# Combine data directories into one (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" combine_data "$@"
