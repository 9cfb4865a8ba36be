"""Tests of utils/run.py: whole calls, with real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def call(root, tmp_path):
    def run(*words: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, root / "utils/run.py", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
            **options,
        )

    return run


def command_lines() -> str:
    """Command lines of all processes that live."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    return "\n".join(lines)


def wait_for(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_an_array(call, tmp_path):
    done = call("JOB=1:3", "log/x.JOB.log", "printf", "%s\\n", "a b", "it's", "nJOB", "ü", "|", "sort", ">", "out.JOB")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out.2").read_text().splitlines() == ["a b", "it's", "n2", "ü"]
    log = (tmp_path / "log/x.2.log").read_text().splitlines()
    assert log[0].startswith("# printf") and "n2" in log[0] and log[0].endswith("| sort > out.2")
    assert log[1].startswith("# Running on ") and log[2].startswith("# Started at ") and log[3] == "#"
    assert re.fullmatch(r"# Accounting: time=\d+ threads=1 wall=[\d.]+ cpu=[\d.]+ memory=[\d.]+MiB", log[-2])
    assert re.fullmatch(r"# Ended \(code 0\) at .*, elapsed time \d+ seconds", log[-1])


def test_failing_jobs_are_counted_and_the_first_ones_log_is_shown(call, tmp_path):
    job = "for i in {1..12}; do echo line $i; done; exit $(( JOB % 2 ))"
    done = call("JOB=1:5", "log/x.JOB.log", "bash", "-c", job)
    assert done.returncode == 1
    assert "3 of 5 jobs failed (JOB=1, 3, 5); number 1 ended with code 1; its log is log/x.1.log" in done.stderr
    shown = [line.strip() for line in done.stderr.splitlines()[1:]]
    assert shown == [f"line {i}" for i in range(3, 13)]
    assert "# Ended (code 1)" in (tmp_path / "log/x.3.log").read_text()
    assert "# Ended (code 0)" in (tmp_path / "log/x.4.log").read_text()


def test_the_other_jobs_still_run(call, tmp_path):
    done = call("--max-jobs-run", "1", "JOB=1:4", "x.JOB.log", "bash", "-c", "touch ran.JOB; [ JOB != 1 ]")
    assert done.returncode == 1
    assert len(list(tmp_path.glob("ran.*"))) == 4


@pytest.mark.parametrize(
    "words, message",
    [
        (["bash", "-c", "kill -9 $$"], "was killed by SIGKILL (out of memory?)"),
        (["bash", "-c", "kill -SEGV $$"], "was killed by SIGSEGV"),
        (["no-such-command"], "ended with code 127 (command not found)"),
        (["/"], "ended with code 126 (not executable)"),
        (["exit", "3"], "ended with code 3"),
        (["false", "JOB"], "was JOB=1:$nj forgotten"),
    ],
)
def test_the_reason_is_named(call, words, message):
    done = call("x.log", *words)
    assert done.returncode == 1 and message in done.stderr


def test_a_log_that_cannot_be_written(call, tmp_path):
    (tmp_path / "file").touch()
    done = call("file/x.log", "true")
    assert done.returncode == 1 and "write file/x.log: " in done.stderr and "Traceback" not in done.stderr


def test_wrong_calls_and_help(call):
    done = call("JOB=1:", "x.JOB.log", "true")
    assert done.returncode == 1 and done.stderr.startswith("run.py: JOB=1:: expected a range")
    assert call("--help").stdout.startswith("Run a command") and call().returncode == 1


def test_jobs_run_side_by_side_up_to_the_limit(call, tmp_path):
    job = "touch on.JOB; while (($(ls on.* | wc -l) < 3)); do sleep 0.02; done"
    assert call("--max-jobs-run", "3", "JOB=1:3", "x.JOB.log", "bash", "-c", job).returncode == 0  # they met
    job = "touch at.JOB; set -- at.*; echo $#; sleep 0.05; rm at.JOB"
    done = call("--max-jobs-run", "2", "JOB=1:6", "y.JOB.log", "bash", "-c", job)
    counts = [int((tmp_path / f"y.{i}.log").read_text().splitlines()[4]) for i in range(1, 7)]
    assert done.returncode == 0 and max(counts) <= 2


def test_jobs_know_their_threads_and_have_no_input(call, tmp_path):
    job = 'echo "$OMP_NUM_THREADS"; cat'
    done = call("--num-threads", "3", "JOB=1:1", "x.JOB.log", "bash", "-c", job, input="secret\n")
    log = (tmp_path / "x.1.log").read_text()
    assert done.returncode == 0 and "\n3\n" in log and "secret" not in log and "threads=3" in log


def test_cpu_time_and_memory_are_the_jobs(call, tmp_path):
    code = "x = bytearray(200_000_000); sum(range(3_000_000))"
    assert call("x.log", sys.executable, "-c", code).returncode == 0
    match = re.search(r"cpu=([\d.]+) memory=([\d.]+)MiB", (tmp_path / "x.log").read_text())
    assert float(match[1]) > 0.02 and 190 < float(match[2]) < 300


def test_jobs_meet_signals_as_from_a_plain_shell(call, tmp_path):
    assert call("x.log", "yes", "|", "head", "-1").returncode == 0
    assert "Broken pipe" not in (tmp_path / "x.log").read_text()


def test_a_script_longer_than_an_argument_may_be(call, tmp_path):
    words = ["x" * 100_000, "y" * 100_000]
    assert call("x.log", "printf", "%s", *words, "|", "wc", "-c").returncode == 0
    assert (tmp_path / "x.log").read_text().splitlines()[4] == "200000"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_no_job_behind(root, tmp_path, number):
    mark = f"31{os.getpid()}"
    run = subprocess.Popen(
        [sys.executable, root / "utils/run.py", "--max-jobs-run", "2", "JOB=1:4", "x.JOB.log"]
        + ["bash", "-c", f"sleep {mark} & sleep {mark}; wait"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )
    try:
        assert wait_for(lambda: command_lines().count(f"\nsleep {mark}") >= 4)
        run.send_signal(number)
        assert run.wait(15) == -number
        assert f"interrupted by {number.name}" in run.stderr.read()
        assert wait_for(lambda: f"sleep {mark}" not in command_lines())  # killed, but maybe not yet reaped
        assert "# Interrupted by" in (tmp_path / "x.1.log").read_text()
        assert not (tmp_path / "x.3.log").exists()
    finally:
        run.kill()


def test_a_stubborn_job_is_killed(root, tmp_path):
    mark = f"32{os.getpid()}"
    job = f"trap '' TERM; touch up; while :; do sleep 0.{mark}; done"
    run = subprocess.Popen(
        [sys.executable, root / "utils/run.py", "x.log", "bash", "-c", job],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    assert wait_for((tmp_path / "up").exists)
    run.terminate()
    assert run.wait(20) == -signal.SIGTERM
    assert wait_for(lambda: mark not in command_lines())  # killed, but maybe not yet gone


def test_a_killed_dispatcher_leaves_no_job_behind(root, tmp_path):
    mark = f"33{os.getpid()}"
    run = subprocess.Popen([sys.executable, root / "utils/run.py", "JOB=1:2", "x.JOB.log", "sleep", mark], cwd=tmp_path)
    assert wait_for(lambda: f"\nsleep {mark}" in command_lines())
    run.kill()
    run.wait()
    assert wait_for(lambda: f"sleep {mark}" not in command_lines())


def test_a_call_within_a_job_is_stopped_with_it(root, tmp_path):
    mark = f"34{os.getpid()}"
    script = str(root / "utils/run.py")
    run = subprocess.Popen(
        [sys.executable, script, "out.log", sys.executable, script, "JOB=1:2", "in.JOB.log", "sleep", mark],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    assert wait_for(lambda: f"\nsleep {mark}" in command_lines())
    run.terminate()
    run.wait(15)
    assert wait_for(lambda: f"sleep {mark}" not in command_lines())


def test_it_starts_fast(root, tmp_path):
    def cpu_seconds(*words):
        began = os.times()
        subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
        ended = os.times()
        return ended.children_user + ended.children_system - began.children_user - began.children_system

    python = min(cpu_seconds("-c", "pass") for _ in range(5))
    ours = min(cpu_seconds(root / "utils/run.py", "--help") for _ in range(5))
    assert ours - python < 0.06  # beyond the interpreter's own start; on an idle machine it takes 0.02 s
