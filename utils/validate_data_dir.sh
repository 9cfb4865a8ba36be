#!/usr/bin/env bash
# Check a data directory: file, line and mend of every problem (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" validate_data_dir "$@"
