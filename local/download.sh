#!/usr/bin/env bash
# Usage: local/download.sh [options] <url> <file>
#  e.g.: local/download.sh https://example.org/corpus.tar.gz downloads/corpus.tar.gz
# Fetches a file over http, https or file. Nothing is done where <file> is already; what was broken off is completed, by
# the same run or a later one; <file> is there only once it is complete and checked.
# Options:
#   --sha256 HEX    of the file (default: not checked)
#   --size N        of the file in bytes (default: what the server says)
#   --retries N     further tries after a broken connection (default: 3)
set -euo pipefail

sha256='' size=0 retries=3
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 2 ]] || usage "expected an address and a file, got $# arguments"

python "$_top/local/download.py" --sha256 "$sha256" --size "$size" --retries "$retries" "$1" "$2"
