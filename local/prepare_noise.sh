#!/usr/bin/env bash
# Lists the noises, music, speech and impulse responses of MUSAN, RIRS_NOISES or any folders of audio (WAV, FLAC, Ogg,
# MP3; any rate, any number of channels) in <out-dir>/clips.tsv, for --noise and --rirs of steps/augment_data_dir.sh and
# steps/train_nnet.sh. Those take a folder of audio, too; a list spares them the search.
#
# Usage: local/prepare_noise.sh [options] <folder> [<folder> ...] <out-dir>
#  e.g.: local/prepare_noise.sh musan RIRS_NOISES data/noise
# Options:
#   --unnamed KIND   noise, music, speech or rir: files that no folder's name tells (default: noise)
#   --max-bad N      leave out up to so many unreadable files (default: 0)
set -euo pipefail

unnamed=noise max_bad=0
_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=utils/setup_env.sh
. "$_top/utils/setup_env.sh"
# shellcheck source=utils/parse_options.sh
. "$_top/utils/parse_options.sh"
(($# >= 2)) || usage "expected a folder of audio and an output folder, got $# arguments"

PYTHONPATH=$_top${PYTHONPATH:+:$PYTHONPATH} python -m speechlib.bin.prepare_noise --unnamed "$unnamed" \
  --max-bad "$max_bad" "$@"
