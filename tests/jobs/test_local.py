"""Tests of speechlib.jobs.local: limits and the environment of tasks (tests/utils/test_run_py.py runs them)."""

import pytest

from speechlib.jobs import local
from speechlib.jobs.call import parse_call
from speechlib.jobs.local import max_jobs_run, task_environment


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(local.machine, "num_cores", lambda: 8)
    monkeypatch.setattr(local.machine, "memory_bytes", lambda: 16 << 30)


@pytest.mark.parametrize(
    "options, limit",
    [
        ("", 8),
        ("--num-threads 3", 2),
        ("--num-threads 20", 1),
        ("--mem 5G", 3),
        ("--mem 50G", 1),
        ("--mem 0", 8),
        ("--max-jobs-run 30", 30),
        ("--max-jobs-run 3 --num-threads 8", 3),
        ("--gpu 1", 4),
        ("--gpu 3", 1),
        ("--gpu 8", 1),
    ],
)
def test_limits(eight_cores, options, limit):
    call = parse_call([*options.split(), "JOB=1:100", "x.JOB.log", "true"])
    assert max_jobs_run(call, num_gpus=4) == limit


def test_no_more_jobs_than_tasks(eight_cores):
    assert max_jobs_run(parse_call(["JOB=3:4", "x.JOB.log", "true"])) == 2


@pytest.mark.parametrize(
    "words, users, expected",
    [
        ("JOB=1:1 x.JOB.log true", None, "1"),
        ("JOB=1:1 x.JOB.log true", "6", "6"),
        ("--num-threads 3 JOB=1:1 x.JOB.log true", "6", "3"),
        ("--num-threads 3 x.log true", None, "3"),
        ("x.log true", None, None),
        ("x.log true", "6", "6"),
    ],
)
def test_threads(monkeypatch, words, users, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if users:
        monkeypatch.setenv("OMP_NUM_THREADS", users)
    assert task_environment(parse_call(words.split())).get("OMP_NUM_THREADS") == expected
