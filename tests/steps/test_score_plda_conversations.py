"""steps/score_plda_conversations.sh: embeddings to trees that steps/score_conversations.sh takes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.io.maps import read_map, write_lists, write_map
from speechlib.io.plda_files import write_plda
from speechlib.io.tables import open_table, read_table, write_vector

DIM, UTTERANCES = 8, 6


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root):
    """A back-end, and two conversations of two and three speakers who are told apart by any measure."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("steps", "utils"):
        (folder / name).symlink_to(root / name)
    for name in ("data", "backend", "embeddings"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    write_vector(f"{folder}/backend/mean.vec", np.full(DIM, 0.5, np.float32))
    write_plda(f"{folder}/backend/plda", np.zeros(DIM), 4 * np.eye(DIM), np.linspace(9, 1, DIM))
    utt2spk, reco2utt = {}, {}
    with open_table(f"ark,scp:{folder}/embeddings/e.ark,{folder}/embeddings/embedding.scp") as writer:
        for conversation, num_speakers in (("call1", 2), ("call2", 3)):
            for speaker in range(num_speakers):
                centre = 5 * rng.standard_normal(DIM)
                for number in range(UTTERANCES):
                    utterance = f"{conversation}-{number}{speaker}"
                    utt2spk[utterance] = f"{conversation}_{speaker}"
                    vector = centre + 0.5 + 0.2 * rng.standard_normal(DIM)
                    writer.write(utterance, vector.astype(np.float32))
            reco2utt[conversation] = sorted(utterance for utterance in utt2spk if utterance.startswith(conversation))
    reco2utt["call1"].append("call1-silent")
    utt2spk["call1-silent"] = "call1_0"
    write_map(folder / "data/utt2spk", utt2spk)
    write_lists(folder / "data/reco2utt", reco2utt)
    return folder


def step(recipe, root, *arguments):
    environment = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.run(
        list(arguments), cwd=recipe, env=environment | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )


@pytest.mark.parametrize("options", [[], ["--target-energy", "1.0", "--linkage", "complete"]])
def test_trees_that_are_scored(recipe, root, options):
    folders = ("backend", "data", "embeddings", "exp/plda")
    done = step(recipe, root, "steps/score_plda_conversations.sh", *options, *folders)
    assert done.returncode == 0, done.stderr
    assert "1 of the 13 utterances of conversation 'call1' have no embedding: left out (call1-silent)" in done.stderr
    trees = dict(read_table(f"ark:{recipe}/exp/plda/trees.ark", "matrix"))
    scores = dict(read_table(f"ark:{recipe}/exp/plda/scores.ark", "matrix"))
    assert {name: tree.shape for name, tree in trees.items()} == {"call1": (11, 4), "call2": (17, 4)}
    for name, tree in trees.items():
        highest = scores[name][~np.eye(len(scores[name]), dtype=bool)].max()
        assert tree[0, 2] == pytest.approx(-highest)

    done = step(recipe, root, "steps/score_conversations.sh", "data", "exp/plda", "exp/result")
    assert done.returncode == 0, done.stderr
    result = json.loads((recipe / "exp/result/known/result.json").read_text())
    assert result["metrics"]["mr_hungarian"]["value"] == 0.0
    assert "call1-silent" not in read_map(recipe / "exp/result/known/utt2cluster")


def test_missing_files_are_named(recipe, root):
    done = step(recipe, root, "steps/score_plda_conversations.sh", "backend", "data", "nowhere", "exp/other")
    assert done.returncode == 1
    assert "no file nowhere/embedding.scp" in done.stderr
    done = step(recipe, root, "steps/score_plda_conversations.sh", "backend", "data")
    assert done.returncode == 1
    assert "Usage: steps/score_plda_conversations.sh" in done.stderr


def test_nothing_of_an_earlier_call_is_left_beside_an_error(recipe, root):
    words = ("steps/score_plda_conversations.sh", "backend", "data", "embeddings", "exp/again")
    done = step(recipe, root, *words)
    assert done.returncode == 0, done.stderr
    done = step(recipe, root, words[0], "--target-energy", "2", *words[1:])
    assert done.returncode == 1 and "target energy 2.0: expected 0 to 1" in done.stderr
    assert [path.name for path in (recipe / "exp/again").iterdir()] == ["log"]
