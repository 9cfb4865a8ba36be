"""utils/slurm.py on a Slurm of two hosts, each in a network namespace: nodes that vanish, tasks on several nodes."""

import subprocess
import sys

import pytest
from behaviour import wait_for
from slurm_cluster import SlurmCluster, missing, missing_namespaces


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = missing() or missing_namespaces()
    if reason:
        pytest.skip(reason)
    cluster = SlurmCluster(tmp_path_factory.mktemp("hosts") / "s", num_hosts=2, cpus=4)
    yield cluster
    cluster.stop()


@pytest.fixture
def start(root, cluster, tmp_path):
    def start(*words) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, root / "utils/slurm.py", *map(str, words)], cwd=tmp_path, env=cluster.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


SCRIPT = "hostname >>ran.JOB; if [ JOB -le 6 ]; then sleep 6; fi; echo JOB >out.JOB"


def test_a_command_runs_on_each_node(start, tmp_path):
    script = "env | grep ^SPEECHLIB_N; echo $SPEECHLIB_MASTER on $(hostname)"
    run = start("--num-nodes", 2, "x.log", "bash", "-c", script)
    assert run.wait(60) == 0
    for rank, log in enumerate(("x.log", "x.node1.log")):
        text = (tmp_path / log).read_text()
        assert f"SPEECHLIB_NODE_RANK={rank}\n" in text and "SPEECHLIB_NUM_NODES=2\n" in text
        assert "host0:2" in text and f" on host{rank}\n" in text


def test_the_log_of_the_node_that_failed_is_shown(start):
    script = "[ $SPEECHLIB_NODE_RANK = 0 ] && sleep 60; echo no luck; exit 3"
    run = start("--num-nodes", 2, "x.log", "bash", "-c", script)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1 and "ended with code 3; its log is x.node1.log" in said and "    no luck\n" in said


def test_a_warning_reaches_all_nodes(start, tmp_path):
    script = """
trap 'echo half >checkpoint.$SPEECHLIB_NODE_RANK; exit 75' USR1
if [ -e checkpoint.$SPEECHLIB_NODE_RANK ]; then exit 0; fi
for i in $(seq 300); do sleep 0.2; done
"""
    run = start("--num-nodes", 2, "--time", "0:01:00", "--requeue", 58, "x.log", "bash", "-c", script)
    _, said = run.communicate(timeout=90)
    assert (run.returncode, said) == (0, "")
    assert sorted(path.name for path in tmp_path.glob("checkpoint.*")) == ["checkpoint.0", "checkpoint.1"]


def test_a_node_that_vanishes(cluster, start, tmp_path):
    """Its tasks are run again where that was asked for, nothing is lost, and nothing done is done again."""
    script = "hostname >>other.JOB; sleep 12; echo JOB >done.JOB"
    other = start("-w", "host1", "JOB=1:2", "log/other.JOB.log", "bash", "-c", script)
    assert wait_for(lambda: all((tmp_path / f"other.{number}").exists() for number in (1, 2)))
    run = start("--retries", 1, "JOB=1:8", "log/x.JOB.log", "bash", "-c", SCRIPT)
    assert wait_for(lambda: all((tmp_path / f"ran.{number}").exists() for number in range(1, 7)))
    lost = [path.name for path in tmp_path.glob("ran.*") if path.read_text() == "host1\n"]
    cluster.lose_node("host1")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0 and said.count("lost its node: submitted again") == len(lost) == 2
    assert sorted(int(path.read_text()) for path in tmp_path.glob("out.*")) == list(range(1, 9))
    for path in tmp_path.glob("ran.*"):
        assert path.read_text() == ("host1\nhost0\n" if path.name in lost else "host0\n")

    _, said = other.communicate(timeout=120)  # without --retries it is reported
    assert other.returncode == 1 and not list(tmp_path.glob("done.*"))
    assert "2 of 2 jobs failed (JOB=1, 2); number 1 lost its node; its log is log/other.1.log" in said
    cluster.regain_node("host1")
