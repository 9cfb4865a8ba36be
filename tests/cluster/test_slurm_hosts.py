"""utils/slurm.py on a Slurm of two hosts, each in a network namespace: nodes that vanish, tasks on several nodes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from speechlib.io.tables import open_table
from tests.cluster.behaviour import wait_for
from tests.cluster.slurm_cluster import SlurmCluster, missing, missing_namespaces


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


TRAIN = """. ./path.sh
steps/train_nnet.sh --cmd "$1" --config conf.yaml --num-threads 1 --device cpu --num-nodes "$2" \\
  --override "$3" data "$4"
"""
CONFIG = """
model: {name: shon_cnn, channels: [6, 6, 6, 8], fc1: 8, fc2: 6, batch_norm: false}
frontend: {cmn: none, vad: false}
crops: {frames: 24}
held_out: {share: 0}
training: {num_updates: 400, optimizer: sgd, learning_rate: 0.001, log_every: 2, tensorboard: false}
"""


def test_training_on_two_hosts(root, cluster, tmp_path):
    """Weights are those of one process with twice the batch, also when a warning ends the job on the way."""
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "path.sh").write_text(f"export PATH={Path(sys.executable).parent}:$PATH PYTHONPATH={root} LC_ALL=C\n")
    (tmp_path / "conf.yaml").write_text(CONFIG)
    utt2spk = {f"s{speaker}-{k}": f"s{speaker}" for speaker in range(3) for k in range(4)}
    (tmp_path / "data/utt2spk").write_text("".join(f"{utt} {spk}\n" for utt, spk in utt2spk.items()))
    with open_table(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/data/feats.scp") as writer:
        for utterance in utt2spk:
            writer.write(utterance, rng.normal(size=(50, 5)).astype(np.float32))

    def train(cmd: str, num_nodes: int, batch_size: int, exp: str) -> subprocess.Popen:
        words = ["bash", "-c", TRAIN, "bash", cmd, str(num_nodes), f"training.batch_size={batch_size}", exp]
        return subprocess.Popen(
            words, cwd=tmp_path, env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    run = train("utils/slurm.py --mem 2G --time 10:00 --requeue 60", 2, 6, "two")
    curve, log = tmp_path / "two/train.log", tmp_path / "two/log/train.log"
    assert wait_for(lambda: run.poll() or curve.exists() and len(curve.read_text().splitlines()) > 1, 120)
    assert run.poll() is None, run.communicate()[0]
    first = cluster.command("squeue", "-h", "-o", "%i").split()[0]
    cluster.command("scancel", "--batch", "--signal=USR1", first)  # as Slurm does a minute before the limit
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 0, said
    assert (tmp_path / "two/log/train.node1.log").exists() and "from the checkpoint" in log.read_text()
    alone = train("utils/run.py", 1, 12, "one")
    said, _ = alone.communicate(timeout=200)
    assert alone.returncode == 0, said
    two, one = (torch.load(tmp_path / exp / "model.pt", weights_only=True) for exp in ("two", "one"))
    assert two.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)


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
