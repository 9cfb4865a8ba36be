"""A Grid Engine of one node for tests, from Debian's packages, without systemd.

Debian's programs know one place, /var/lib/gridengine, so that there can be one such cluster on a machine, and none
where somebody uses it already.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("sge_qmaster", "sge_execd", "qsub", "qstat", "qconf", "qdel", "qacct")
_ROOT = Path("/var/lib/gridengine")
_SPOOL = Path("/var/spool/gridengine")
_HOST = """\
hostname {host}
load_scaling NONE
complex_values NONE
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
"""
_PARALLEL = """\
pe_name smp
slots 999
user_lists NONE
xuser_lists NONE
start_proc_args /bin/true
stop_proc_args /bin/true
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary TRUE
qsort_args NONE
"""
# Settings of a queue that are not those of a new one (qconf -sq says the others).
_QUEUE = {
    "qname": "all.q",
    "hostlist": "@allhosts",
    "load_thresholds": "NONE",
    "pe_list": "smp",
    "shell": "/bin/bash",
    "shell_start_mode": "posix_compliant",
}


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    absent = [name for name in PROGRAMS if not shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")]
    if absent:
        packages = "gridengine-master gridengine-exec gridengine-client"
        return f"{', '.join(absent)} not installed: apt-get install {packages}"
    if os.getuid():
        return "Grid Engine's daemons are started by root"
    if _process("sge_qmaster"):
        return "a Grid Engine is running here already"
    return ""


def _process(name: str) -> str:
    return subprocess.run(["pgrep", "-x", name], capture_output=True, text=True).stdout.strip()


class GridEngineCluster:
    """The daemons and the configuration of a cluster of this host."""

    def __init__(self, slots: int = 4) -> None:
        """Start the daemons and wait until the queue takes jobs.

        Raises:
            RuntimeError: they do not come up; the message has the end of their log.
        """
        self.environment = {**os.environ, "SGE_ROOT": str(_ROOT), "SGE_CELL": "default"}
        host = socket.gethostname()
        common = _ROOT / "default/common"
        (common / "host_aliases").write_text(f"{host} localhost\n")  # 127.0.0.1 is this host, too
        (common / "act_qmaster").write_text(f"{host}\n")
        for folder in ("qmaster", "execd"):
            shutil.rmtree(_SPOOL / folder, ignore_errors=True)
            (_SPOOL / folder).mkdir(parents=True)
        self._run("chown", "-R", "sgeadmin", str(_SPOOL), str(common / "host_aliases"), str(common / "act_qmaster"))
        self._run("sge_qmaster")
        self._wait(lambda: self._run("qconf", "-sm", check=False).returncode == 0, "the master does not answer")
        manager = f"SGE_ROOT={_ROOT} SGE_CELL=default qconf -am root"
        self._run("su", "-s", "/bin/bash", "sgeadmin", "-c", manager, check=False)
        self._run("qconf", "-as", host, check=False)
        self._configure("-Ae", _HOST.format(host=host))
        scheduler = self._run("qconf", "-ssconf").stdout
        for name, value in (("schedule_interval", "0:0:1"), ("flush_submit_sec", "1"), ("flush_finish_sec", "1")):
            scheduler = re.sub(rf"^{name} .*", f"{name} {value}", scheduler, flags=re.MULTILINE)
        self._configure("-Msconf", scheduler)
        settings = self._run("qconf", "-sconf").stdout  # root's jobs run: execd reads this when it starts
        settings = re.sub(r"^(min_[ug]id) .*", r"\1 0", settings, flags=re.MULTILINE)
        settings = settings.replace("accounting=true", "accounting=true accounting_flush_time=00:00:00", 1)
        self._configure("-Mconf", settings, name="global")
        self._run("sge_execd")
        self._configure("-Ahgrp", f"group_name @allhosts\nhostlist {host}\n")
        self._configure("-Ap", _PARALLEL)
        queue = self._template_queue(slots)
        self._configure("-Aq", queue)
        self._wait(lambda: re.search(r"^all\.q@\S+\s+\S+\s+\S+\s+[\d.]+\s+\S+\s*$", self.command("qstat", "-f"), re.M),
                   "the queue does not start")  # fmt: skip

    def command(self, *words: str) -> str:
        """The output of one of Grid Engine's commands."""
        return self._run(*words, check=False).stdout

    def stop(self) -> None:
        """Stop the daemons and empty the spool, which holds the configuration too."""
        for name in ("sge_execd", "sge_qmaster"):
            for process in _process(name).split():
                os.kill(int(process), 15)
            deadline = time.monotonic() + 15
            while _process(name) and time.monotonic() < deadline:
                time.sleep(0.1)
            for process in _process(name).split():
                os.kill(int(process), 9)
        for folder in ("qmaster", "execd"):
            shutil.rmtree(_SPOOL / folder, ignore_errors=True)

    def _template_queue(self, slots: int) -> str:
        lines = []
        for line in self._run("qconf", "-sq").stdout.splitlines():  # of a queue's template
            name, _, value = line.partition(" ")
            lines.append(f"{name} {({**_QUEUE, 'slots': str(slots)}).get(name, value.strip())}")
        return "\n".join(lines) + "\n"

    def _configure(self, option: str, text: str, name: str = "") -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / (name or "settings")
            path.write_text(text)
            done = self._run("qconf", option, str(path), check=False)
            exists = "already exists" in done.stdout + done.stderr  # left by an earlier cluster
            if done.returncode or exists:
                self._run("qconf", option.replace("-A", "-M") if exists else option, str(path))

    def _run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        done = subprocess.run(
            words, env={**self.environment, "PATH": path}, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check and done.returncode:
            self.stop()
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    def _wait(self, condition, problem: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                log = "".join(path.read_text(errors="replace")[-2000:] for path in _SPOOL.glob("*/messages"))
                self.stop()
                raise RuntimeError(f"{problem}\n{log}")
            time.sleep(0.2)
