#!/usr/bin/env bash
# Scores trials by the cosine of the embeddings; --help, and all else, is in steps/score_trials.sh.
set -euo pipefail
exec "${BASH_SOURCE%/*}/score_trials.sh" cosine "$@"
