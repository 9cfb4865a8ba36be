# shellcheck shell=bash
# What a recipe would run: stages.sh sources this for --dry-run, from here on nothing of the script runs for real.
#
# Every command is printed, with the values of its variables, instead of being run. Loops, conditions, tests and plain
# assignments do take place, so that the right commands appear; a command substitution does not, and what depends on it
# is printed as it is written.

# Words that only look or steer: they run. Commands of the recipe's own functions are looked at one by one.
_dry_run_words=' [ [[ (( : true false test for select case shift set shopt let local declare typeset readonly export
  unset read mapfile readarray break continue return trap '

# $1 with $name, ${name} and ${name[@]} replaced, outside single quotes, where the variable is set.
_with_values() {
  local _rest=$1 _text='' _inside=false
  while [[ -n $_rest ]]; do
    if ! $_inside && [[ $_rest =~ ^\'[^\']*\' || $_rest =~ ^\$\'[^\']*\' ]]; then
      _text+=${BASH_REMATCH[0]}
    elif [[ $_rest =~ ^\\. ]]; then
      _text+=${BASH_REMATCH[0]}
    elif [[ $_rest =~ ^\$([A-Za-z_][A-Za-z0-9_]*) || $_rest =~ ^\$\{([A-Za-z_][A-Za-z0-9_]*)(\[[@*]\])?\} ]]; then
      if [[ -v ${BASH_REMATCH[1]} || -n ${BASH_REMATCH[2]-} ]]; then
        local -n _value=${BASH_REMATCH[1]}
        _text+=${_value[*]-}
        unset -n _value
      else
        _text+=${BASH_REMATCH[0]}
      fi
    elif [[ $_rest =~ ^[^\\\'\"\$]+ ]]; then
      _text+=${BASH_REMATCH[0]}
    else
      [[ $_rest =~ ^. ]]
      [[ ${BASH_REMATCH[0]} != '"' ]] || { $_inside && _inside=false || _inside=true; }
      _text+=${BASH_REMATCH[0]}
    fi
    _rest=${_rest:${#BASH_REMATCH[0]}}
  done
  printf '%s\n' "$_text"
}

# Whether $1 is nothing but assignments that run no command.
# shellcheck disable=SC2016
_only_assigns() {
  local _rest=${1//'$(('/} _word='^[A-Za-z_][A-Za-z0-9_]*\+?=(\"[^\"]*\"|\x27[^\x27]*\x27|[^[:space:]\"()\x27])*([[:space:]]+|$)'
  _word=${_word//\\x27/\'}
  while [[ $_rest =~ $_word ]]; do _rest=${_rest:${#BASH_REMATCH[0]}}; done
  [[ -z $_rest && $1 != *'`'* && ${1//'$(('/} != *'$('* ]]
}

# The DEBUG trap: 0 lets bash run the command, 1 (with extdebug) passes over it.
_dry_run_step() {
  local _command=$1 _first=${1%%[[:space:]]*}
  case ${FUNCNAME[1]-} in _* | stage | usage) return 0 ;; esac
  case $_first in _* | stage | usage) return 0 ;; esac
  if _only_assigns "$_command"; then return 0; fi
  if [[ $_first == exit && $_dry_run_in_stage == false ]]; then return 0; fi
  if [[ $_dry_run_words =~ [[:space:]]"$_first"[[:space:]] && $_command != *'>'* || $_first == '[[' || $_first == '((' ]]; then
    return 0
  fi
  if [[ $_first =~ ^[A-Za-z0-9_.-]+$ ]] && declare -F -- "$_first" >/dev/null; then return 0; fi
  # A check inside a stage fails for want of what an earlier stage would have made.
  if [[ $_first == exit && $_dry_run_in_stage == true ]]; then return 1; fi
  printf '  %s\n' "$(_with_values "$_command")" >&"$_dry_run_out"
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
trap '_dry_run_step "$BASH_COMMAND"' DEBUG
