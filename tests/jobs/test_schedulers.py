"""Tests of speechlib.jobs.slurm and grid_engine: what their commands print, and how they are called."""

import os
import sys
from pathlib import Path

import pytest

from speechlib.jobs.call import CallError, parse_call
from speechlib.jobs.cluster import Found, run_on_cluster
from speechlib.jobs.grid_engine import GridEngine, parse_qacct, parse_qstat
from speechlib.jobs.outcome import Refused
from speechlib.jobs.slurm import Slurm, parse_records, parse_sacct, parse_squeue


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stands in for a scheduler's programs with scripts; returns a function that makes one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    def make(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\n" "$*" >>{tmp_path}/{name}.calls\n{script}\n')
        path.chmod(0o755)
        return tmp_path / f"{name}.calls"

    return make


def test_squeue():
    text = (
        "12_[3-5,8%2]|PENDING|Resources\n12_1|RUNNING|None\n12_2|COMPLETED|None\n13|TIMEOUT|TimeLimit\n"
        "14|NODE_FAIL|None\n15|PENDING|BadConstraints\n16|CANCELLED|None\n17|COMPLETING|None\n"
    )
    jobs = parse_squeue(text)
    assert {index: found.state for index, found in jobs["12"].items()} == {
        1: "runs", 2: "ended", 3: "waits", 4: "waits", 5: "waits", 8: "waits"
    }  # fmt: skip
    assert jobs["12"][3].why == "Resources" and jobs["12"][2] == Found("ended", "", 0)
    assert jobs["13"][1] == Found("ended", "ran out of its time", 143)
    assert jobs["14"][1].is_cluster_fault and not jobs["16"][1].is_cluster_fault
    assert jobs["15"][1].state == "ended" and "BadConstraints" in jobs["15"][1].why
    assert jobs["17"][1].state == "runs"


def test_scontrol_and_sacct():
    text = (
        "JobId=20 ArrayJobId=20 ArrayTaskId=2 JobName=a JobState=FAILED Reason=NonZeroExitCode ExitCode=3:0\n"
        "JobId=21 ArrayJobId=20 ArrayTaskId=4-5 JobState=CANCELLED Reason=None ExitCode=0:15\n"
    )
    found = parse_records(text)
    assert found[2] == Found("ended", "", 3) and found[4] == found[5] == Found("ended", "was cancelled", 143)
    found = parse_sacct("20_1|COMPLETED|0:0\n20_2|CANCELLED by 0|0:9\n20_3|OUT_OF_MEMORY|0:125\n")
    assert found[1] == Found("ended", "", 0) and found[2].why == "was cancelled" and found[2].code == 137
    assert found[3].why == "ran out of its memory"
    assert parse_sacct("20|FAILED|7:0\n") == {1: Found("ended", "", 7)}


def test_qstat():
    def entry(job, name, state, tasks=""):
        return (
            f'<job_list state="x"><JB_job_number>{job}</JB_job_number><JB_name>{name}</JB_name>'
            f"<state>{state}</state><tasks>{tasks}</tasks></job_list>\n"
        )

    text = entry(7, "mine", "r", 1) + entry(7, "mine", "qw", "2-4:1,9")
    text += entry(8, "other", "r") + entry(9, "mine", "Eqw")
    jobs = parse_qstat(text, {"mine"})
    assert {index: found.state for index, found in jobs["7"].items()} == {
        1: "runs", 2: "waits", 3: "waits", 4: "waits", 9: "waits"
    }  # fmt: skip
    assert "8" not in jobs and jobs["9"][1].state == "ended"


def test_qacct():
    record = "{rule}\njobnumber 7\ntaskid {task}\nfailed {failed}\nexit_status {code}\n"
    rule = "=" * 62
    text = record.format(rule=rule, task=2, failed="0", code="5")
    text += record.format(rule=rule, task=3, failed="37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", code="137")
    text += record.format(rule=rule, task=4, failed="100 : assumedly after job", code="137                  (Killed)")
    text += record.format(rule=rule, task=5, failed="21  : in recognizing job", code="0")
    found = parse_qacct(text)
    assert found[2] == Found("ended", "", 5) and "ran out of its time" in found[3].why
    assert found[4] == Found("ended", "was killed", 137) and found[5].is_cluster_fault
    assert parse_qacct(record.format(rule=rule, task="undefined", failed="0", code="1")) == {1: Found("ended", "", 1)}


def test_sbatch_is_called_with_what_was_asked_for(programs, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "outer")
    calls = programs("sbatch", 'cat >script; echo "$SLURM_JOB_ID" >outer; echo "77;cluster"')
    programs("scontrol", "echo 'MaxArraySize            = 101'")
    words = "--mem 1500M --num-threads 2 --gpu 1 --time 26:00:00 --max-jobs-run 3 -p fast JOB=1:9 x.JOB.log true"
    call = parse_call(words.split())
    slurm = Slurm(call)
    assert slurm.max_array == 100
    assert slurm.submit(call, "#!/bin/bash\n", "name", 9, True) == "77"
    assert calls.read_text() == (
        "--mem 1500M --time 26:00:00 --cpus-per-task 2 --gres gpu:1 -p fast --parsable --job-name name "
        "--output /dev/null --error /dev/null --no-requeue --array 1-9%3\n"
    )
    assert Path("script").read_text() == "#!/bin/bash\n" and Path("outer").read_text() == "\n"


def test_nothing_of_a_resource_is_an_option_of_its_own(programs):
    Path("conf").mkdir()
    Path("conf/slurm.conf").write_text("command sbatch\noption gpu=0 -p cpu\ndefault gpu=0\n")
    calls = programs("sbatch", "echo 1")
    for words in ("--gpu 0 --mem 0 x.log true", "x.log true", "--gpu 2 --mem 1G x.log true"):
        call = parse_call(words.split())
        try:
            Slurm(call).submit(call, "", "name", 1, False)
        except CallError as error:
            assert "--gpu 2: expected one of 0" in str(error)
    assert [line.partition(" --parsable")[0] for line in calls.read_text().splitlines()] == ["-p cpu", "-p cpu"]


def test_a_busy_scheduler_is_asked_again(programs, monkeypatch, capsys):
    monkeypatch.setattr("speechlib.jobs.commands._WAITS", (0.01, 0.01))
    programs("squeue", "true")
    busy = 'echo "Socket timed out" >&2; exit 1'
    calls = programs("sbatch", f"[ $(wc -l <sbatch.calls) -ge 3 ] && echo 5 && exit; {busy}")
    call = parse_call(["x.log", "true"])
    assert Slurm(call).submit(call, "", "name", 1, False) == "5"
    assert len(calls.read_text().splitlines()) == 3 and capsys.readouterr().err.count("Socket timed out") == 2


def test_a_submission_that_arrived_after_all_is_not_repeated(programs, monkeypatch):
    monkeypatch.setattr("speechlib.jobs.commands._WAITS", (0.01, 0.01))
    programs("squeue", "echo '8|PENDING|None'")
    calls = programs("sbatch", 'echo "Socket timed out" >&2; exit 1')
    call = parse_call(["x.log", "true"])
    assert Slurm(call).submit(call, "", "name", 1, False) == "8" and len(calls.read_text().splitlines()) == 1


def test_a_scheduler_that_says_no_is_believed(programs):
    calls = programs("sbatch", 'echo "error: invalid partition" >&2; exit 1')
    call = parse_call(["x.log", "true"])
    with pytest.raises(Refused, match="sbatch refused x.log: error: invalid partition"):
        Slurm(call).submit(call, "", "name", 1, False)
    assert len(calls.read_text().splitlines()) == 1
    programs("qsub", 'echo "Unable to run job: unknown queue" >&2; exit 1')
    with pytest.raises(Refused, match="qsub refused x.log: Unable to run job"):
        GridEngine(call).submit(call, "", "name", 1, False)


@pytest.mark.parametrize("said, is_cancelled", [("invalid partition", False), ("Socket timed out", True)])
def test_what_was_refused_is_not_cancelled(programs, monkeypatch, said, is_cancelled):
    """But a scheduler that could not answer may have taken it."""
    monkeypatch.setattr("speechlib.jobs.commands._WAITS", ())
    programs("sbatch", f'echo "{said}" >&2; exit 1')
    polls, cancels = programs("squeue", ""), programs("scancel", "")
    call = parse_call(["log/x.log", "true"])
    with pytest.raises(Refused, match=said):
        run_on_cluster(Slurm(call), call, lambda *_: None, 60.0)
    assert polls.exists() == cancels.exists() == is_cancelled and not Path("log/q").exists()


def test_no_scheduler_here(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    call = parse_call(["x.log", "true"])
    with pytest.raises(Refused, match="is this a host that can submit jobs[?]"):
        Slurm(call).submit(call, "", "name", 1, False)


def test_qsub_is_called_with_what_was_asked_for(programs):
    calls = programs("qsub", "cat >script; echo 78.1-9:1")
    programs("qconf", "echo 'max_aj_tasks                 50'")
    words = "--mem 2G --num-threads 2 --time 1:00:00 --requeue 60 --max-jobs-run 3 -sync y -l arch=x JOB=1:9"
    call = parse_call([*words.split(), "x.JOB.log", "true"])
    engine = GridEngine(call)
    assert engine.max_array == 50 and engine.submit(call, "script", "name", 9, True) == "78"
    assert calls.read_text() == (
        "-l mem_free=2048M -l h_rt=1:00:00 -l s_rt=0:59:00 -pe smp 2 -l arch=x -terse -S /bin/bash -N name "
        "-o /dev/null -j y -r n -t 1-9 -tc 3\n"
    )


def test_grid_engine_runs_a_task_on_one_host():
    with pytest.raises(CallError, match="--num-nodes 2: .*utils/slurm.py"):
        GridEngine(parse_call(["--num-nodes", "2", "x.log", "true"]))


def test_scripts_of_several_nodes_start_one_command_on_each(programs):
    script = Slurm(parse_call(["x.log", "true"])).script(parse_call(["--num-nodes", "3", "x.log", "true"]), "{}", "/q")
    assert "srun --kill-on-bad-exit=1 --nodes=3 --ntasks-per-node=1" in script and sys.executable in script
