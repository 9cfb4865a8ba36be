# shellcheck shell=bash
# Command-line options for the script that sources this file (Kaldi's parse_options.sh).
#
#   nj=4 compress=true config=           # above: every lower-case variable of the script is an option
#   . utils/parse_options.sh             # --nj 8, --nj=8, --stop-stage 5 (sets stop_stage), --help
#
# What stands before the first argument that is no option is read and shifted away. An option whose default is true or
# false takes just these, one whose default is a whole number takes a whole number. In a script without a variable
# `config`, --config FILE is Kaldi's: the file is sourced before the other options are set. --help prints the script's
# leading comment (or $help_message) and the options that it does not name; `usage` does so on standard error and
# exits 1. Names that begin with an underscore are this file's own.

# Prints the text of the calling script, which bash keeps open wherever the script has changed its directory to.
_script_text() {
  local _candidate
  for _candidate in "/proc/$$/fd/255" "$0" "${OLDPWD:-.}/$0" "./${0##*/}"; do
    if [[ -f $_candidate && -r $_candidate ]]; then
      cat "$_candidate"
      return
    fi
  done
}

# Whether the exported variable $1 is just the environment's: it was there before the script, which does not set it.
_is_inherited() {
  if grep -Eq "(^|[[:space:];])$1=" <<<"$_parse_options_text"; then return 1; fi
  [[ ! -r /proc/$$/environ ]] || grep -zq "^$1=" "/proc/$$/environ"
}

# Prints the script's own variables: lower case, no arrays, and not merely inherited from the caller's environment.
_list_options() {
  local _name _declared
  while IFS= read -r _name; do
    [[ $_name =~ ^[a-z][a-z0-9_]*$ && $_name != help_message ]] || continue
    _declared=$(declare -p "$_name" 2>/dev/null) || continue
    [[ ! $_declared =~ ^declare\ -[a-zA-Z]*[aA] ]] || continue
    if [[ $_declared =~ ^declare\ -[a-zA-Z]*x ]] && _is_inherited "$_name"; then continue; fi
    echo "$_name"
  done < <(compgen -v)
}

_option_error() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Prints the option with the smallest edit distance to $1, if that is small enough for a slip of the keyboard.
_nearest_option() {
  printf '%s\n' "${!_option_defaults[@]}" | LC_ALL=C sort | awk -v wanted="$1" '
    { n = length(wanted); m = length($0)
      for (j = 0; j <= m; j++) above[j] = j
      for (i = 1; i <= n; i++) {
        row[0] = i
        for (j = 1; j <= m; j++) {
          best = above[j - 1] + (substr(wanted, i, 1) != substr($0, j, 1))
          if (above[j] + 1 < best) best = above[j] + 1
          if (row[j - 1] + 1 < best) best = row[j - 1] + 1
          row[j] = best
        }
        for (j = 0; j <= m; j++) above[j] = row[j]
      }
      if (nearest == "" || above[m] < distance) { nearest = $0; distance = above[m] } }
    END { gsub("_", "-", nearest); if (distance <= 2 || 2 * distance <= length(wanted)) print nearest }'
}

_print_help() {
  local _name _text=${help_message-} _title="${0##*/} also takes, with these defaults:"
  if [[ -z $_text ]]; then
    _text=$(awk 'NR == 1 && /^#!/ { next } !/^#/ { exit } !/^# shellcheck / { sub(/^# ?/, ""); print }' \
      <<<"$_parse_options_text")
  fi
  printf '%s\n' "$_text"
  while IFS= read -r _name; do
    [[ -n $_name && ! $_text =~ --${_name//_/-}([^a-z0-9-]|$) ]] || continue
    printf '%s' "${_title:+$_title$'\n'}"
    _title=
    printf '  --%s %s\n' "${_name//_/-}" "${_option_defaults[$_name]}"
  done < <(printf '%s\n' "${!_option_defaults[@]}" | LC_ALL=C sort)
}

# For the script: an optional message, how the script is called, and exit status 1.
usage() {
  if (($#)); then printf '%s\n' "${0##*/}: $*" >&2; fi
  _print_help >&2
  exit 1
}

# Sets the variable $1 to $2, after checking it against the kind of the default.
_set_option() {
  local _value=$2 _default=${_option_defaults[$1]} _option=--${1//_/-}
  case $_default in
    true | false)
      [[ $_value == true || $_value == false ]] || _option_error "$_option $_value: expected true or false"
      ;;
    *)
      if [[ $_default =~ ^-?[0-9]+$ ]]; then
        [[ $_value =~ ^(-?)0*([0-9]{1,18})$ ]] ||
          _option_error "$_option $_value: expected a whole number, such as $_default"
        _value=${BASH_REMATCH[1]}${BASH_REMATCH[2]} # without leading zeros, which bash takes for octal
        [[ $1 != nj || $_value -ge 1 ]] || _option_error "$_option $2: expected at least 1"
      fi
      ;;
  esac
  [[ $1 != cmd || -n $_value ]] || _option_error "empty argument to --cmd"
  declare -g -- "$1=$_value"
}

# Kaldi's --config FILE: shell variables, which the options of the command line override.
_source_configs() {
  local _file
  while (($#)); do
    case $1 in
      --config) _file=${2-} ;;
      --config=*) _file=${1#*=} ;;
      *)
        shift
        continue
        ;;
    esac
    [[ -r $_file && ! -d $_file ]] || _option_error "--config $_file: cannot read this file"
    # shellcheck disable=SC1090
    . "$_file"
    shift
  done
}

# Reads the options at the head of its arguments; _num_option_words says how many words these were.
_parse_options() {
  local _total=$# _word _name _value _near
  if [[ -z ${_option_defaults[config]+own} ]]; then _source_configs "$@"; fi
  while [[ ${1-} == --* || ${1-} == -h ]]; do
    _word=$1
    shift
    case $_word in
      --) break ;; # what follows is for the script, whatever it looks like
      -h | --help)
        _print_help
        exit 0
        ;;
    esac
    _name=${_word#--}
    _name=${_name%%=*}
    _name=${_name//-/_}
    if [[ $_name != config && -z ${_option_defaults[${_name:-_}]+known} ]]; then
      _near=$(_nearest_option "$_name")
      _option_error "unknown option ${_word%%=*}${_near:+; did you mean --$_near?} (--help lists all)"
    fi
    if [[ $_word == --*=* ]]; then
      _value=${_word#*=}
    elif [[ " ${_flag_options-} " == *" $_name "* && ${1-} != true && ${1-} != false ]]; then
      _value=true
    else
      (($#)) || _option_error "option $_word needs a value"
      _value=$1
      shift
    fi
    if [[ -n ${_option_defaults[$_name]+own} ]]; then _set_option "$_name" "$_value"; fi
  done
  _num_option_words=$((_total - $#))
}

_parse_options_text=$(_script_text)
declare -A _option_defaults=()
while IFS= read -r _option_name; do
  _option_defaults[$_option_name]=${!_option_name}
done < <(_list_options)
_command_line=("$0" "$@")
_parse_options "$@"
shift "$_num_option_words"
if declare -F _begin_stages >/dev/null; then _begin_stages "$@"; fi
