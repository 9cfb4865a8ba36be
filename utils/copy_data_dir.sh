#!/usr/bin/env bash
# Copy a data directory, with prefixes or suffixes for its ids (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" copy_data_dir "$@"
