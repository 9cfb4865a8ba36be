"""steps/cluster_embeddings.sh hands its options on, and fails loudly."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speechlib.io.results import read_result
from speechlib.io.tables import open_table


@pytest.fixture
def recipe(tmp_path, root, monkeypatch):
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))
    with open_table(f"ark,scp:{tmp_path}/e.ark,{tmp_path}/e.scp") as writer:
        for name, vector in {"a-1": [1, 0], "a-2": [1, 0.1], "b-1": [0, 1], "b-2": [0.2, 1]}.items():
            writer.write(name, np.array(vector, dtype=np.float32))
    (tmp_path / "ref").write_text("a-1 a\na-2 a\nb-1 b\nb-2 b\n")
    return tmp_path


def call(recipe, *arguments):
    command = ["steps/cluster_embeddings.sh", *arguments]
    return subprocess.run(command, cwd=recipe, capture_output=True, text=True)


def test_step_scores_a_clustering(recipe):
    options = ["--reference", "ref", "--num-clusters", "2", "--tags", "layer=L5 size=3", "--seed", "4"]
    done = call(recipe, *options, "scp:e.scp", "exp/c")
    assert done.returncode == 0, done.stderr
    result = read_result(recipe / "exp/c/result.json")
    assert result["metrics"]["mr_strict"]["value"] == 0
    assert (result["seed"], result["extra"]["layer"], result["extra"]["size"]) == (4, "L5", 3)
    assert str(recipe) not in (recipe / "exp/c/result.json").read_text()
    assert (recipe / "exp/c/log/cluster.log").exists()


def test_step_fails_with_the_reason(recipe):
    (recipe / "ref").write_text("a-1 a\n")
    done = call(recipe, "--reference", "ref", "scp:e.scp", "exp/c")
    assert done.returncode == 1
    assert "3 of the 4 items of scp:e.scp are missing" in done.stderr


def test_wrong_calls_print_the_usage(recipe):
    done = call(recipe, "scp:e.scp")
    assert done.returncode == 1 and "Usage: steps/cluster_embeddings.sh" in done.stderr
    done = call(recipe, "--metod", "complete", "scp:e.scp", "exp/c")
    assert done.returncode == 1 and "--method" in done.stderr
