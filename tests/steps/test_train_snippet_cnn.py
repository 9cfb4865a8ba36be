"""steps/train_snippet_cnn.sh, extract_snippets.sh and identify_speakers.sh one after the other, with jobs."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.maps import write_map
from speechlib.io.tables import RandomAccessTable, open_table

CONFIG = """
model: {bins: 12, frames: 10, channels: [3, 4], filter: [3, 3], pool: [2, 2], pool_stride: [2, 2], input_norm: bins}
training: {batch_size: 16, num_updates: 60, learning_rate: 0.03, log_every: 20, tensorboard: false}
"""


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe directory with links to steps and utils, and a small data directory."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "conf.yaml").write_text(CONFIG)
    rng = np.random.default_rng(0)
    for part, numbers in (("train", "01"), ("test", "23")):
        data = tmp_path / "data" / part
        data.mkdir(parents=True)
        utt2spk = {f"s{speaker}-{k}": f"s{speaker}" for speaker in range(3) for k in numbers}
        write_map(data / "utt2spk", utt2spk)
        write_map(data / "spk2utt", {f"s{s}": " ".join(f"s{s}-{k}" for k in numbers) for s in range(3)})
        with open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as writer:
            for utterance, speaker in utt2spk.items():
                matrix = rng.normal(size=(rng.integers(25, 60), 12)).astype(np.float32)
                matrix[:, 4 * int(speaker[1]) : 4 * int(speaker[1]) + 4] += 2
                writer.write(utterance, matrix)
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
    run(recipe, root, "steps/train_snippet_cnn.sh --config conf.yaml --seeds '1 2' --nj 2 --num-threads 1 "
        "--check-against data/test --filter 3,2 data/train exp")  # fmt: skip
    for seed in (1, 2):
        assert (recipe / "exp" / f"seed{seed}" / "model.pt").is_file()
    for nj in (1, 2):
        run(recipe, root, f"steps/extract_snippets.sh --nj {nj} data/test exp/seed1 exp/seed1/test{nj}")
        keys = [line.split()[0] for line in (recipe / f"exp/seed1/test{nj}/L8.scp").read_text().splitlines()]
        assert keys == sorted(keys) and len(keys) == 6
    monkeypatch.chdir(recipe)  # the paths in a script are relative to the recipe
    for layer in ("L5", "L7", "L8"):
        one, two = (RandomAccessTable(f"scp:exp/seed1/test{nj}/{layer}.scp") for nj in (1, 2))
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])
    run(recipe, root, "steps/extract_snippets.sh --nj 2 data/test exp/seed1 exp/seed1/test2")
    assert "complete already" in (recipe / "exp/seed1/test2/log/extract.2.log").read_text()

    run(recipe, root, "steps/identify_speakers.sh --tags 'set=test' data/test exp/seed1/test2 exp/seed1/ident")
    result = json.loads((recipe / "exp/seed1/ident/result.json").read_text())
    assert result["counts"]["groups"] == 3 and result["seed"] == 1 and result["extra"]["filter"] == "3x2"
    assert result["metrics"]["accuracy_arithmetic"]["value"] > 0.5


@pytest.mark.parametrize("step", ["train_snippet_cnn", "extract_snippets", "identify_speakers"])
def test_usage_and_unknown_options(recipe, root, step):
    done = bash(recipe, root, f"steps/{step}.sh")
    assert done.returncode == 1 and f"Usage: steps/{step}.sh" in done.stderr
    done = bash(recipe, root, f"steps/{step}.sh --cmmd x a b c")
    assert done.returncode == 1 and "did you mean --cmd" in done.stderr


def test_failures_are_told(recipe, root):
    done = bash(recipe, root, "steps/train_snippet_cnn.sh --config conf.yaml --check-against data/train data/train exp")
    assert done.returncode == 1
    assert "train_snippet_cnn: error: 6 utterances are in training and in evaluation" in done.stdout + done.stderr
    done = bash(recipe, root, "steps/extract_snippets.sh data/test exp/seed9 out")
    assert done.returncode == 1 and "no file exp/seed9/model.pt" in done.stderr
    done = bash(recipe, root, "steps/identify_speakers.sh data/test exp/seed9 out")
    assert done.returncode == 1 and "run steps/extract_snippets.sh" in done.stderr
