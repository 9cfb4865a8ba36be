"""Tests of speechlib.jobs.cluster with a scheduler that starts its jobs here, and fails as schedulers do."""

import os
import subprocess
import time

import pytest

from speechlib.jobs import cluster as module
from speechlib.jobs.call import CallError, parse_call
from speechlib.jobs.cluster import Found, run_on_cluster
from speechlib.jobs.grid_engine import GridEngine
from speechlib.jobs.on_node import task_number


class Scheduler:
    """Runs each task as a process; some it loses, and of some it forgets what became of them."""

    def __init__(self, max_array=1000, lose=(), forget=(), deaf=()) -> None:
        self.max_array = max_array
        self.lose, self.forget, self.deaf = list(lose), list(forget), list(deaf)
        self.arrays: list[int] = []
        self.polls: list[float] = []
        self.jobs: dict[str, dict[int, subprocess.Popen | Found]] = {}

    script = GridEngine.script

    def submit(self, call, script, name, num_tasks, is_array):
        job = str(len(self.jobs) + 1)
        self.arrays.append(num_tasks)
        self.jobs[job] = {}
        for index in range(1, num_tasks + 1):
            if self.lose and self.lose.pop(0):
                self.jobs[job][index] = Found("ended", "lost its node", 1, True)
                continue
            environment = {**os.environ, "SGE_TASK_ID": str(index) if is_array else "undefined"}
            task = subprocess.Popen(["bash"], stdin=subprocess.PIPE, env=environment)
            task.stdin.write(script.encode())
            task.stdin.close()
            self.jobs[job][index] = task
        return job

    @staticmethod
    def _runs(task):
        return isinstance(task, subprocess.Popen) and task.poll() is None

    def poll(self, names):
        self.polls.append(time.monotonic())
        if self.deaf and self.deaf.pop(0):
            return None
        return {
            job: {index: Found("runs") for index, task in tasks.items() if self._runs(task)}
            for job, tasks in self.jobs.items()
        }

    def explain(self, job):
        return {
            index: task if isinstance(task, Found) else Found("ended", "", task.wait())
            for index, task in self.jobs[job].items()
            if not self._runs(task) and (job, index) not in self.forget
        }

    def cancel(self, names):
        for tasks in self.jobs.values():
            for task in tasks.values():
                if self._runs(task):
                    task.terminate()


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_POLL", (0.1, 0.1))
    monkeypatch.setattr(module, "_SILENCE", 0.5)
    monkeypatch.chdir(tmp_path)


def run(scheduler, *words):
    return run_on_cluster(scheduler, parse_call(list(words)), lambda *_: None, 60.0)


def test_an_array_is_split_and_renumbered(tmp_path):
    scheduler = Scheduler(max_array=3)
    outcomes = run(scheduler, "JOB=4:10", "log/x.JOB.log", "bash", "-c", "echo JOB >out.JOB; exit $((JOB == 9))")
    assert scheduler.arrays == [3, 3, 1]
    assert [(outcome.task.number, outcome.code) for outcome in outcomes] == [(n, int(n == 9)) for n in range(4, 11)]
    assert {(tmp_path / f"out.{n}").read_text() for n in range(4, 11)} == {f"{n}\n" for n in range(4, 11)}
    assert not (tmp_path / "log/q").exists()


def test_arrays_follow_each_other_where_a_limit_holds(tmp_path):
    scheduler = Scheduler(max_array=2)
    job = "touch at.JOB; set -- at.*; echo $# >seen.JOB; sleep 0.2; rm at.JOB"
    run(scheduler, "--max-jobs-run", "2", "JOB=1:6", "x.JOB.log", "bash", "-c", job)
    assert scheduler.arrays == [2, 2, 2]
    assert max(int((tmp_path / f"seen.{number}").read_text()) for number in range(1, 7)) <= 2


def test_lost_tasks_are_submitted_again_as_often_as_asked_for(capsys):
    scheduler = Scheduler(lose=[True, False, True, True])  # 1 and 3 of the first array, then 1 again
    outcomes = run(scheduler, "--retries", "2", "JOB=1:3", "x.JOB.log", "true")
    assert [outcome.code for outcome in outcomes] == [0, 0, 0] and scheduler.arrays[0] == 3
    assert sum(scheduler.arrays) == 6 and capsys.readouterr().err.count("lost its node: submitted again") == 3
    outcomes = run(Scheduler(lose=[True, True]), "--retries", "1", "x.log", "true")
    assert (outcomes[0].code, outcomes[0].problem) == (1, "lost its node")


def test_tasks_of_which_nothing_is_known():
    """One vanished before it said anything; another's word is lost, but the scheduler knows its end."""
    scheduler = Scheduler(forget=[("1", 1)])
    outcomes = run(scheduler, "JOB=1:2", "x.JOB.log", "bash", "-c", "rm -rf q; exit $((JOB - 1))")
    assert outcomes[0].code == 1 and outcomes[0].problem == "vanished from the scheduler without a trace"
    assert outcomes[1].code == 1 and outcomes[1].problem == ""


def test_a_word_that_is_lost_does_not_undo_a_success():
    outcomes = run(Scheduler(), "x.log", "rm", "-rf", "q")
    assert outcomes[0].code == 0


def test_a_scheduler_that_does_not_answer_is_waited_for():
    scheduler = Scheduler(deaf=[True] * 3)
    assert run(scheduler, "x.log", "bash", "-c", "kill -9 $$")[0].code == 137
    assert len(scheduler.polls) >= 4


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CallError, match="cannot make the folder file/log: Not a directory"):
        run(Scheduler(), "file/log/x.log", "true")


def test_task_numbers():
    assert [task_number([[3, 4], [7, 7]], index) for index in (1, 2, 3)] == [3, 4, 7]
    with pytest.raises(ValueError):
        task_number([[3, 4]], 3)
