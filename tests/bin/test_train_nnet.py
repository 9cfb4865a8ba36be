"""Training of speaker networks from the command line, on a small made-up corpus: features and audio."""

import copy
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml

from speechlib.bin import train_nnet
from speechlib.io.checkpoints import load_state
from speechlib.io.leaks import LeakError
from speechlib.io.maps import write_map
from speechlib.io.tables import open_table
from speechlib.io.wav_writer import write_wav

CONFIG = {
    "model": {"name": "xvector", "channels": [8, 8, 8, 8, 12], "tdnn6": 8, "tdnn7": 8},
    "frontend": {"cmn": "none", "vad": True},
    "crops": {"frames": [24, 30]},
    "held_out": {"share": 0.25},
    "training": {"batch_size": 12, "num_updates": 60, "optimizer": "sgd", "learning_rate": 0.1, "log_every": 20,
                 "tensorboard": False},
}  # fmt: skip
DIM = 6


def write_config(path, **sections) -> str:
    config = copy.deepcopy(CONFIG)
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values} if values is not None else None
    path.write_text(yaml.safe_dump(config))
    return str(path)


def make_data(folder, speakers, utterances, seed=0, dim=DIM):
    """Speakers told apart by the coefficients that are large; every fourth frame is unvoiced."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    utt2spk = {f"{speaker}-{k}": speaker for speaker in speakers for k in range(utterances)}
    with (
        open_table(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as features,
        open_table(f"ark,scp:{folder}/vad.ark,{folder}/vad.scp") as decisions,
    ):
        for utterance, speaker in utt2spk.items():
            matrix = rng.normal(size=(rng.integers(40, 90), dim)).astype(np.float32)
            matrix[:, 2 * int(speaker[1]) % dim] += 2
            features.write(utterance, matrix)
            decisions.write(utterance, (np.arange(len(matrix)) % 4 != 0).astype(np.float32))
    write_map(folder / "utt2spk", utt2spk)
    return folder


@pytest.fixture
def corpus(tmp_path):
    """Three speakers with eight utterances each in data; two others in eval."""
    make_data(tmp_path / "data", ["s0", "s1", "s2"], 8)
    make_data(tmp_path / "eval", ["t0", "t1"], 2, seed=1)
    return tmp_path


def train(corpus, exp="exp", *options, config=None):
    config = config or write_config(corpus / "conf.yaml")
    train_nnet.main(["--config", config, "--num-threads", "1", "--device", "cpu", *options, str(corpus / "data"),
                     str(corpus / exp)])  # fmt: skip
    return corpus / exp


def same_weights(first, second) -> bool:
    first, second = (load_state(folder / "model.pt") for folder in (first, second))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_train(corpus, capsys):
    exp = train(corpus, "exp", "--check-against", str(corpus / "eval"))
    assert sorted(path.name for path in exp.iterdir()) == [
        "config.yaml", "model.pt", "train.done.json", "train.log", "training.json",
    ]  # fmt: skip
    config = yaml.safe_load((exp / "config.yaml").read_text())
    assert config["speakers"] == ["s0", "s1", "s2"] and config["input_dim"] == DIM and config["seed"] == 1
    assert config["model"]["name"] == "xvector" and config["model"]["channels"] == [8, 8, 8, 8, 12]
    assert config["frontend"]["cmn_window"] == 300 and config["loss"]["name"] == "softmax"  # resolved
    assert (config["training_utterances"], config["held_out_utterances"]) == (18, 6)
    log = [line.split("\t") for line in (exp / "train.log").read_text().splitlines()]
    assert [row[0] for row in log[1:]] == ["20", "40", "60"]
    last = dict(zip(log[0], map(float, log[-1]), strict=True))
    assert last["accuracy"] > 0.9 and last["held_out_accuracy"] > 0.9 and last["held_out_loss"] < 0.5
    report = json.loads((exp / "training.json").read_text())
    assert report["updates"] == 60 and report["samples"] == 720 and report["parameters"] == config["num_parameters"]
    assert report["cpu_seconds"] > 0 and 0 <= report["waiting_share"] <= 1 and report["samples_per_second"] > 0

    train(corpus, "exp", "--check-against", str(corpus / "eval"))
    assert "trained already" in capsys.readouterr().err
    assert same_weights(exp, train(corpus, "again"))
    assert not same_weights(exp, train(corpus, "other", "--seed", "2"))
