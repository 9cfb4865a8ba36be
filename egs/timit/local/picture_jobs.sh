# shellcheck shell=bash
# Pictures drawn side by side, for the scripts that make the figures of a run; sourced after the options nj and the variable
# exp are set.

_picture_jobs=()
trap 'kill "${_picture_jobs[@]}" 2>/dev/null || true' EXIT

# start <what> <picture> <arguments>: plot_<what> beside the others, nj at a time; the first that fails stops the rest
start() {
  local what=$1 picture=$2
  # shellcheck disable=SC2154 # set by who sources this
  utils/run.py --num-threads 1 "$exp/figures/log/${picture%.*}.log" python -m "speechlib.bin.plot_$what" "${@:3}" &
  _picture_jobs+=($!)
  # shellcheck disable=SC2154
  if ((${#_picture_jobs[@]} >= nj)); then
    wait "${_picture_jobs[0]}"
    _picture_jobs=("${_picture_jobs[@]:1}")
  fi
}

# finish: waits for all
finish() {
  local job
  for job in "${_picture_jobs[@]}"; do wait "$job"; done
  trap - EXIT
}
