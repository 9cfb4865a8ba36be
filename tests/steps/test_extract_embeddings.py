"""steps/extract_embeddings.sh: one sorted list whatever the number of jobs; what it says of things missing."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from speechlib.io.checkpoints import ModelFolder, load_state, save_state
from speechlib.io.maps import write_map
from speechlib.io.tables import RandomAccessTable, open_table
from speechlib.nnet.models import find_model


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe directory with a network and 70 utterances, one of them without a voiced frame."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    names = [f"u{k}" for k in range(70)]
    write_map(data / "utt2spk", {name: "s" for name in sorted(names)})
    with (open_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as features,
          open_table(f"ark,scp:{data}/vad.ark,{data}/vad.scp") as decisions):  # fmt: skip
        for name in sorted(names):
            num_frames = int(rng.integers(20, 60))
            features.write(name, rng.normal(size=(num_frames, 4)).astype(np.float32))
            decisions.write(name, np.full(num_frames, float(name != "u33"), np.float32))
    module = find_model("shon_cnn")
    torch.manual_seed(0)
    sizes = {"channels": [6, 6, 6, 8], "fc1": 7, "fc2": 5}
    folder = ModelFolder(tmp_path / "exp")
    folder.write_config({"model": {"name": "shon_cnn", **sizes}, "frontend": {"cmn": "crop"}, "input_dim": 4})
    folder.save_weights(module.build(module.Options((6, 6, 6, 8), 7, 5), 4, 2).state_dict())
    return tmp_path


def bash(recipe, root, command: str) -> subprocess.CompletedProcess:
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "LC_ALL": "C"}
    return subprocess.run(["bash", "-c", command], cwd=recipe, env=environment, capture_output=True, text=True)


def test_any_number_of_jobs(recipe, root, monkeypatch):
    for nj in (1, 2):
        done = bash(recipe, root, f"steps/extract_embeddings.sh --nj {nj} --layer fc2 exp data out{nj}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 of 70 utterances have no embedding" in done.stderr
    monkeypatch.chdir(recipe / "data")  # the lists can be read from anywhere
    one, two = (RandomAccessTable(f"scp:../out{nj}/embedding.scp", kind="vector") for nj in (1, 2))
    assert list(one) == list(two) == sorted(one) and len(one) == 69
    assert all(np.array_equal(one[name], two[name]) and one[name].shape == (5,) for name in one)
    done = bash(recipe, root, "steps/extract_embeddings.sh --nj 2 --layer fc2 exp data out2")
    assert "complete already" in (recipe / "out2/log/extract.2.log").read_text()
    assert len(RandomAccessTable("scp:../out2/embedding.scp")) == 69

    weights = load_state(recipe / "exp/model.pt")
    save_state(recipe / "exp/model.7.pt", {name: 2 * value for name, value in weights.items()})
    done = bash(recipe, root, "steps/extract_embeddings.sh --model exp/model.7.pt --layer fc2 exp data out2")
    assert done.returncode == 0, done.stdout + done.stderr
    other = RandomAccessTable("scp:../out2/embedding.scp", kind="vector")
    assert list(other) == list(one) and not any(np.allclose(other[name], one[name]) for name in one)

    done = bash(recipe, root, "steps/extract_embeddings.sh --max-bad 0 --layer fc2 exp data out2")
    assert done.returncode == 1 and "1 utterances without an embedding are too many" in done.stderr
    assert not (recipe / "out2/embedding.scp").exists()


def test_what_goes_wrong_is_told(recipe, root):
    done = bash(recipe, root, "steps/extract_embeddings.sh exp data out")
    assert done.returncode == 1 and "--layer NAME is needed" in done.stderr
    done = bash(recipe, root, "steps/extract_embeddings.sh --layr fc2 exp data out")
    assert done.returncode == 1 and "did you mean --layer" in done.stderr
    done = bash(recipe, root, "steps/extract_embeddings.sh --layer fc2 exp2 data out")
    assert done.returncode == 1 and "no file exp2/model.pt" in done.stderr
    done = bash(recipe, root, "steps/extract_embeddings.sh --layer fc3 exp data out")
    assert done.returncode == 1 and "choose fc1 or fc2" in done.stdout + done.stderr
    assert not (recipe / "out/embedding.scp").exists()
