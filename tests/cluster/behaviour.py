"""What every dispatcher of a cluster does alike; test_slurm.py and test_grid_engine.py run it on real ones."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from speechlib.jobs.job_records import read_jobs


def wait_for(condition, seconds=30.0):
    """Wait until a condition holds; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class Cluster:
    """A cluster that is up, as these tests see it.

    Attributes:
        dispatcher: utils/slurm.py or utils/queue.py.
        cluster: its daemons.
        environment: variables for it.
        status_command: the name of the program that it polls with.
        impossible: options that no node can fulfil.
        cancelled: words that tell a cancelled task from a failed one.
    """

    status_command: str
    impossible: tuple[str, ...]
    cancelled: str

    def __init__(self, dispatcher: Path, cluster: Any) -> None:
        self.dispatcher = dispatcher
        self.cluster = cluster
        self.environment: dict[str, str] = cluster.environment

    def queued(self) -> str:
        """The scheduler's list of jobs that wait or run; empty if there are none."""
        raise NotImplementedError

    def cancel_all(self) -> None:
        """Cancel all jobs, as another user of the command line might."""
        raise NotImplementedError

    def start(self, folder: Path, *words: object, **variables: str) -> subprocess.Popen:
        """Start a call of the dispatcher."""
        return subprocess.Popen(
            [sys.executable, self.dispatcher, *map(str, words)], cwd=folder, env={**self.environment, **variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def call(self, folder: Path, *words: object, **variables: str) -> tuple[int, str]:
        """Run a call of the dispatcher; returns its status and what it said."""
        run = self.start(folder, *words, **variables)
        output, error = run.communicate(timeout=120)
        return run.returncode, output + error


class Behaviour:
    """Tests for a fixture `cluster`, whose folder for each test has a name that quoting must survive."""

    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        folder = tmp_path / "it's a $HOME, ü \"x\" [1]"
        folder.mkdir()
        return folder

    def test_words_and_paths_arrive_unchanged(self, cluster, folder):
        words = ["a b", "it's", 'say "hi"', "a|b", "$HOME", "`id`", "*", "ü", "", "\\", "#x", "<unk>", "a\nb", "n-JOB"]
        to = (">", "out JOB.txt")
        done = cluster.call(folder, "JOB=3:5", "log dir/ü.JOB.log", "printf", "%s,", *words, "|", "cat", *to)
        assert done == (0, "")
        for number in (3, 4, 5):
            expected = "".join(f"{word},".replace("JOB", str(number)) for word in words)
            assert (folder / f"out {number}.txt").read_text() == expected
        log = (folder / "log dir/ü.4.log").read_text().splitlines()
        assert log[0].startswith("# printf %s,") and re.fullmatch(r"# Ended \(code 0\) at .*", log[-1])
        assert sorted(path.name for path in (folder / "log dir").iterdir()) == [f"ü.{n}.log" for n in (3, 4, 5)]

    def test_the_environment_arrives_and_a_scheduler_s_does_not(self, cluster, folder):
        script = 'printf "%s|" "$SPEECHLIB_T" "$OMP_NUM_THREADS" "$SPEECHLIB_JOB_RECORDS" "${SLURM_JOB_NAME-}"; pwd'
        variables = {"SPEECHLIB_T": "two\nlines 'ü'", "SLURM_JOB_NAME": "outer", "BASH_FUNC_f%%": "() { echo f\n}"}
        records = str(folder / "records")
        Path(records).touch()
        done = cluster.call(
            folder, "--num-threads", 2, "x.log", "bash", "-c", script, **variables, SPEECHLIB_JOB_RECORDS=records
        )
        assert done == (0, "")
        said = (folder / "x.log").read_text().split("#\n", 1)[1]
        first, threads, inner, name = said.split("|")[:4]
        assert (first, threads, inner) == ("two\nlines 'ü'", "2", "") and name != "outer" and str(folder) in said
        (job,) = read_jobs(records)
        assert (job.log, job.code, job.threads, job.is_child) == ("x.log", 0, 2, False)
        assert job.wall < 60 and job.cpu > 0 and job.peak > 1 << 20

    def test_kaldi_s_own_ways_of_calling(self, cluster, folder):
        done = cluster.call(folder, "-tc", 2, "J=1:2", "x.J.log", "echo", "--srand=$[J+1]", "\\", "|", "cat", ">out.J")
        assert done[0] == 0 and (folder / "out.2").read_text() == "--srand=3 \\\n"

    def test_under_kaldi_s_name_bash_expands_words(self, cluster, folder):
        words = [cluster.dispatcher.with_suffix(".pl"), "x.log", "echo", r"\<a\>", "it's $F", ">", "out"]
        subprocess.run([sys.executable, *words], cwd=folder, env={**cluster.environment, "F": "f"}, check=True)
        assert (folder / "out").read_text() == "<a> it's f\n"

    def test_failures_are_told_with_the_log(self, cluster, folder):
        script = "echo this is JOB; exit $(( JOB % 2 * 7 ))"
        code, said = cluster.call(folder, "JOB=1:4", "x.JOB.log", "bash", "-c", script)
        assert code == 1 and "2 of 4 jobs failed (JOB=1, 3); number 1 ended with code 7; its log is x.1.log" in said
        assert "    this is 1\n" in said

    def test_a_killed_task(self, cluster, folder):
        code, said = cluster.call(folder, "--retries", 2, "x.log", "bash", "-c", "echo once >>runs; kill -9 $$")
        assert code == 1 and "was killed by SIGKILL (out of memory?)" in said
        assert (folder / "runs").read_text() == "once\n"  # no node was lost: it is not tried again

    def test_a_killed_node_process(self, cluster, folder):
        """The program that watches a task on its node is killed: so is the task, and the scheduler knows."""
        script = "echo $PPID >pid; sleep 71.5"
        run = cluster.start(folder, "x.log", "bash", "-c", script)
        assert wait_for(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
        shell = int((folder / "pid").read_text())  # the job's bash, below the watching program
        watcher = int(re.search(r"PPid:\s*(\d+)", Path(f"/proc/{shell}/status").read_text())[1])
        os.kill(watcher, signal.SIGKILL)
        assert run.wait(60) == 1
        assert wait_for(lambda: b"sleep\x0071.5" not in _command_lines())

    def test_cancelled_by_somebody(self, cluster, folder):
        run = cluster.start(folder, "JOB=1:2", "x.JOB.log", "sleep", 72.5)
        assert wait_for(lambda: (folder / "x.2.log").exists())
        cluster.cancel_all()
        _, said = run.communicate(timeout=60)
        assert run.returncode == 1 and "2 of 2 jobs failed (JOB=1, 2); number 1 was " in said
        assert cluster.cancelled in said
        assert wait_for(lambda: b"sleep\x0072.5" not in _command_lines())

    def test_a_refused_submission(self, cluster, folder):
        code, said = cluster.call(folder, *cluster.impossible, "x.log", "true")
        assert code == 1 and "refused x.log: " in said and len(said.split("refused x.log: ")[1]) > 20
        assert not cluster.queued() and not (folder / "x.log").exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_leaves_no_job_behind(self, cluster, folder, number):
        run = cluster.start(folder, "--max-jobs-run", 2, "JOB=1:6", "log/x.JOB.log", "sleep", 73.5)
        assert wait_for(lambda: (folder / "log/x.2.log").exists())
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
        assert run.returncode == -number and f"interrupted by {number.name}" in said
        assert not cluster.queued() and not (folder / "log/q").exists()
        assert wait_for(lambda: b"sleep\x0073.5" not in _command_lines())
        assert not (folder / "log/x.3.log").exists()

    def test_a_killed_dispatcher_leaves_no_job_behind(self, cluster, folder):
        run = cluster.start(folder, "JOB=1:2", "x.JOB.log", "sleep", 74.5)
        assert wait_for(lambda: (folder / "x.1.log").exists())
        run.kill()
        run.wait()
        assert wait_for(lambda: not cluster.queued() and b"sleep\x0074.5" not in _command_lines())

    def test_no_storm_of_status_calls(self, cluster, folder):
        """Twenty tasks for some seconds: no more calls than seconds."""
        real = shutil.which(cluster.status_command)
        (folder / "bin").mkdir()
        shim = folder / "bin" / cluster.status_command
        shim.write_text(f'#!/bin/sh\ndate +%s >>"$CALLS"\nexec {real} "$@"\n')
        shim.chmod(0o755)
        path = f"{folder}/bin:{cluster.environment['PATH']}"
        began = time.monotonic()
        done = cluster.call(folder, "JOB=1:20", "x.JOB.log", "sleep", 0.7, PATH=path, CALLS=str(folder / "calls"))
        assert done == (0, "")
        calls = len((folder / "calls").read_text().split())
        assert 1 <= calls <= time.monotonic() - began

    def test_max_jobs_run(self, cluster, folder):
        job = "touch at.JOB; set -- at.*; echo $#; sleep 0.5; rm at.JOB"
        assert cluster.call(folder, "--max-jobs-run", 2, "JOB=1:5", "x.JOB.log", "bash", "-c", job) == (0, "")
        counts = [int((folder / f"x.{n}.log").read_text().split("#\n", 1)[1].split()[0]) for n in range(1, 6)]
        assert max(counts) <= 2

    def test_a_warned_task_is_run_again(self, cluster, folder):
        """SIGUSR1 comes before the limit; the task ends with 75 and goes on from its checkpoint in another job."""
        script = """
trap 'echo half >checkpoint; exit 75' USR1
if [ -e checkpoint ]; then echo "after $(cat checkpoint)"; exit 0; fi
for i in $(seq 300); do sleep 0.2; done
"""
        done = cluster.call(folder, "--time", "0:01:00", "--requeue", 58, "x.log", "bash", "-c", script)
        assert done == (0, "") and "after half" in (folder / "x.log").read_text()

    def test_a_command_that_asks_to_be_run_again_without_a_warning_has_failed(self, cluster, folder):
        options = ("--time", "10:00", "--requeue", 30)
        code, said = cluster.call(folder, *options, "x.log", "bash", "-c", "echo >>runs; exit 75")
        assert code == 1 and "ended with code 75" in said and (folder / "runs").read_text() == "\n"

    def test_a_folder_that_cannot_be_written(self, cluster, folder):
        (folder / "file").write_text("")
        code, said = cluster.call(folder, "JOB=1:2", "file/x.JOB.log", "true")
        assert code == 1 and "file" in said and "Traceback" not in said

    def test_site_options(self, cluster, folder):
        (folder / "site.conf").write_text("option what=loud  --no-such-option-of-theirs\n")
        code, said = cluster.call(folder, "--config", "site.conf", "--what", "loud", "x.log", "true")
        assert code == 1 and "refused x.log" in said
        code, said = cluster.call(folder, "--config", "site.conf", "--waht", "loud", "x.log", "true")
        assert code == 1 and "unknown option --waht; did you mean --what?" in said


def _command_lines() -> bytes:
    lines = b""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines += (process / "cmdline").read_bytes() + b"\n"
        except OSError:
            pass
    return lines
