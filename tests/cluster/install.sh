#!/usr/bin/env bash
# Install what tests/cluster starts: Slurm and Grid Engine from Debian's packages (as root, or with sudo that asks for no
# password). No daemon is left running.
# Usage: tests/cluster/install.sh
set -euo pipefail
packages=(slurm-wlm munge gridengine-master gridengine-exec gridengine-client iproute2 util-linux procps)
export PATH=$PATH:/usr/sbin:/sbin

missing=()
for program in sbatch slurmctld slurmd munged sge_qmaster sge_execd qsub ip nsenter pgrep; do
  command -v "$program" >/dev/null || missing+=("$program")
done
if ((${#missing[@]} == 0)); then exit 0; fi

sudo=()
if (($(id -u) != 0)); then sudo=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
  echo "${0##*/}: ${missing[*]} not there, and packages cannot be installed here: tests of clusters will be skipped" >&2
  exit 1
fi
# Debian starts daemons as it installs them, unless this program says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  # shellcheck disable=SC2064 # as it is now
  trap "${sudo[*]} rm -f $policy" EXIT
fi
"${sudo[@]}" apt-get update -qq || true # an old list may do
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null
