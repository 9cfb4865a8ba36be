"""Run a call's tasks on a cluster: submit, wait, and find out how each of them ended.

What a scheduler's commands are called is its adapter's business (slurm.py, grid_engine.py). Each task tells its end in
a small file beside its log (on_node.py), so that thousands of tasks cost the scheduler no more than one status call a
second; it is asked why only about tasks that ended without a word or by a signal.
"""

import json
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from speechlib.jobs.call import Call, CallError, Task
from speechlib.jobs.guard import Guard
from speechlib.jobs.job_records import VARIABLE, append
from speechlib.jobs.local import task_environment
from speechlib.jobs.on_node import NO_FOLDER, NO_LOG, log_of_node
from speechlib.jobs.outcome import Interrupted, Outcome, Refused
from speechlib.jobs.signals import STOPPING, signals_to_pipe

RUN_AGAIN = 75  # EX_TEMPFAIL: the exit code of a task that wrote a checkpoint when its time limit came near
_LOOK = (0.05, 1.0)  # seconds between two looks for status files: at first, and at most
_POLL = (1.0, 10.0)  # seconds between two status calls
_SILENCE = 15.0  # seconds that a status file may take to appear on another host (NFS), once the scheduler has forgotten
_GONE = 60.0  # seconds to wait for cancelled jobs
_NOT_PASSED_ON = ("BASH_FUNC_", "SLURM_", "SGE_", "PE_", "JOB_", "SSH_", "XDG_", "DBUS_")
_NODES_OWN = {"HOSTNAME", "HOST", "DISPLAY", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "ENVIRONMENT", "NSLOTS", "QUEUE"}


class Found(NamedTuple):
    """What a scheduler says of a task.

    Attributes:
        state: "waits", "runs", or "ended" - also where the task will never start.
        why: the reason for waiting or for the end, in words; empty for an end in peace.
        code: the exit code of the end in bash's convention, None where it is not known.
        is_cluster_fault: the task did not run, or not to its end, by no fault of its own.
    """

    state: str
    why: str = ""
    code: int | None = None
    is_cluster_fault: bool = False


class Scheduler(Protocol):
    """A scheduler's commands."""

    max_array: int

    def submit(self, call: Call, script: str, name: str, num_tasks: int, is_array: bool) -> str:
        """Submit a script, as an array 1..num_tasks or alone; returns the job's id. Raises Refused."""

    def script(self, call: Call, spec: str, statuses: str) -> str:
        """The job's script: it starts on_node.py and gives it spec to read; statuses is the folder of the answers."""

    def poll(self, names: Iterable[str]) -> dict[str, dict[int, Found]] | None:
        """By job id and index, what is known of the jobs of these names; None when the scheduler does not answer."""

    def explain(self, job: str) -> dict[int, Found]:
        """By index, how the tasks of a job ended, as far as it is known (any more)."""

    def cancel(self, names: Iterable[str]) -> None:
        """End all jobs of these names."""


class _Submission(NamedTuple):
    job: str
    numbers: list[int]  # by index - 1
    attempt: int


class _Place(NamedTuple):
    submission: _Submission
    index: int


def run_on_cluster(
    scheduler: Scheduler, call: Call, report: Callable[..., None], interval: float
) -> list[Outcome]:
    """Run every task on the cluster and wait for all of them.

    Args:
        scheduler: the cluster's commands.
        call: what to run.
        report: called with (tasks ended, tasks failed, elapsed seconds, note) every `interval` seconds.
        interval: seconds between two reports.

    Returns:
        The outcomes in the order of the tasks' numbers.

    Raises:
        Refused: the scheduler does not take the jobs; those of this call that it had taken are cancelled.
        Interrupted: on SIGINT, SIGTERM or SIGHUP, once the jobs are cancelled.
    """
    return _ClusterRun(scheduler, call).run(report, interval)


class _ClusterRun:
    def __init__(self, scheduler: Scheduler, call: Call) -> None:
        self._scheduler = scheduler
        self._call = call
        self._token = os.urandom(4).hex()
        self._statuses = _status_folder(call.log, call.name, self._token)
        self._to_submit: list[tuple[list[int], int]] = []  # numbers and attempt
        self._places: dict[int, _Place] = {}  # of submitted tasks without an outcome
        self._said: dict[int, dict[int, dict[str, Any]]] = {}  # status by task and node
        self._attempts: dict[int, int] = {}
        self._losses: dict[int, int] = {}
        self._silent: dict[int, tuple[float, Found | None]] = {}  # tasks that ended without a word: since when, how
        self._puzzling: set[str] = set()  # jobs whose ends are to be explained
        self._outcomes: dict[int, Outcome] = {}
        self._names: list[str] = []
        self._note = ""
        self._guard = Guard(lambda names: _cancel_all(scheduler, names))

    def run(self, report: Callable[..., None], interval: float) -> list[Outcome]:
        wakeups = signals_to_pipe()
        began = time.monotonic()
        next_report, next_poll, look = began + interval, began + _POLL[0], _LOOK[0]
        self._make_folders()
        numbers = list(range(self._call.first, self._call.last + 1))
        for start in range(0, len(numbers), self._scheduler.max_array):
            self._to_submit.append((numbers[start : start + self._scheduler.max_array], 1))
        try:
            while True:
                self._submit()
                if not self._places and not self._to_submit:
                    break
                self._sleep(wakeups, look)
                look = _LOOK[0] if self._read_statuses() else min(1.3 * look, _LOOK[1])
                now = time.monotonic()
                if self._places and now >= next_poll:
                    self._ask()
                    next_poll = time.monotonic() + min(max((now - began) / 20, _POLL[0]), _POLL[1])
                if now >= next_report:
                    failed = sum(outcome.code != 0 for outcome in self._outcomes.values())
                    report(len(self._outcomes), failed, now - began, self._note)
                    next_report = time.monotonic() + interval
        except BaseException:
            self._cancel()
            raise
        finally:
            self._forget()
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    def _make_folders(self) -> None:
        """Here, too: a folder that cannot be made is told before anything is submitted."""
        folders = {os.path.dirname(self._call.task(number).log) for number in (self._call.first, self._call.last)}
        for folder in (*folders, self._statuses):
            try:
                os.makedirs(folder or ".", exist_ok=True)
            except OSError as error:
                raise CallError(f"cannot make the folder {folder}: {error.strerror}") from None

    def _sleep(self, wakeups: int, seconds: float) -> None:
        ready, _, _ = select.select([wakeups], [], [], seconds)
        for received in os.read(wakeups, 4096) if ready else b"":
            if received in STOPPING:
                raise Interrupted(received)

    def _submit(self) -> None:
        """Submit what waits for it: one array after the other where --max-jobs-run would not hold across several."""
        while self._to_submit and not (self._call.max_jobs_run and self._places):
            numbers, attempt = self._to_submit.pop(0)
            name = f"{_job_name(self._call.log)}.{self._token}.{len(self._names)}"
            self._guard.add(name)
            self._names.append(name)
            script = self._script(numbers, attempt)
            is_array = self._call.name is not None
            try:
                job = self._scheduler.submit(self._call, script, name, len(numbers), is_array)
            except Refused as error:
                if error.is_certain:  # there is nothing to cancel
                    self._names.remove(name)
                    self._guard.remove(name)
                raise
            submission = _Submission(job, numbers, attempt)
            for index, number in enumerate(numbers, 1):
                self._places[number] = _Place(submission, index)
                self._attempts[number] = attempt

    def _script(self, numbers: list[int], attempt: int) -> str:
        environment = {
            name: value
            for name, value in task_environment(self._call).items()
            if not name.startswith(_NOT_PASSED_ON) and name not in _NODES_OWN and "\n" not in name
        }
        spec = {
            "name": self._call.name,
            "numbers": _ranges(numbers),
            "attempt": attempt,
            "log": self._call.log,
            "arguments": self._call.arguments,
            "is_kaldi": self._call.is_kaldi,
            "folder": os.getcwd(),
            "statuses": self._statuses,
            "environment": environment | {VARIABLE: ""},  # a dispatcher within the task keeps no record of its own
            "num_threads": self._call.num_threads,
            "num_nodes": self._call.num_nodes,
            "requeue": self._call.requeue,
        }
        return self._scheduler.script(self._call, json.dumps(spec), self._statuses)

    def _read_statuses(self) -> bool:
        """Take in what tasks have said; returns whether any had."""
        found = False
        try:
            names = os.listdir(self._statuses)
        except OSError:  # somebody cleans up: the scheduler still knows
            return False
        for name in names:
            parts = name.split(".")
            if len(parts) != 3 or not parts[0].isdigit():
                continue
            number, attempt, rank = map(int, parts)
            if number not in self._places or attempt != self._attempts[number] or rank in self._said.get(number, {}):
                continue
            try:
                with open(os.path.join(self._statuses, name), encoding="ascii") as stream:
                    status = json.load(stream)
            except (OSError, ValueError):
                continue
            found = True
            self._said.setdefault(number, {})[rank] = status
            if len(self._said[number]) == self._call.num_nodes:
                self._all_said(number)
        return found

    def _all_said(self, number: int) -> None:
        statuses = self._said[number].values()
        if self._wants_again(number):
            self._again(number)
        elif all(status["code"] <= 128 for status in statuses):  # of a signal the scheduler may know the reason
            self._end(number, _first_failure(status["code"] for status in statuses))

    def _wants_again(self, number: int) -> bool:
        """Whether a task ended for the warning that it got: one of its nodes may have seen it before the others."""
        statuses = self._said.get(number, {}).values()
        return any(status["warned"] for status in statuses) and any(status["code"] == RUN_AGAIN for status in statuses)

    def _ask(self) -> None:
        """One call to the scheduler: about the end of tasks that did not tell it themselves, else about all."""
        if self._puzzling:
            job = self._puzzling.pop()
            explained = self._scheduler.explain(job)
            for number, place in list(self._places.items()):
                if place.submission.job == job and number in self._silent:
                    self._settle(number, explained.get(place.index))
            return
        known = self._scheduler.poll(self._names)
        if known is None:
            self._note = "the scheduler does not answer"
            return
        self._read_statuses()  # again: a task's word may have come while the scheduler was asked
        waiting, running, reasons = 0, 0, set()
        for number, place in self._places.items():
            found = known.get(place.submission.job, {}).get(place.index)
            if found is None or found.state == "ended":
                self._silent.setdefault(number, (time.monotonic(), found))
                self._puzzling.add(place.submission.job)
            else:
                self._silent.pop(number, None)
                waiting += found.state == "waits"
                running += found.state == "runs"
                if found.state == "waits" and found.why:
                    reasons.add(found.why)
        self._note = f"{running} run, {waiting} wait" + (f" ({', '.join(sorted(reasons))})" if reasons else "")

    def _settle(self, number: int, explained: Found | None) -> None:
        """The scheduler has done with a task: what it said itself counts, then what the scheduler says."""
        if self._wants_again(number):  # srun ended the other nodes before they said so
            self._again(number)
            return
        since, found = self._silent[number]
        found = explained or found
        late = time.monotonic() - since >= _SILENCE
        said = [status["code"] for status in self._said.get(number, {}).values()]
        if found is None or found.state != "ended":
            if not late:
                return
            trace = "" if said else "vanished from the scheduler without a trace"
            found = Found("ended", trace, None, not said)
        if found.is_cluster_fault and self._losses.get(number, 0) < self._call.retries:
            self._losses[number] = self._losses.get(number, 0) + 1
            print(f"{_short(self._call.task(number))} {found.why}: submitted again", file=sys.stderr, flush=True)
            self._again(number)
        elif said and all(said):
            self._end(number, _first_failure(said), found.why)
        elif found.why or found.code:
            self._end(number, found.code or 1, found.why)
        elif late:  # its word is lost, but what counts is its exit code
            self._end(number, 0)

    def _again(self, number: int) -> None:
        attempt = self._attempts[number] + 1
        del self._places[number]
        self._said.pop(number, None)
        self._silent.pop(number, None)
        if self._to_submit and self._to_submit[-1][1] == attempt and number > self._to_submit[-1][0][-1]:
            self._to_submit[-1][0].append(number)
        else:
            self._to_submit.append(([number], attempt))

    def _end(self, number: int, code: int, why: str = "") -> None:
        place = self._places.pop(number)
        self._silent.pop(number, None)
        task = self._call.task(number)
        statuses = self._said.pop(number, {})
        for rank, status in sorted(statuses.items()):
            append(
                log_of_node(task.log, rank), status["host"], status["code"], status["wall"], status["cpu"],
                status["peak"], self._call.num_threads or 1,
            )  # fmt: skip
        ranks = [rank for rank, status in sorted(statuses.items()) if rank and status["code"] == code]
        if code and ranks:  # the log to look at is that of the node which failed
            task = Task(task.number, task.arguments, log_of_node(task.log, ranks[0]))
        problem = {
            NO_FOLDER: f"has no folder {os.getcwd()} on its node (job {place.submission.job})",
            NO_LOG: f"cannot write {task.log} on its node (job {place.submission.job})",
        }
        if not statuses and code in problem:
            why = problem[code]
        self._outcomes[number] = Outcome(task, code, why if code else "")

    def _cancel(self) -> None:
        """Cancel what runs or waits, and see it gone."""
        if not self._names:
            return
        self._scheduler.cancel(self._names)
        deadline = time.monotonic() + _GONE
        while time.monotonic() < deadline:
            time.sleep(_POLL[0])
            known = self._scheduler.poll(self._names)
            if known is not None and all(found.state == "ended" for job in known.values() for found in job.values()):
                return
            self._scheduler.cancel(self._names)
        print(f"jobs {', '.join(self._names)} were cancelled but are still listed", file=sys.stderr)

    def _forget(self) -> None:
        for name in self._names:
            self._guard.remove(name)
        self._guard.close()
        shutil.rmtree(self._statuses, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(os.path.dirname(self._statuses))  # q, if no other call uses it


def _first_failure(codes: Iterable[int]) -> int:
    """The code of a failure rather than of what was killed for it."""
    codes = sorted(codes, key=lambda code: (code == 0, code > 128))
    return codes[0]


def _status_folder(log: str, name: str | None, token: str) -> str:
    """A folder q beside the logs, above all folders that have the task's number in their names."""
    folder = os.path.dirname(log)
    while name and name in folder:
        folder = os.path.dirname(folder)
    return os.path.join(os.path.abspath(folder), "q", f"{_job_name(log)}.{token}")


def _job_name(log: str) -> str:
    """A name that every scheduler takes: letters, digits and a few signs, no digit first."""
    stem = os.path.basename(log).removesuffix(".log")
    return "s-" + "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in stem)[:40]


def _ranges(numbers: list[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _short(task: Task) -> str:
    return f"job {task.log}" if task.number is None else f"job {task.number} ({task.log})"


def _cancel_all(scheduler: Scheduler, names: set[str]) -> None:
    """The guard's work: more than once, since a submission may have been on its way."""
    for pause in (0.0, 2.0, 5.0):
        time.sleep(pause)
        scheduler.cancel(names)
