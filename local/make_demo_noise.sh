#!/usr/bin/env bash
# Makes synthetic noises and music-like sounds (<out-dir>/musan) and room responses (<out-dir>/RIRS_NOISES) in the
# layouts of MUSAN and RIRS_NOISES. The same seed gives the same bytes.
#
# Usage: local/make_demo_noise.sh [options] <out-dir>
#  e.g.: local/make_demo_noise.sh --seed 0 data/demo/noise
# Nothing is done where <out-dir> holds these sounds already; they are made anew if they were made with other options.
# Options:
#   --noises N       of each of 7 kinds (default: 4)
#   --music N        pieces of music (default: 10)
#   --rooms N        of each size, small and medium (default: 30)
#   --seed N         another seed gives other sounds (default: 0)
set -euo pipefail

noises=4 music=10 rooms=30 seed=0
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
[[ $# -eq 1 ]] || usage "expected an output folder, got $# arguments"

python "$_top/local/make_demo_noise.py" --noises "$noises" --music "$music" --rooms "$rooms" --seed "$seed" "$1"
