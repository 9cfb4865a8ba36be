# shellcheck shell=bash
# The stage runner of a recipe: path.sh sources it, before parse_options.sh reads the options.
#
#   if stage 1 "Data directories"; then     # one line a stage; the title in quotes
#     local/prepare.sh "$corpus" data
#   fi
#
# Options that every recipe has through it: --stage N and --stop-stage N run a part of the stages, --list prints them,
# --dry-run prints the commands that would run. Each stage ends with a line: number, title, wall time, peak memory.
# When a command fails, the last lines say in which stage, and how to start again from it. A step that sources path.sh
# without stages of its own notices nothing. Names that begin with an underscore are this file's own.

_stage_number=''                      # of the stage that runs; empty between stages
_stage_title='' _stage_began=''
_stages_began=$EPOCHREALTIME
_stages_run=()
_stage_numbers=() _stage_titles=()
_memory_pid='' _answer=''
_utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# Finds the stages in the script's text, so that they are known before any of them runs.
_read_stages() {
  local _line _script=/proc/$$/fd/255
  [[ -r $_script ]] || _script=$0
  [[ -r $_script && -f $_script ]] || return 0
  while IFS= read -r _line; do
    if [[ $_line =~ ^[[:space:]]*if[[:space:]]+stage[[:space:]]+([0-9]+)[[:space:]]+[\"\'](.*)[\"\'][[:space:]]*\; ]]; then
      _stage_numbers+=("${BASH_REMATCH[1]}")
      _stage_titles+=("${BASH_REMATCH[2]}")
    fi
  done <"$_script"
}

_read_stages
if ((${#_stage_numbers[@]})); then
  : "${stage:=0}" "${stop_stage:=99}"
  list=false dry_run=false
  export -n list dry_run stage stop_stage # whatever the caller's environment calls so
  _flag_options="list dry_run"
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
  else
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
  echo "stage $1: $2"
  if $dry_run; then
    _dry_run_in_stage=true
    return 0
  fi
  _stage_number=$1 _stage_title=$2 _stage_began=$EPOCHREALTIME
  _stages_run+=("$1")
  _ask_memory reset
}

_end_stage() {
  [[ -n $_stage_number ]] || return 0
  _ask_memory peak
  echo "stage $_stage_number: $_stage_title: done in $(_seconds_since "$_stage_began")${_answer:+, peak memory $_answer}"
  _stage_number=
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
    seconds = now - began
    if (seconds < 60) printf "%.1f s", seconds
    else if (seconds < 3600) printf "%d min %02d s", seconds / 60, seconds % 60
    else printf "%d h %02d min", seconds / 3600, seconds % 3600 / 60 }'
}

# Talks to the process that samples the memory of everything below this script (speechlib/jobs/memory.py). No subshell
# may call it: the pipes to a coprocess are not open there.
_ask_memory() {
  _answer=
  if [[ -z $_memory_pid ]]; then
    [[ $1 == reset ]] || return 0
    coproc _memory { exec python3 -I -S "$_utils/../speechlib/jobs/memory.py" $$ 2>/dev/null; }
    _memory_pid=$!
  fi
  if [[ -z ${_memory[1]-} ]] || ! kill -0 "$_memory_pid" 2>/dev/null; then return 0; fi
  echo "$1" >&"${_memory[1]}"
  if [[ $1 == peak || $1 == children ]]; then read -r -t 5 _answer <&"${_memory[0]}" || _answer=; fi
}
