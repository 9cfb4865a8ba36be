#!/usr/bin/env bash
# Usage: utils/setup_env.sh [<extra> ...]      finds or makes the Python environment, and prints its python
#    or: . utils/setup_env.sh                  in path.sh: the same, and puts it first on PATH
#  e.g.: utils/setup_env.sh test               with the tools that the tests need
#
# Taken is the first that has every package of pyproject.toml: $SPEECHLIB_PYTHON, the active environment, the python3
# or python on PATH, .venv beside this folder. Where there is none, .venv is made with the versions of constraints.txt;
# a Debian or Ubuntu without Python's venv module gets it from apt, where that is allowed. A script that sources this
# names extras in _speechlib_extras. Names that begin with an underscore are this file's own.

_speechlib_top=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
_speechlib_venv=$_speechlib_top/.venv

_speechlib_say() { echo "speechlib: $*" >&2; }

# Whether the python $1 has all packages, with the extras $2...; sets _speechlib_found to its path and its packages'
# folder (two lines), or _speechlib_why to what it lacks.
_speechlib_try() {
  [[ -n $1 && -x $1 ]] || return 1
  # An installation that was broken off leaves this mark behind.
  if [[ $1 == "$_speechlib_venv"/* && -e $_speechlib_venv/.installing ]]; then return 1; fi
  if _speechlib_found=$("$1" "$_speechlib_top/utils/env_packages.py" check "${@:2}" 2>&1); then return 0; fi
  _speechlib_why=${_speechlib_found##*$'\n'}
  return 1
}

# The pythons that the user has in sight, or the one that was asked for; one a line.
_speechlib_in_sight() {
  if [[ -n ${SPEECHLIB_PYTHON-} ]]; then
    command -v "$SPEECHLIB_PYTHON"
    return
  fi
  {
    [[ -z ${VIRTUAL_ENV-} ]] || echo "$VIRTUAL_ENV/bin/python"
    [[ -z ${CONDA_PREFIX-} ]] || echo "$CONDA_PREFIX/bin/python"
    command -v python3
    command -v python
  } | awk '!seen[$0]++'
}

# Finds or makes an environment with the extras "$@"; sets _speechlib_found, and _speechlib_tools to a folder of packages
# that come beside it.
_speechlib_get() {
  local _candidate _candidates _message
  _speechlib_tools=
  _candidates=$(_speechlib_in_sight || true)
  for _candidate in $_candidates; do
    _speechlib_try "$_candidate" "$@" && return
  done
  _message=${_speechlib_why-}
  if [[ -z ${SPEECHLIB_PYTHON-} ]]; then
    _speechlib_try "$_speechlib_venv/bin/python" "$@" && return
  fi
  # An environment of the user's that lacks just the extras stays as it is: they go into a folder of our own.
  if (($#)); then
    for _candidate in $_candidates; do
      _speechlib_try "$_candidate" || continue
      _speechlib_locked _speechlib_add_tools "$_candidate" "$@" && return
    done
  fi
  if [[ -n ${SPEECHLIB_PYTHON-} ]]; then
    _speechlib_say "SPEECHLIB_PYTHON=$SPEECHLIB_PYTHON cannot serve: ${_message:-no such program}"
    return 1
  fi
  _speechlib_locked _speechlib_make_venv "$@"
}

# Runs a function while no other process works on .venv.
_speechlib_locked() {
  local _lock _status=0
  mkdir -p "$_speechlib_venv" || return
  exec {_lock}>"$_speechlib_venv/.lock"
  if command -v flock >/dev/null && ! flock -n "$_lock"; then # without flock (macOS) there is no protection
    _speechlib_say "waiting for another run that is installing into $_speechlib_venv"
    flock "$_lock"
  fi
  "$@" || _status=$?
  exec {_lock}>&-
  return "$_status"
}

_speechlib_add_tools() {
  local _python=$1 _folder _extras=("${@:2}")
  _folder=$_speechlib_venv/tools-$("$_python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || return
  if ! PYTHONPATH=$_folder${PYTHONPATH:+:$PYTHONPATH} _speechlib_try "$_python" "${_extras[@]}"; then
    "$_python" -m pip --version >/dev/null 2>&1 || return
    _speechlib_pip "$_python" "$_folder" "${_extras[@]}" || return
    PYTHONPATH=$_folder${PYTHONPATH:+:$PYTHONPATH} _speechlib_try "$_python" "${_extras[@]}" || return
  fi
  _speechlib_tools=$_folder
}

_speechlib_make_venv() {
  local _python=$_speechlib_venv/bin/python
  # The run that held the lock may have made it meanwhile.
  _speechlib_try "$_python" "$@" && return
  touch "$_speechlib_venv/.installing" || return
  if ! "$_python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    # What is left of an interrupted start, or of a Python that is gone.
    rm -rf "${_speechlib_venv:?}"/{bin,include,lib,lib64,pyvenv.cfg}
    _speechlib_create_venv || return
  fi
  _speechlib_pip "$_python" "" dependencies "$@" || return
  # speechlib itself can be imported from anywhere with this Python, as after `pip install -e`.
  echo "$_speechlib_top" >"$("$_python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/speechlib.pth" || return
  rm -f "$_speechlib_venv/.installing"
  _speechlib_try "$_python" "$@" && return
  _speechlib_say "the installation is not complete: $_speechlib_why"
  return 1
}

# An empty environment, with whatever this machine offers: venv, venv with another pip, or venv from apt.
_speechlib_create_venv() {
  local _python
  if _python=$(_speechlib_base 'import venv, ensurepip'); then
    "$_python" -m venv "$_speechlib_venv"
  elif _python=$(_speechlib_base 'import venv, pip; assert int(pip.__version__.split(".")[0]) >= 23'); then
    "$_python" -m venv --without-pip "$_speechlib_venv" &&
      env -u PYTHONPATH PIP_USER=false "$_python" -m pip --python "$_speechlib_venv/bin/python" install -q pip
  elif _speechlib_apt && _python=$(_speechlib_base 'import venv, ensurepip'); then
    "$_python" -m venv "$_speechlib_venv"
  else
    _speechlib_say "this machine offers no Python of 3.10 or newer with the venv module. Type"
    _speechlib_say "    sudo apt-get update && sudo apt-get install -y python3 python3-venv"
    _speechlib_say "and start again. An environment that has the packages of pyproject.toml will do as well: activate it," \
      "or name its python in SPEECHLIB_PYTHON."
    return 1
  fi
}

# The first Python >= 3.10 on which the statement $1 works.
_speechlib_base() {
  local _python
  for _python in $(type -aP python3 python python3.{14..10}); do
    if "$_python" -c "import sys; assert sys.version_info >= (3, 10); $1" 2>/dev/null; then
      echo "$_python"
      return
    fi
  done
  return 1
}

# Debian and Ubuntu: Python and its venv module, as root or where sudo asks for no password.
_speechlib_apt() {
  local _sudo=() _log=$_speechlib_venv/apt.log
  command -v apt-get >/dev/null || return
  if (($(id -u) != 0)); then
    _sudo=(sudo -n)
    "${_sudo[@]}" true 2>/dev/null || return
  fi
  _speechlib_say "installing python3-venv with apt-get"
  if ! { "${_sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update &&
    "${_sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv; } \
    >"$_log" 2>&1 </dev/null; then
    _speechlib_say "apt-get failed; the end of its log, $_log:"
    tail -n 5 "$_log" >&2
    return 1
  fi
}

# Installs the requirements of the groups $3... with the python $1, into the folder $2 if it is not empty.
_speechlib_pip() {
  local _python=$1 _folder=$2 _log=$_speechlib_venv/install.log _list=$_speechlib_venv/requirements.txt
  local _watch _status=0 _began=$SECONDS
  "$_python" "$_speechlib_top/utils/env_packages.py" list "${@:3}" >"$_list" || return
  _speechlib_say "installing Python packages (${*:3}) into ${_folder:-$_speechlib_venv}; this happens once"
  : >"$_log"
  while sleep 15 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    _speechlib_say "  after $((SECONDS - _began)) s: $(grep -E '^(Collecting|Processing|Downloading|Installing)' "$_log" | tail -n 1 | cut -c 1-90)"
  done </dev/null {_lock}>&- &
  _watch=$!
  env -u PYTHONPATH PIP_USER=false PIP_REQUIRE_VIRTUALENV=false "$_python" -m pip install --no-input \
    --disable-pip-version-check --progress-bar off -c "$_speechlib_top/constraints.txt" -r "$_list" \
    ${_folder:+--target "$_folder" --upgrade} >>"$_log" 2>&1 </dev/null || _status=$?
  kill "$_watch" 2>/dev/null
  wait "$_watch" 2>/dev/null || true
  if ((_status)); then
    _speechlib_say "pip failed; the end of its log, $_log:"
    tail -n 15 "$_log" >&2
  fi
  return "$_status"
}

# Where the answer for this tree, these requirements and this PATH is kept: finding it anew takes half a second.
_speechlib_cache_file() {
  local _home=${XDG_CACHE_HOME:-${HOME-}/.cache}
  printf '%s/speechlib/env-%s' "$_home" "$(
    cat "$_speechlib_top"/{pyproject.toml,constraints.txt,utils/env_packages.py} <(
      printf '%s\n' "$_speechlib_top" "$PATH" "${PYTHONPATH-}" "${SPEECHLIB_PYTHON-}" "${VIRTUAL_ENV-}" \
        "${CONDA_PREFIX-}" "$@"
    ) | cksum | tr ' ' -
  )"
}

# The third line of the cache: a package that is installed or removed changes it.
_speechlib_packages_state() { stat -c %y "$1" 2>/dev/null || stat -f %m "$1"; }

# Puts the environment with the extras "$@" first on PATH, the repository first on PYTHONPATH.
_speechlib_setup() {
  local _cache _python _packages _state _bin
  if [[ ${SPEECHLIB_ENV-} == "$_speechlib_top $* "* && $PATH == "${SPEECHLIB_ENV#"$_speechlib_top $* "}":* ]]; then
    return
  fi
  _cache=$(_speechlib_cache_file "$@")
  if ! { { read -r _python && read -r _packages && read -r _state && read -r _speechlib_tools; } <"$_cache"; } 2>/dev/null ||
    [[ ! -x $_python || $_state != "$(_speechlib_packages_state "$_packages")" ]] ||
    [[ -e $_speechlib_venv/.installing || ! -d ${_speechlib_tools:-/} ]]; then
    _speechlib_get "$@" || return
    { read -r _python && read -r _packages; } <<<"$_speechlib_found"
    _speechlib_remember "$_cache" "$_python" "$_packages" "$(_speechlib_packages_state "$_packages")" "$_speechlib_tools"
  fi
  _bin=$(_speechlib_programs "$_python") || return
  export PATH=$_bin${_speechlib_tools:+:$_speechlib_tools/bin}:$PATH
  export PYTHONPATH=$_speechlib_top${_speechlib_tools:+:$_speechlib_tools}${PYTHONPATH:+:$PYTHONPATH}
  export SPEECHLIB_ENV="$_speechlib_top $* $_bin"
  export LC_ALL=C PYTHONUTF8=1 # Kaldi's sort order, and text that is UTF-8 all the same
}

# A folder in which both python and python3 are $1: its own, or where that lacks one (Debian's /usr/bin) one of ours.
_speechlib_programs() {
  local _own=${1%/*} _name _made
  if [[ $_own/python -ef $1 && $_own/python3 -ef $1 ]]; then
    echo "$_own"
    return
  fi
  _made=$_speechlib_venv/programs$(tr -c '[:alnum:].' - <<<"$1")
  if [[ ! -x $_made/python3 ]]; then
    mkdir -p "$_made" || return
    for _name in python python3; do
      printf '#!/bin/sh\nexec %q "$@"\n' "$1" >"$_made/.$_name.$$" && chmod +x "$_made/.$_name.$$" &&
        mv "$_made/.$_name.$$" "$_made/$_name" || return
    done
  fi
  echo "$_made"
}

# Writes the lines "$@" (from the second on) to the file $1, all or none; without a place to keep them it is well, too.
_speechlib_remember() {
  local _file=$1
  { mkdir -p "${_file%/*}" && printf '%s\n' "${@:2}" >"$_file.$$" && mv "$_file.$$" "$_file"; } 2>/dev/null || true
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  _speechlib_setup "$@"
  command -v python
else
  # shellcheck disable=SC2086 # a list of names
  if ! _speechlib_setup ${_speechlib_extras-}; then
    if [[ $- == *i* ]]; then return 1; else exit 1; fi
  fi
fi
