# shellcheck shell=bash
# Lists that parallel jobs wrote, joined; sourced by steps after their options.

# join_lists PREFIX SUFFIX FILE: the lines of PREFIX.JOBSUFFIX, JOB of 1..nj, sorted by key in FILE: whole, or not there.
join_lists() {
  local job lists=()
  # shellcheck disable=SC2154 # an option of the calling step
  for ((job = 1; job <= nj; job++)); do lists+=("$1.$job$2"); done
  if ! LC_ALL=C sort -k1,1 "${lists[@]}" >"$3"; then
    rm -f "$3"
    echo "${0##*/}: $3 could not be written from $1.*$2" >&2
    return 1
  fi
}
