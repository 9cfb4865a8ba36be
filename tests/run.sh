#!/usr/bin/env bash
# Run all tests, Python and shell; the environment and the test tools are set up on first use.
# Usage: tests/run.sh [<pytest argument> ...]
#  e.g.: tests/run.sh tests/io -k ark
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck disable=SC2034 # read by setup_env.sh
_speechlib_extras="test"
. utils/setup_env.sh
exec python -m pytest "$@"
