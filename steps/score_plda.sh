#!/usr/bin/env bash
# Scores trials by PLDA's log-likelihood ratios; --help, and all else, is in steps/score_trials.sh.
set -euo pipefail
exec "${BASH_SOURCE%/*}/score_trials.sh" plda "$@"
