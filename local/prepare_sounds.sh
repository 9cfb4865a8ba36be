#!/usr/bin/env bash
# Usage: local/prepare_sounds.sh [options] <data-root>
#  e.g.: local/prepare_sounds.sh --noise /corpora/musan --rirs /corpora/RIRS_NOISES data/voxceleb1
# The sounds that a recipe augments with: lists of noises, music and speech in <data-root>/noise, of room responses in
# <data-root>/rirs (local/prepare_noise.sh). Synthetic ones are made in <data-root>/made where no folder is given.
# Options:
#   --noise DIR      MUSAN or any folder of audio (default: synthetic noises and music)
#   --rirs DIR       RIRS_NOISES or any folder of responses (default: synthetic rooms)
#   --seed N         of the synthetic sounds (default: 1)
#   --max-bad N      leave out up to so many unreadable files of either folder (default: 0)
set -euo pipefail

noise='' rirs='' seed=1 max_bad=0
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected one folder, that of the data directories, got $# arguments"
root=$1

if [[ -z $noise || -z $rirs ]]; then
  "$_top/local/make_demo_noise.sh" --seed "$seed" "$root/made"
fi
"$_top/local/prepare_noise.sh" --max-bad "$max_bad" "${noise:-$root/made/musan}" "$root/noise"
"$_top/local/prepare_noise.sh" --max-bad "$max_bad" --unnamed rir "${rirs:-$root/made/RIRS_NOISES}" "$root/rirs"
