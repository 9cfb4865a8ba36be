#!/usr/bin/env bash
# Usage: local/download_speechocean762.sh [options] <corpus-dir>
#  e.g.: local/download_speechocean762.sh data/speechocean762/corpus
# Fetches speechocean762 (about half a gigabyte, free for any purpose) and unpacks it as <corpus-dir>, which then holds train, test
# and WAVE. Nothing is done where it is already; a download that was broken off is resumed.
# Options:
#   --url URL       of the archive (default: OpenSLR's, resource 101)
#   --sha256 HEX    of the archive (default: not checked, beyond the archive's own checksum)
set -euo pipefail

url='' sha256=''
_code=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
_top=$(cd "$_code/../../.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected the folder to unpack into, got $# arguments"
corpus=$1 archive=$1.tar.gz
url=${url:-https://www.openslr.org/resources/101/speechocean762.tar.gz}

has_corpus() { [[ -f $corpus/train/wav.scp && -f $corpus/test/wav.scp ]]; }

if has_corpus; then
  echo "${0##*/}: $corpus: already there"
  exit
fi
"$_top/local/download.sh" --sha256 "$sha256" "$url" "$archive"
python "$_top/local/unpack.py" "$archive" "$corpus"
if ! has_corpus; then
  echo "${0##*/}: $archive from $url does not hold train/wav.scp and test/wav.scp:" \
    "it is not speechocean762; remove it and $corpus, and give another --url" >&2
  exit 1
fi
rm "$archive"
echo "${0##*/}: $corpus: unpacked"
