# shellcheck shell=bash
# The stage runner of a recipe: path.sh sources it, before parse_options.sh reads the options.
#
#   if stage 1 "Data directories"; then     # one line a stage; the title in quotes
#     local/prepare.sh "$corpus" data
#   fi
#
# Options that every recipe has through it: --stage N and --stop-stage N run a part of the stages, --list prints them,
# --dry-run prints their commands. A stage leaves a record in $exp/.stages (utils/report_run.py); one whose options, code
# and inputs are what they were is skipped, unless --force is given; --why says which stages would run, and why. Each
# stage ends with a line: number, title, wall time, peak memory. When a command fails, the last lines say in which
# stage, and how to start again from it. There is one run at a time in an $exp. A step that sources path.sh without
# stages of its own notices nothing. Names that begin with an underscore are this file's own.

_stage_number=''                      # of the stage that runs; empty between stages
_stage_title='' _stage_began=''
_stages_began=$EPOCHREALTIME
_stages_run=()
_stage_numbers=() _stage_titles=()
_memory_pid='' _answer=''
_stage_script=/proc/$$/fd/255         # as bash has it open, wherever the script has changed its directory to
[[ -r $_stage_script ]] || _stage_script=$0
_stage_variables='' _stages_exp='' _children_ms=0 _chosen_stages=()
declare -A _stage_plan=()             # run, or since when a stage is unchanged, by its number
_utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# Finds the stages in the script's text, so that they are known before any of them runs.
_read_stages() {
  local _line
  [[ -r $_stage_script && -f $_stage_script ]] || return 0
  while IFS= read -r _line; do
    if [[ $_line =~ ^[[:space:]]*if[[:space:]]+stage[[:space:]]+([0-9]+)[[:space:]]+[\"\'](.*)[\"\'][[:space:]]*\; ]]; then
      _stage_numbers+=("${BASH_REMATCH[1]}")
      _stage_titles+=("${BASH_REMATCH[2]}")
    fi
  done <"$_stage_script"
}

_read_stages
if ((${#_stage_numbers[@]})); then
  : "${stage:=0}" "${stop_stage:=99}"
  list=false dry_run=false force=false why=false
  export -n list dry_run force why stage stop_stage # whatever the caller's environment calls so
  _flag_options="list dry_run force why"
fi

_stage_error() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Called by parse_options.sh once the options are known, with what is left: --list, --dry-run, and the checks. A recipe
# takes options alone: after a stray word, whatever follows it (--list) would be passed over, and everything run.
_begin_stages() {
  ((${#_stage_numbers[@]})) || return 0
  (($# == 0)) || _stage_error "unexpected argument $1: a recipe takes options alone (--help lists them)"
  local _i _last=${_stage_numbers[-1]} _chosen=false
  if $list; then
    for _i in "${!_stage_numbers[@]}"; do
      printf '%2d  %s\n' "${_stage_numbers[_i]}" "${_stage_titles[_i]}"
    done
    exit 0
  fi
  if ((stage > _last)); then
    _stage_error "--stage $stage: the last stage is $_last (--list prints them)"
  fi
  for _i in "${_stage_numbers[@]}"; do
    if ((_i >= stage && _i <= stop_stage)); then _chosen=true; fi
  done
  if ! $_chosen; then
    _stage_error "--stage $stage --stop-stage $stop_stage: no stage lies between them (--list prints them)"
  fi
  if $dry_run; then
    # shellcheck source=/dev/null
    . "$_utils/dry_run.sh"
  elif ! $why; then
    trap '_end_stages $?' EXIT
    trap 'exit 130' INT # once the running command, which is interrupted too, has ended
  fi
}

# stage N "Title": whether stage N is to run; ends the one before it.
stage() {
  _end_stage
  # shellcheck disable=SC2154 # stage and stop_stage are the recipe's options
  _dry_run_in_stage=false
  (($1 >= stage && $1 <= stop_stage)) || return 1
  if $dry_run; then
    echo "stage $1: $2"
    _dry_run_in_stage=true
    return 0
  fi
  if [[ -z $_stages_exp ]]; then _open_stages "$1"; fi
  if [[ -z ${_stage_plan[$1]-} ]]; then _plan_stages "$1"; fi
  if [[ ${_stage_plan[$1]} != run ]]; then
    echo "stage $1: $2: unchanged since ${_stage_plan[$1]}, skipped (--force runs it)"
    return 1
  fi
  echo "stage $1: $2"
  _stage_number=$1 _stage_title=$2 _stage_began=$EPOCHREALTIME
  _stages_run+=("$1")
  export SPEECHLIB_JOB_RECORDS=$_stages_exp/.stages/${0##*/}.$1.jobs # where the dispatchers note their tasks
  _ask_memory reset
  _read_children_ms
}

# Before the first stage, when the script's variables have their values: the lock on $exp, or the answer to --why.
_open_stages() {
  local _folder=${exp:-exp}
  _stage_variables=$(declare -p)
  if $why; then
    _stages_exp=$(realpath -m "$_folder")
    _choose_stages "$1"
    _keep_records why "$force" "${_chosen_stages[@]}"
    exit
  fi
  mkdir -p "$_folder/.stages" || _stage_error "cannot write to $_folder"
  _stages_exp=$(cd "$_folder" && pwd)
  # A recipe that another one calls may share its folder.
  if [[ ${SPEECHLIB_RUNS-} == *":$_stages_exp:"* ]]; then return; fi
  _ask_memory "lock $_stages_exp/.stages/lock"$'\t'"$$ $HOSTNAME $(date '+%Y-%m-%d %H:%M:%S') ${0##*/}"
  if [[ $_answer == error* ]]; then _stage_error "cannot write to $_folder/.stages: ${_answer#error }"; fi
  if [[ -n $_answer ]]; then
    local _pid _host _since
    read -r _pid _host _since <<<"$_answer"
    _stage_error "another run works in $_folder: process $_pid on $_host, since $_since." \
      "Wait for its end, or give this one another folder (such as with --name)"
  fi
  export SPEECHLIB_RUNS=${SPEECHLIB_RUNS-}:$_stages_exp:
}

# Sets _chosen_stages to the numbers of the chosen stages from $1 on.
_choose_stages() {
  local _number
  _chosen_stages=()
  for _number in "${_stage_numbers[@]}"; do
    if ((_number >= $1 && _number <= stop_stage)); then _chosen_stages+=("$_number"); fi
  done
}

# Finds out which of the stages from $1 on are unchanged, up to the first one that runs; that one's record begins.
_plan_stages() {
  local _word _number _rest _reader
  _choose_stages "$1"
  exec {_reader}< <(_keep_records next "$force" "${_chosen_stages[@]}")
  while read -r -u "$_reader" _word _number _rest; do
    case $_word in
      say) echo "${0##*/}: $_number $_rest" ;;
      skip) _stage_plan[$_number]=$_rest ;;
      run) _stage_plan[$_number]=run ;;
    esac
  done
  exec {_reader}<&-
  wait "$!" || true
  : "${_stage_plan[$1]:=run}" # without records everything runs
}

_keep_records() {
  # shellcheck disable=SC2154 # _command_line comes from parse_options.sh
  printf '%s\0' "$_stage_variables" "$(declare -f)" "${_command_line[@]}" |
    python3 -I -S "$_utils/../speechlib/stages/stage_runner.py" "$1" "$_stage_script"$'\t'"${0##*/}" "$_stages_exp" \
      "$$-$_stages_began" "${@:2}"
}

_end_stage() {
  [[ -n $_stage_number ]] || return 0
  _record_stage 0
  _ask_memory peak
  echo "stage $_stage_number: $_stage_title: done in $(_seconds_since "$_stage_began")${_answer:+, peak memory $_answer}"
  _stage_number=
}

# Completes the record of the stage that runs; $1 is its status.
_record_stage() {
  local _wall=$((${EPOCHREALTIME/[.,]/} - ${_stage_began/[.,]/})) _before=$_children_ms
  ((_wall >= 0)) || _wall=0 # the clock was put back
  unset SPEECHLIB_JOB_RECORDS
  _read_children_ms
  _ask_memory bytes
  printf -v _wall '%d.%06d' $((_wall / 1000000)) $((_wall % 1000000))
  printf -v _before '%d.%03d' $(((_children_ms - _before) / 1000)) $(((_children_ms - _before) % 1000))
  _keep_records end "$_stage_number" "$1" "$_wall" "$_before" "${_answer:-0}" || true
}

# Sets _children_ms to the processor time of all processes that this one has waited for.
_read_children_ms() {
  local _text _match='([0-9]+)m([0-9]+)[.,]([0-9]{3})s ([0-9]+)m([0-9]+)[.,]([0-9]{3})s$'
  { times >"$_stages_exp/.stages/.times" && _text=$(<"$_stages_exp/.stages/.times"); } 2>/dev/null || return 0
  [[ $_text =~ $_match ]] || return 0
  _children_ms=$((60000 * (BASH_REMATCH[1] + BASH_REMATCH[4]) + 1000 * (BASH_REMATCH[2] + BASH_REMATCH[5]) + \
    10#${BASH_REMATCH[3]} + 10#${BASH_REMATCH[6]}))
}

# The script's end, of whatever kind: the last stage's line and the total, or which stage failed.
_end_stages() {
  local _status=$1
  trap - EXIT INT
  # bash killed by a signal comes here with status 0, while the command that it waited for still runs.
  if ((_status == 0)); then
    _ask_memory children
    if ((${_answer:-0} > 0)); then _status=143; fi
  fi
  if ((_status == 0)); then
    _end_stage
    if ((${#_stages_run[@]})); then
      echo "${0##*/}: stages ${_stages_run[*]} done in $(_seconds_since "$_stages_began")"
    fi
    _ask_memory bye
  elif [[ -n $_stage_number ]]; then
    if ((_status < 128)); then _record_stage "$_status"; fi # else it stays as one that has not ended
    {
      echo "${0##*/}: stage $_stage_number ($_stage_title) failed with status $_status" \
        "after $(_seconds_since "$_stage_began")"
      echo "${0##*/}: once that is mended, start again from there: $(_restart_line "$_stage_number")"
    } >&2
    if ((_status < 128)); then _ask_memory bye; fi
  fi
  if ((_status == 130)); then kill -INT $$; fi # so that a calling shell stops as well
  exit "$_status"
}

# The command line of this run, with another first stage.
_restart_line() {
  # shellcheck disable=SC2154 # _command_line comes from parse_options.sh
  local _i=1 _words=("${_command_line[0]}" --stage "$1")
  while ((_i < ${#_command_line[@]})); do
    case ${_command_line[_i]} in
      --stage) ((_i += 1)) ;;
      --stage=*) ;;
      *) _words+=("${_command_line[_i]}") ;;
    esac
    ((_i += 1))
  done
  printf '%s' "${_words[0]}"
  printf ' %q' "${_words[@]:1}"
}

_seconds_since() {
  awk -v began="$1" -v now="$EPOCHREALTIME" 'BEGIN {
    seconds = now < began ? 0 : now - began # the clock may have been put back
    if (seconds < 60) printf "%.1f s", seconds
    else if (seconds < 3600) printf "%d min %02d s", seconds / 60, seconds % 60
    else printf "%d h %02d min", seconds / 3600, seconds % 3600 / 60 }'
}

# Talks to the process that samples the memory of everything below this script (speechlib/stages/memory.py). No subshell
# may call it: the pipes to a coprocess are not open there.
_ask_memory() {
  _answer=
  if [[ -z $_memory_pid ]]; then
    [[ $1 == reset || $1 == lock* ]] || return 0
    coproc _memory { exec python3 -I -S "$_utils/../speechlib/stages/memory.py" $$ 2>/dev/null; }
    _memory_pid=$!
  fi
  if [[ -z ${_memory[1]-} ]] || ! kill -0 "$_memory_pid" 2>/dev/null; then return 0; fi
  echo "$1" >&"${_memory[1]}"
  case $1 in
    peak | bytes | children | lock*) IFS= read -r -t 20 _answer <&"${_memory[0]}" || _answer= ;;
  esac
}
