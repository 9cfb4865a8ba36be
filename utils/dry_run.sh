# shellcheck shell=bash
# What a recipe would run: stages.sh sources this for --dry-run; from here on nothing of the script runs for real.
#
# Every command is printed, with the values of its variables, instead of being run. Loops, conditions, tests and
# assignments do take place, so that the right commands appear, with just those substitutions in them that only compute
# (seq, basename, ...) or read a file that is there. What depends on any other is printed as it is written.
# shellcheck disable=SC2016 # patterns of what expands

# Words that only look or steer: they run. Of the recipe's own functions and of files that it sources the commands are
# looked at one by one.
_dry_run_steering=' [ : true false test for select case shift set shopt let local declare typeset readonly export unset
  read mapfile readarray break continue return trap . source '
# Words that run in a substitution; the second kind with a file that is there.
_dry_run_computing=' seq echo printf basename dirname realpath readlink nproc pwd cd date tr cut expr [ [[ test '
_dry_run_reading=' cat grep cut sort head tail wc '

_is_word_of() { [[ $1 =~ [[:space:]]"$2"[[:space:]] ]]; }

# Prints the arguments as one would type them.
_quoted() {
  local _word _text=''
  for _word; do
    [[ $_word =~ ^[][A-Za-z0-9_./:=,@%+{}-]+$ ]] || _word=${_word@Q}
    _text+=" $_word"
  done
  printf '%s' "${_text# }"
}

# Prints the command $1 with its variables and parameters ($2... are its $1...) replaced where they are set and where
# bash would replace them.
_with_values() {
  local _rest=$1 _text='' _inside=false _token
  local _plain='^\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#])' _braces='^\$\{#?([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*])(([^{}\\`$]|\$[A-Za-z_])*)\}'
  shift
  while [[ -n $_rest ]]; do
    if ! $_inside && [[ $_rest =~ ^\"\$(@|\{@(:([0-9]+))?\})\" ]]; then
      _token=${BASH_REMATCH[0]}
      _text+=$(_quoted "${@:${BASH_REMATCH[3]:-1}}")
    elif ! $_inside && [[ $_rest =~ ^\"\$\{([A-Za-z_][A-Za-z0-9_]*)\[@\]\}\" ]]; then
      _token=${BASH_REMATCH[0]}
      local -n _array=${BASH_REMATCH[1]}
      _text+=$(_quoted "${_array[@]}")
      unset -n _array
    elif ! $_inside && [[ $_rest =~ ^\$?\'[^\']*\' ]] || [[ $_rest =~ ^\\. || $_rest =~ ^[^\\\'\"\$]+ ]]; then
      _token=${BASH_REMATCH[0]}
      _text+=$_token
    elif [[ $_rest =~ $_plain || $_rest =~ $_braces ]] && _has_value "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]-}" "$@"; then
      # A prompt's expansion (@P) would run commands, too: the patterns let none through.
      _token=${BASH_REMATCH[0]}
      _text+=${_token@P}
    else
      _token=${_rest:0:1}
      _text+=$_token
      if [[ $_token == '"' ]]; then
        if $_inside; then _inside=false; else _inside=true; fi
      fi
    fi
    _rest=${_rest:${#_token}}
  done
  printf '%s' "$_text"
}

# Whether the parameter $1 with the operator $2 (such as :-4) has a value; $3... are the command's parameters.
_has_value() {
  local _match=("${BASH_REMATCH[@]}") _known=true
  case $1 in
    [@*#]) ;;
    [0-9]*) (($1 <= $# - 2)) || _known=false ;;
    *) [[ -v $1 || $2 == *'[@]' || $2 == *'[*]' ]] || _known=false ;;
  esac
  case $2 in
    :-* | -* | :+* | +*) _known=true ;;
    :=* | =* | :\?* | \?*) _known=false ;;
  esac
  [[ ${_match[0]} =~ .* ]] # BASH_REMATCH as it was: the caller goes on with its first element
  $_known
}

# Whether $1 is nothing but assignments, and runs nothing but what computes.
_only_assigns() {
  local _rest=$1 _line _first=true
  [[ $_rest =~ ^[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?\+?= && $_rest != *'`'* && $_rest != *'<('* && $_rest != *'>('* ]] ||
    return 1
  while [[ $_rest =~ \$\(\([^()]*\)\) ]]; do _rest=${_rest/"${BASH_REMATCH[0]}"/0}; done
  if [[ $_rest == *'$('* ]]; then
    _rest=${_rest//'$('/$'\n'}
    _rest=${_rest//[|;&]/$'\n'}
    while read -r _line; do
      if ! $_first && [[ -n $_line ]]; then
        _is_word_of "$_dry_run_computing" "${_line%%[[:space:]]*}" || return 1
      fi
      _first=false
    done <<<"$_rest"
    return 0
  fi
  local _word='^[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?\+?=("[^"]*"|'\''[^'\'']*'\''|[^[:space:]"()'\''])*([[:space:]]+|$)'
  [[ $_rest =~ ^[A-Za-z_][A-Za-z0-9_]*\+?=\( ]] && return 0 # an array
  while [[ $_rest =~ $_word ]]; do _rest=${_rest:${#BASH_REMATCH[0]}}; done
  [[ -z $_rest ]]
}

# Whether the command $1, with the parameters $2..., is a word that steers by its value, or a substitution's harmless part.
_is_answer() {
  local _text
  _text=$(_with_values "$@")
  if [[ $1 == '$'* && ( $_text == true || $_text == false ) ]]; then return 0; fi
  ((BASH_SUBSHELL)) && [[ $_text != *'>'* ]] || return 1
  _is_word_of "$_dry_run_computing" "${_text%% *}" && return
  _is_word_of "$_dry_run_reading" "${_text%% *}" && [[ $_text != *' '* || ${_text##* } == -* || -e ${_text##* } ]]
}

# The DEBUG trap, with the command and its parameters: 0 lets bash run it, 1 (with extdebug) passes over it.
_dry_run_step() {
  local _command=$1 _first=${1%%[[:space:]]*}
  shift
  case ${FUNCNAME[1]-} in _* | stage | usage) return 0 ;; esac
  case $_first in
    _* | stage | usage | '[['* | '(('*) return 0 ;;
    exit) # inside a stage, a check fails for want of what an earlier stage would have made
      if $_dry_run_in_stage; then return 1; else return 0; fi
      ;;
  esac
  if _only_assigns "$_command" || [[ $_command == 'printf -v '* && $_command != *'>'* ]]; then return 0; fi
  if _is_word_of "$_dry_run_steering" "$_first" && [[ $_command != *'>'* ]]; then return 0; fi
  if _is_answer "$_command" "$@"; then return 0; fi
  if [[ $_first =~ ^[A-Za-z0-9_.-]+$ ]] && declare -F -- "$_first" >/dev/null; then return 0; fi
  printf '  %s\n' "$(_with_values "$_command" "$@")" >&"$_dry_run_out"
  if ((++_dry_run_lines > 10000)); then
    echo "${0##*/}: --dry-run: a loop does not end unless its commands run" >&2
    exit 1
  fi
  return 1
}

_dry_run_lines=0 _dry_run_in_stage=false
exec {_dry_run_out}>&1
set +eu
shopt -s extdebug
trap '_dry_run_step "$BASH_COMMAND" "$@"' DEBUG
