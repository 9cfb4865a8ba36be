# shellcheck shell=bash disable=SC2034 # arrays for the steps that source this
# What the steps of the i-vector chain share; sourced by them, after their options.
#
# Utterances are dealt out to jobs in their order, without touching the data directory. Models appear whole, so that a
# step which is started again goes on from the last model that is there; when options, features or models that it starts
# from have changed, `begin_anew` removes what was made of them.

# fail MESSAGE: an error of the calling step.
fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# deal_out DATA DIR: $dir/lists/feats.JOB.scp for JOB of 1..nj; nj becomes the number of utterances if that is less.
deal_out() {
  [[ -s $1/feats.scp ]] || fail "no file $1/feats.scp, or it is empty: run steps/make_feats.sh before"
  local total
  total=$(wc -l <"$1/feats.scp")
  ((nj > 0)) || fail "--nj $nj: expected at least 1"
  if ((nj > total)); then nj=$total; fi
  mkdir -p "$2/lists" "$2/log"
  rm -f "$2/lists/feats."*.scp "$2/lists/."*.tmp "$2/."*.tmp # the latter of jobs that were killed at once
  awk -v nj="$nj" -v total="$total" -v prefix="$2/lists/feats" \
    '{ file = prefix "." int((NR - 1) * nj / total) + 1 ".scp"
       if (file != last) close(last) # or there would be as many open as jobs, and 1,024 is a common limit
       print >file; last = file }' "$1/feats.scp"
}

# use_frontend DATA FILE: sets the array `frontend` for commands that read the features of DATA.
use_frontend() {
  frontend=(--frontend "$2")
  if grep -q '^--vad=true' "$2"; then
    [[ -s $1/vad.scp ]] || fail "no file $1/vad.scp, or it is empty: run steps/compute_vad.sh before"
    frontend+=(--vad "scp:$1/vad.scp")
  fi
}

# store_features_of DIR: sets the array `store` for the command that reads the features first.
store_features_of() {
  store=()
  # shellcheck disable=SC2154 # an option of the calling step
  if $store_features; then store=(--write-features "ark:$1/feats.JOB.ark"); fi
}

# read_features DIR MODEL: sets the array `features`, the arguments of a command that reads model and features of a job.
read_features() {
  if $store_features; then
    features=("$2" "ark:$1/feats.JOB.ark")
  else
    features=("${frontend[@]}" "$2" "scp:$1/lists/feats.JOB.scp")
  fi
}

# state_of DATA: a text that changes when the features or the voicing decisions do (size and time of the archives).
state_of() {
  local script
  for script in "$1/feats.scp" "$1/vad.scp"; do
    [[ -f $script ]] || continue
    sha256sum <"$script"
    awk '{ sub(/^[^ ]+ +/, ""); sub(/(:[0-9]+)?(\[[^]]*\])?$/, "") } !seen[$0]++' "$script" |
      LC_ALL=C sort | while IFS= read -r archive; do
      if [[ -f $archive ]]; then stat -Lc '%n %s %Y' "$archive"; else echo "$archive"; fi
    done
  done
}

# begin_anew DIR STATE FILE ..: remove the files unless DIR was made in the same state before.
begin_anew() {
  local folder=$1 state=$2 sum
  shift 2
  sum=$(sha256sum <<<"$state")
  if [[ ! -f $folder/.state ]] || [[ $(<"$folder/.state") != "$sum" ]]; then
    rm -f "$@"
    echo "$sum" >"$folder/.state"
  fi
}
