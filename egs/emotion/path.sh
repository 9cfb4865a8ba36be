# shellcheck shell=bash
# The environment of this recipe: the repository's Python first on PATH, made on first use, and the stage runner.
. utils/setup_env.sh
. utils/stages.sh
