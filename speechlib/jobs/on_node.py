"""Run one task of a call on a cluster's node: the program inside a submitted job (speechlib/jobs/cluster.py).

Standard input has the call as JSON, which spares quoting: shells, schedulers and file systems see none of it. The
task's log is written as on a single machine; beside it, in the folder that the dispatcher watches, a status file
appears whole when the task has ended. SIGUSR1 (a time limit comes near) is passed on to the task; other signals to
stop end it.
"""

import json
import os
import select
import shlex
import signal
import sys
import time
from contextlib import suppress
from typing import Any

# As a program it stands in speechlib/jobs, whose modules must not be taken for the standard library's.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from speechlib.jobs.call import Call  # noqa: E402
from speechlib.jobs.guard import end_groups, guard_groups  # noqa: E402
from speechlib.jobs.script import job_script, log_footer, log_header, log_interrupted, shell_line  # noqa: E402
from speechlib.jobs.signals import STOPPING, signals_to_pipe  # noqa: E402
from speechlib.jobs.spawn import spawn_bash  # noqa: E402

NO_FOLDER, NO_LOG = 91, 92  # exit codes of what no log can tell
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)  # Slurm's --signal, Grid Engine's s_rt and -notify
# A job's script: this Python, where the node has it under the same name, starts this file.
SCRIPT_HEAD = f'#!/bin/bash\npython={shlex.quote(sys.executable)}\n[ -x "$python" ] || python=python3\n'
START = f'"$python" -I -S {shlex.quote(os.path.realpath(__file__))}'
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def script(spec: str) -> str:
    """A job's script that runs its task on one node; spec is the call as JSON."""
    return f"{SCRIPT_HEAD}exec {START} <<'END_OF_CALL'\n{spec}\nEND_OF_CALL\n"


def task_number(ranges: list[list[int]], index: int) -> int:
    """The index-th number, from 1 on, of ranges [first, last] that include both ends."""
    for first, last in ranges:
        if index <= last - first + 1:
            return first + index - 1
        index -= last - first + 1
    raise ValueError("the array has more tasks than were asked for")


def array_index() -> int:
    """This task's index in the scheduler's array; 1 outside of one."""
    for variable in ("SLURM_ARRAY_TASK_ID", "SGE_TASK_ID"):
        value = os.environ.get(variable, "")
        if value.isdigit():
            return int(value)
    return 1


def log_of_node(log: str, rank: int) -> str:
    """The log of one of a task's nodes: the first has the log that was asked for."""
    stem, suffix = os.path.splitext(log)
    return f"{stem}.node{rank}{suffix}" if rank else log


def main() -> int:
    """Run the task and return its exit code."""
    spec = json.load(sys.stdin)
    number = task_number(spec["numbers"], array_index())
    rank = int(os.environ.get("SLURM_NODEID", 0)) if spec["num_nodes"] > 1 else 0
    try:
        os.chdir(spec["folder"])
    except OSError:
        return NO_FOLDER
    call = Call(spec["name"], number, number, spec["log"], tuple(spec["arguments"]), is_kaldi=spec["is_kaldi"])
    task = call.task(number)
    log = log_of_node(task.log, rank)
    try:
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        with open(log, "wb", buffering=0) as stream:
            code, facts = _run(shell_line(task.arguments, call.is_kaldi), stream, _environment(spec, rank), spec)
    except OSError:
        return NO_LOG
    _write_status(spec, f"{number}.{spec['attempt']}.{rank}", facts)
    return code


def _environment(spec: dict[str, Any], rank: int) -> dict[str, str]:
    """The dispatcher's variables, and over them those that the scheduler gave to this task."""
    own = {name: value for name, value in os.environ.items() if name not in spec["environment"] or _is_nodes(name)}
    environment = {**spec["environment"], **own}
    if spec["num_nodes"] > 1:
        environment["SPEECHLIB_NUM_NODES"] = str(spec["num_nodes"])
        environment["SPEECHLIB_NODE_RANK"] = str(rank)
    return environment


def _is_nodes(name: str) -> bool:
    return name in ("TMPDIR", "HOSTNAME", "CUDA_VISIBLE_DEVICES", "NSLOTS", "SPEECHLIB_MASTER") or name.startswith(
        ("SLURM_", "SGE_")
    )


def _run(line: str, log: Any, environment: dict[str, str], spec: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    host = os.uname().nodename
    log.write(os.fsencode(log_header(line, host)))
    wakeups = signals_to_pipe(*_WARNINGS)
    guard = guard_groups()
    began = time.monotonic()
    process = spawn_bash(job_script(line, spec["requeue"] > 0), log.fileno(), environment)
    guard.add(process)
    warned = stopped = False
    several = spec["num_nodes"] > 1
    while True:
        # A task's own node gets the warning as a signal; several nodes, each asleep in srun's step, as a file.
        ready, _, _ = select.select([wakeups], [], [], 1.0 if several else None)
        received = os.read(wakeups, 4096) if ready else b""
        comes_near = set(received) & set(_WARNINGS) or several and os.path.exists(_warning_file(spec))
        if spec["requeue"] and not warned and comes_near:
            warned = True
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGUSR1)
        for number in received:
            if number in STOPPING and not stopped:
                stopped = True
                log.write(os.fsencode(log_interrupted(signal.Signals(number).name)))
                end_groups({process}, grace=float("inf"))  # the scheduler kills us when its patience ends
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            break
    guard.remove(process)
    guard.close()
    code = os.waitstatus_to_exitcode(status)
    code = 128 - code if code < 0 else code
    wall, cpu, peak = time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT
    log.write(os.fsencode(log_footer(code, wall, cpu, peak, spec["num_threads"] or 1)))
    os.fsync(log.fileno())
    facts = {"code": code, "wall": wall, "cpu": cpu, "peak": peak, "host": host, "warned": warned}
    return code, facts


def _warning_file(spec: dict[str, Any]) -> str:
    return os.path.join(spec["statuses"], f"warning.{os.environ.get('SLURM_JOB_ID')}")


def _write_status(spec: dict[str, Any], name: str, facts: dict[str, Any]) -> None:
    """Without it the dispatcher asks the scheduler, so that a folder which is gone is no error."""
    path = os.path.join(spec["statuses"], name)
    with suppress(OSError):
        with open(f"{path}.tmp", "w", encoding="ascii") as stream:
            json.dump(facts, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(f"{path}.tmp", path)


if __name__ == "__main__":
    sys.exit(main())
