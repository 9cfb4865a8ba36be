#!/usr/bin/env bash
# Cut the segments of a data directory out into audio files (Kaldi's command line).
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$here/../python_command.sh" extract_wav_segments "$@"
