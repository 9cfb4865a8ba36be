#!/usr/bin/env bash
# Write utt2dur from segments, frame counts or audio headers (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/../python_command.sh" get_utt2dur "$@"
