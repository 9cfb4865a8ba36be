#!/usr/bin/env bash
# Print the lines whose first field is in a list of ids (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/python_command.sh" filter_scp "$@"
