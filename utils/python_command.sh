#!/usr/bin/env bash
# Runs a Python command of this repository from any directory: utils/python_command.sh <name> [arguments] runs
# speechlib/bin/<name>.py with $PYTHON, or else the python3 on the PATH. The scripts beside it are its callers.
set -euo pipefail
here=$(readlink -f -- "${BASH_SOURCE[0]}")
top=${here%/utils/*}
export PYTHONPATH="$top${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" -m "speechlib.bin.$1" "${@:2}"
