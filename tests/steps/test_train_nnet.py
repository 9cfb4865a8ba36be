"""steps/train_nnet.sh: options, several processes, messages."""

import json
import os
import subprocess
import sys

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
training: {batch_size: 12, num_updates: 4, optimizer: sgd, learning_rate: 0.05, log_every: 2, tensorboard: false}
"""


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe directory with links to steps and utils, and a small data directory."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "conf.yaml").write_text(CONFIG)
    rng = np.random.default_rng(0)
    data = tmp_path / "data" / "train"
    data.mkdir(parents=True)
    utt2spk = {f"s{speaker}-{k}": f"s{speaker}" for speaker in range(3) for k in range(4)}
    write_map(data / "utt2spk", utt2spk)
    with open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as writer:
        for utterance in utt2spk:
            writer.write(utterance, rng.normal(size=(rng.integers(30, 60), 5)).astype(np.float32))
    return tmp_path


def bash(recipe, root, command: str) -> subprocess.CompletedProcess:
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "LC_ALL": "C"}
    return subprocess.run(["bash", "-c", command], cwd=recipe, env=environment, capture_output=True, text=True)


def test_two_processes_train_as_one_with_twice_the_batch(recipe, root):
    train = "steps/train_nnet.sh --config conf.yaml --num-threads 1 --device cpu --seed 3"
    done = bash(recipe, root, f"{train} data/train exp/one")
    assert done.returncode == 0, done.stdout + done.stderr
    done = bash(recipe, root, f"{train} --num-processes 2 --override training.batch_size=6 data/train exp/two")
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = (load_state(recipe / "exp" / name / "model.pt") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-6)
    report = json.loads((recipe / "exp/two/training.json").read_text())
    assert report["processes"] == 2 and report["threads"] == 1 and report["samples"] == 48
    config = yaml.safe_load((recipe / "exp/two/config.yaml").read_text())
    assert config["seed"] == 3 and config["training"]["batch_size"] == 6 and config["num_processes"] == 2
    assert "3 speakers, 12 utterances" in (recipe / "exp/one/log/train.log").read_text()


def test_usage_and_failures(recipe, root):
    done = bash(recipe, root, "steps/train_nnet.sh data/train exp")
    assert done.returncode == 1 and "--config is needed" in done.stderr and "Usage: steps/train_nnet.sh" in done.stderr
    done = bash(recipe, root, "steps/train_nnet.sh --cmmd x a b")
    assert done.returncode == 1 and "did you mean --cmd" in done.stderr
    done = bash(recipe, root, "steps/train_nnet.sh --config conf.yaml --num-hosts 2 data/train exp")
    assert done.returncode == 1 and "needs --master HOST:PORT" in done.stderr
    done = bash(recipe, root, "steps/train_nnet.sh --config conf.yaml --check-against data/train data/train exp")
    assert done.returncode == 1
    assert "train_nnet: error: data/train and data/train: 3 speakers are in training" in done.stdout + done.stderr
