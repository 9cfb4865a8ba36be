"""Run a call's tasks on this machine (Kaldi's run.pl)."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from speechlib.jobs import machine
from speechlib.jobs.call import Call, CallError, Task, refuse_misspelt
from speechlib.jobs.guard import end_groups, guard_groups
from speechlib.jobs.job_records import VARIABLE as JOB_RECORDS
from speechlib.jobs.job_records import append as note_job
from speechlib.jobs.outcome import Interrupted, Outcome
from speechlib.jobs.script import job_script, log_footer, log_header, log_interrupted, shell_line
from speechlib.jobs.signals import STOPPING, signals_to_pipe
from speechlib.jobs.spawn import spawn_bash

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class _Running(NamedTuple):
    number: int
    task: Task
    started: float
    gpus: list[str]


def max_jobs_run(call: Call, num_gpus: int = 0) -> int:
    """How many tasks run at one time: what was asked for, else what cores, memory and GPUs allow; at least 1."""
    limits = [call.num_tasks]
    if call.max_jobs_run is not None:
        limits.append(call.max_jobs_run)
    else:
        if call.gpu and num_gpus:
            limits.append(num_gpus // call.gpu)
        elif call.gpu and call.num_threads is None:  # without a GPU such a task falls back to all cores
            limits.append(1)
        else:
            limits.append(machine.num_cores() // (call.num_threads or 1))
        if call.mem:
            limits.append(machine.memory_bytes() // call.mem)
    return max(1, min(limits))


def task_environment(call: Call) -> dict[str, str]:
    """The environment of the tasks, with the number of threads that was asked for.

    A task of an array has one thread unless the call or the user says otherwise, so that its result depends neither
    on the number of tasks nor on the machine. A single job without JOB=... may use every core.
    """
    environment = dict(os.environ)
    environment.pop(JOB_RECORDS, None)  # what a task dispatches is a part of it
    if call.num_threads is not None:
        environment.update(dict.fromkeys(_THREAD_VARIABLES, str(call.num_threads)))
    elif call.name is not None:
        for variable in _THREAD_VARIABLES:
            environment.setdefault(variable, "1")
    return environment


def run_tasks(call: Call, report: Callable[[int, int, float], None], interval: float) -> list[Outcome]:
    """Run every task, at most max_jobs_run at one time, and wait for all of them.

    Args:
        call: what to run.
        report: called with (tasks ended, tasks failed, elapsed seconds) every `interval` seconds.
        interval: seconds between two reports.

    Returns:
        The outcomes in the order of the tasks' numbers.

    Raises:
        CallError: the task wants more than one node, or an option is misspelt.
        Interrupted: on SIGINT, SIGTERM or SIGHUP, once the process groups of all tasks are gone.
    """
    refuse_misspelt(call)
    if call.num_nodes > 1:
        raise CallError(f"--num-nodes {call.num_nodes}: this is one machine; utils/slurm.py can use several")
    return _LocalRun(call).run(report, interval)


class _LocalRun:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._environment = task_environment(call)
        self._free_gpus = machine.gpu_ids() if call.gpu else []
        self._limit = max_jobs_run(call, len(self._free_gpus))
        self._host = os.uname().nodename
        self._running: dict[int, _Running] = {}  # by process id, which is also the process group's
        self._outcomes: dict[int, Outcome] = {}
        self._guard = guard_groups()

    def run(self, report: Callable[[int, int, float], None], interval: float) -> list[Outcome]:
        wakeups = signals_to_pipe()
        began = time.monotonic()
        next_report = began + interval
        waiting = iter(range(self._call.first, self._call.last + 1))
        while True:
            while len(self._running) < self._limit and (number := next(waiting, None)) is not None:
                self._start(number)
            if not self._running:
                break
            ready, _, _ = select.select([wakeups], [], [], max(0.0, next_report - time.monotonic()))
            for received in os.read(wakeups, 4096) if ready else b"":
                if received in STOPPING:
                    self._stop(received)
            self._reap()
            if time.monotonic() >= next_report:
                failed = sum(outcome.code != 0 for outcome in self._outcomes.values())
                report(len(self._outcomes), failed, time.monotonic() - began)
                next_report = time.monotonic() + interval
        self._guard.close()
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    def _start(self, number: int) -> None:
        task = self._call.task(number)
        gpus, self._free_gpus = self._free_gpus[: self._call.gpu], self._free_gpus[self._call.gpu :]
        environment = self._environment | ({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {})
        line = shell_line(task.arguments, self._call.is_kaldi)
        try:
            os.makedirs(os.path.dirname(task.log) or ".", exist_ok=True)
            with open(task.log, "wb", buffering=0) as log:
                log.write(os.fsencode(log_header(line, self._host)))
                process = spawn_bash(job_script(line), log.fileno(), environment)
        except OSError as error:
            self._free_gpus += gpus
            self._outcomes[number] = Outcome(task, 1, f"cannot start, or write {task.log}: {error.strerror}")
            return
        self._running[process] = _Running(number, task, time.monotonic(), gpus)
        self._guard.add(process)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                process, status, usage = ended
                if process not in self._running:  # the guard
                    continue
                self._guard.remove(process)
                running = self._running.pop(process)
                self._free_gpus += running.gpus
                code = os.waitstatus_to_exitcode(status)
                code = 128 - code if code < 0 else code
                wall, cpu = time.monotonic() - running.started, usage.ru_utime + usage.ru_stime
                peak, threads = usage.ru_maxrss * _MAXRSS_UNIT, self._call.num_threads or 1
                footer = log_footer(code, wall, cpu, peak, threads)
                note_job(running.task.log, self._host, code, wall, cpu, peak, threads, is_child=True)
                problem = _append(running.task.log, footer)
                self._outcomes[running.number] = Outcome(running.task, code or (1 if problem else 0), problem)

    def _stop(self, signal_number: int) -> None:
        end_groups(self._running)
        for running in self._running.values():
            _append(running.task.log, log_interrupted(signal.Signals(signal_number).name))
        raise Interrupted(signal_number)


def _append(log: str, text: str) -> str:
    """Append to a log; returns what went wrong, or an empty string."""
    try:
        with open(log, "ab") as stream:
            stream.write(os.fsencode(text))
    except OSError as error:
        return f"cannot write {log}: {error.strerror}"
    return ""
