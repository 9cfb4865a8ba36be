"""steps/extract_hidden_states.sh and run_folds.sh one after the other, with jobs, reruns and what they refuse."""

import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.audio import write_wav
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.hidden_states import HiddenStates
from speechlib.io.maps import write_map
from speechlib.io.predictions import read_predictions

NETWORK = """
architecture: custom
custom: {stem: [[8, 40, 20], [8, 16, 8]], width: 16, num_layers: 2, heads: 2, feed_forward: 16, position_frames: 4,
         position_groups: 4}
"""
CLASSIFIER = """
model: {embedding: 8, channels: 4, lstm: 8, lstm_layers: 1}
training: {epochs: 2, batch_size: 4}
"""


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe directory with links to steps and utils, twelve utterances of two classes, and two folds."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "classifier.yaml").write_text(CLASSIFIER)
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    names = [f"u{number:02d}" for number in range(12)]
    for name in names:
        write_wav(data / f"{name}.wav", (1000 * rng.normal(size=3000)).astype(np.int16), 16000)
    write_map(data / "wav.scp", {name: f"data/{name}.wav" for name in names})
    write_map(data / "utt2label", {name: "ab"[number % 2] for number, name in enumerate(names)})
    (tmp_path / "folds").mkdir()
    (tmp_path / "folds/folds").write_text("01\n02\n")
    for fold, test in (("01", names[:6]), ("02", names[6:])):
        (tmp_path / "folds" / fold).mkdir()
        for kind, members in (("test", test), ("train", sorted(set(names) - set(test)))):
            (tmp_path / "folds" / fold / kind).write_text("".join(f"{name}\n" for name in members))
    return tmp_path


def bash(recipe, root, command: str) -> subprocess.CompletedProcess:
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "LC_ALL": "C"}
    return subprocess.run(["bash", "-c", command], cwd=recipe, env=environment, capture_output=True, text=True)


def run(recipe, root, command: str) -> str:
    done = bash(recipe, root, command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_chain_of_steps(recipe, root, monkeypatch):
    extract = "steps/extract_hidden_states.sh --config net.yaml --random-weights 1"
    out = run(recipe, root, f"{extract} --nj 2 data exp/states")
    assert "12 utterances" in out and "RANDOM weights" in out
    monkeypatch.chdir(recipe)  # the paths in a script are relative to the recipe
    states = HiddenStates("exp/states")
    names = [line.split()[0] for line in states.script.read_text().splitlines()]
    assert names == [f"u{number:02d}" for number in range(12)]
    assert states.layers == [1, 2] and states.random_weights and states["u11"].shape == (2, 17, 16)
    states.script.unlink()
    run(recipe, root, f"{extract} --nj 2 data exp/states")
    assert "complete already" in (recipe / "exp/states/log/extract.2.log").read_text()
    assert states.script.is_file()

    train = "steps/run_folds.sh --config classifier.yaml --nj 2 exp/states data/utt2label"
    out = run(recipe, root, f"{train} folds exp/folds")
    assert "12 files of 2 folds" in out
    merged = read_predictions("exp/folds/predictions.csv")
    assert merged.files == names and merged.classes == ["a", "b"]
    assert merged.truth == 6 * ["a", "b"]
    assert read_predictions("exp/folds/02/predictions.csv").files == merged.files[6:]
    assert (recipe / "exp/folds/01/layer_weights.tsv").is_file()
    assert [ModelFolder(f"exp/folds/{fold}").read_config()["seed"] for fold in ("01", "02")] == [1001, 1002]


def test_what_they_refuse(recipe, root):
    for command, message in (
        ("steps/extract_hidden_states.sh data", "Usage: steps/extract_hidden_states.sh"),
        ("steps/extract_hidden_states.sh --random-weights 1 nowhere exp", "no file nowhere/wav.scp"),
        ("steps/run_folds.sh data/utt2label folds exp", "Usage: steps/run_folds.sh"),
        ("steps/run_folds.sh nowhere data/utt2label folds exp", "no file nowhere/states.scp"),
        ("steps/train_layer_network.sh data folds 1 exp", "Usage: steps/train_layer_network.sh"),
        ("steps/train_layer_network.sh states data/utt2label folds 3 exp", "there is no line 3 in folds/folds"),
    ):
        done = bash(recipe, root, command)
        assert done.returncode == 1 and message in done.stderr, done.stderr
