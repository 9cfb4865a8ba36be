#!/usr/bin/env bash
# Run all tests, Python and shell, in parallel; with arguments, those that pytest finds by them, in one process. The
# environment and the test tools are set up on first use.
# Usage: tests/run.sh [<pytest argument> ...]
#  e.g.: tests/run.sh tests/io -k ark
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck disable=SC2034 # read by setup_env.sh
_speechlib_extras="test"
. utils/setup_env.sh
# Files stay together: what a module's fixtures make is made once. One process more than cores: tests of clusters mostly
# wait.
(($#)) || set -- -n "$(($(nproc) + 1))" --dist loadfile
exec python -m pytest "$@"
