"""steps/train_nnet.sh: options, several processes and nodes, signals, a process that is killed, messages."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml

from speechlib.io.checkpoints import load_state
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table

CONFIG = """
model: {name: shon_cnn, channels: [6, 6, 6, 8], fc1: 8, fc2: 6, batch_norm: false}
frontend: {cmn: none, vad: false}
crops: {frames: 24}
held_out: {share: 0}
training: {batch_size: 12, num_updates: 300, optimizer: sgd, learning_rate: 0.001, log_every: 2, tensorboard: false}
"""
UPDATES = 300
TRAIN = "steps/train_nnet.sh --config conf.yaml --num-threads 1 --device cpu --seed 3"
TWO = f"{TRAIN} --override training.batch_size=6"


@pytest.fixture(scope="module")
def recipe(root, tmp_path_factory):
    """A recipe directory with links to steps and utils, and a small data directory."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    (folder / "conf.yaml").write_text(CONFIG)
    rng = np.random.default_rng(0)
    data = folder / "data" / "train"
    data.mkdir(parents=True)
    utt2spk = {f"s{speaker}-{k}": f"s{speaker}" for speaker in range(3) for k in range(4)}
    write_map(data / "utt2spk", utt2spk)
    with open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as writer:
        for utterance in utt2spk:
            writer.write(utterance, rng.normal(size=(rng.integers(30, 60), 5)).astype(np.float32))
    return folder


def start(recipe, root, command: str) -> subprocess.Popen:
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "LC_ALL": "C"}
    return subprocess.Popen(["bash", "-c", command], cwd=recipe, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)  # fmt: skip


def finish(process: subprocess.Popen) -> tuple[int, str]:
    output = process.communicate(timeout=120)[0]
    return process.returncode, output


def bash(recipe, root, command: str) -> tuple[int, str]:
    return finish(start(recipe, root, command))


def processes(module: str, *words: str, rank: int | None = None) -> list[int]:
    """Python processes of a module whose arguments have some words, and whose environment a rank."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            variables = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            if arguments[1:3] == ["-m", f"speechlib.bin.{module}"] and {*words} <= {*arguments}:
                if rank is None or f"RANK={rank}" in variables:
                    found.append(int(folder.name))
    return found


def wait_for(what, process: subprocess.Popen | None = None):
    """What a function returns once it is true."""
    deadline = time.monotonic() + 60
    while not (result := what()):
        assert time.monotonic() < deadline and (process is None or process.poll() is None), finish(process)
        time.sleep(0.01)
    return result


def lines(log) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture(scope="module")
def two(recipe, root):
    """Weights that two processes trained, in exp/two."""
    assert bash(recipe, root, f"{TWO} --num-processes 2 data/train exp/two")[0] == 0
    return load_state(recipe / "exp/two/model.pt")


def test_two_processes_train_as_one_with_twice_the_batch(recipe, root, two):
    assert bash(recipe, root, f"{TRAIN} data/train exp/one")[0] == 0
    one = load_state(recipe / "exp/one/model.pt")
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-5)
    report = json.loads((recipe / "exp/two/training.json").read_text())
    assert report["processes"] == 2 and report["threads"] == 1 and report["samples"] == 12 * UPDATES
    config = yaml.safe_load((recipe / "exp/two/config.yaml").read_text())
    assert config["seed"] == 3 and config["training"]["batch_size"] == 6 and config["num_processes"] == 2
    assert "3 speakers, 12 utterances" in (recipe / "exp/one/log/train.log").read_text()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_what_ends_two_processes_early_costs_nothing(recipe, root, two):
    """A warning to the second of two nodes, then a kill: run again, the training ends with the weights of exp/two."""
    exp = recipe / "exp/ended"
    with socket.socket() as free:
        free.bind(("localhost", 0))
        nodes = f"--num-nodes 2 --master localhost:{free.getsockname()[1]}"
    both = [start(recipe, root, f"{TWO} {nodes} --node-rank {rank} data/train exp/ended") for rank in (0, 1)]
    wait_for(lambda: lines(exp / "train.log") > 2, both[0])
    os.kill(processes("launch_training", "exp/ended", "1")[0], signal.SIGUSR1)
    assert [finish(process)[0] for process in both] == [1, 1]
    logs = [(exp / f"log/train.{rank}.log").read_text() for rank in (0, 1)]
    assert all("# Ended (code 75)" in log for log in logs) and "told to stop; the same command goes on from" in logs[0]
    stopped, before = load_state(exp / "checkpoint.pt")["update"], lines(exp / "train.log")

    again = f"{TWO} --num-processes 2 data/train exp/ended"
    process = start(recipe, root, again)
    wait_for(lambda: lines(exp / "train.log") > before + 1, process)
    os.kill(processes("train_nnet", "exp/ended", rank=1)[0], signal.SIGKILL)
    began = time.monotonic()
    code, output = finish(process)
    assert code == 1 and time.monotonic() - began < 20
    assert re.search(r"process 1 of 2 \(id \d+ on \S+\) was killed by SIGKILL \(signal 9\)", output)
    assert not processes("train_nnet", "exp/ended")
    assert load_state(exp / "checkpoint.pt")["update"] == stopped

    assert bash(recipe, root, again)[0] == 0
    ended = load_state(exp / "model.pt")
    assert all(np.array_equal(two[name], ended[name]) for name in two)
    assert json.loads((exp / "training.json").read_text())["updates"] == UPDATES


def test_usage_and_failures(recipe, root):
    code, output = bash(recipe, root, "steps/train_nnet.sh data/train exp")
    assert code == 1 and "--config is needed" in output and "Usage: steps/train_nnet.sh" in output
    code, output = bash(recipe, root, "steps/train_nnet.sh --cmmd x a b")
    assert code == 1 and "did you mean --cmd" in output
    for options in ("--num-nodes 2 --node-rank 0", "--num-nodes 2 --master a:1", "--node-rank 0 --master a:1"):
        code, output = bash(recipe, root, f"{TRAIN} {options} data/train exp")
        assert code == 1 and "--node-rank N and --master HOST:PORT go together, and with --num-nodes" in output
    code, output = bash(recipe, root, f"{TRAIN} --check-against data/train data/train exp/none")
    assert code == 1 and "train_nnet: error: data/train and data/train: 3 speakers are in training" in output


def test_what_the_dispatcher_is_asked_for(recipe, root):
    train = f"{TRAIN} --cmd 'echo CALL'"
    assert "CALL --num-threads 4 --gpu 4 exp/x/log/train.log env" in bash(
        recipe, root, f"{train} --gpus-per-node 4 data/train exp/x")[1]  # fmt: skip
    call = bash(recipe, root, f"{train} --num-nodes 2 --gpus-per-node 4 data/train exp/x")[1]
    assert call.startswith("CALL --num-threads 4 --num-nodes 2 --gpus-per-node 4 exp/x/log/train.log env")
    assert "launch_training --processes 4 --num-nodes 2 -- speechlib.bin.train_nnet --seed 3" in call
