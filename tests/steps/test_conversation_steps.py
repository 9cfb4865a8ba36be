"""steps/{cluster,score}_conversations.sh: any number of jobs, silent utterances, shared speakers, wrong calls."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechlib.clustering.moments import frame_moments
from speechlib.io.maps import read_map
from speechlib.io.results import read_result
from speechlib.io.tables import open_table, read_table

CONVERSATIONS = {"dev": ("aabb", "cddc", "eef"), "eval": ("ghgh", "ijkkji", "l", "mmnn")}


@pytest.fixture
def recipe(tmp_path, root, monkeypatch):
    """Conversations of speakers that are easy to tell apart, and their statistics."""
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    generator = np.random.default_rng(2)
    for part, conversations in CONVERSATIONS.items():
        data, stats = tmp_path / "data" / part, tmp_path / "exp" / "stats" / part
        data.mkdir(parents=True)
        stats.mkdir(parents=True)
        voices = {}
        reco2utt, utt2spk, frames = "", "", ""
        with open_table(f"ark,scp:{stats}/stats.ark,{stats}/stats.scp") as writer:
            for number, turns in enumerate(conversations):
                names = [f"{part}{number}-{turn}" for turn in range(len(turns))]
                reco2utt += f"{part}{number} {' '.join(names)}\n"
                for name, speaker in zip(names, turns, strict=True):
                    voice = voices.setdefault(speaker, 4 * generator.standard_normal(3))
                    writer.write(name, frame_moments(voice + generator.standard_normal((50, 3))))
                    utt2spk += f"{name} {speaker}\n"
                    frames += f"{name} 50\n"
        (data / "reco2utt").write_text(reco2utt)
        (data / "utt2spk").write_text(utt2spk)
        (data / "utt2num_frames").write_text(frames)
    return tmp_path


def step(recipe, name, *arguments):
    return subprocess.run([f"steps/{name}.sh", *arguments], cwd=recipe, capture_output=True, text=True)


def cluster(recipe, part, *options, out=None):
    done = step(recipe, "cluster_conversations", "--distance", "glr", "--nj", "2", *options, f"data/{part}",
                f"exp/stats/{part}", out or f"exp/{part}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_clusters_and_scores(recipe):
    for part in CONVERSATIONS:
        cluster(recipe, part)
    done = step(recipe, "score_conversations", "--dev-data", "data/dev", "--dev-trees", "exp/dev", "--tags",
                "distance=glr corpus=x", "--seed", "3", "data/eval", "exp/eval", "exp/scores")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for stop, cut in (("threshold", "dev"), ("known", "oracle")):
        result = read_result(recipe / f"exp/scores/{stop}/result.json")
        assert result["selection"]["cut"] == cut and result["metrics"]["mr_hungarian"]["value"] == 0
        extra = result["extra"]
        assert (extra["distance"], extra["stop"], extra["weights"], result["seed"]) == ("glr", stop, "frames", 3)
        assert read_map(recipe / f"exp/scores/{stop}/utt2cluster")["eval1-2"] == "3"
        assert (recipe / f"exp/scores/{stop}/conversations.tsv").exists()
    assert json.loads((recipe / "exp/scores/threshold/selection.json").read_text())["value"] == 0
    # A threshold of one's own, and none at all: what another call left goes.
    done = step(recipe, "score_conversations", "--threshold", "-1", "data/eval", "exp/eval", "exp/scores")
    assert done.returncode == 0, done.stderr
    result = read_result(recipe / "exp/scores/threshold/result.json")
    assert result["selection"] == {"cut": "fixed", "rule": "threshold -1"}
    assert result["metrics"]["mean_num_clusters"]["value"] == 15 / 4
    assert step(recipe, "score_conversations", "data/eval", "exp/eval", "exp/scores").returncode == 0
    assert not (recipe / "exp/scores/threshold/result.json").exists()


def test_same_trees_with_any_number_of_jobs(recipe):
    cluster(recipe, "eval")
    cluster(recipe, "eval", "--nj", "9", out="exp/nine")
    first, second = (dict(read_table(f"scp:{recipe}/exp/{name}/trees.scp", "matrix")) for name in ("eval", "nine"))
    assert list(first) == list(second) == ["eval0", "eval1", "eval2", "eval3"]
    for conversation, tree in first.items():
        np.testing.assert_array_equal(tree, second[conversation])
    before = (recipe / "exp/eval/parts/trees.1.ark").stat().st_mtime_ns
    cluster(recipe, "eval")
    assert (recipe / "exp/eval/parts/trees.1.ark").stat().st_mtime_ns == before
    assert "nothing to do" in (recipe / "exp/eval/log/cluster.1.log").read_text()


def test_silent_utterances_are_left_out(recipe):
    stats = recipe / "exp/stats/eval/stats.scp"
    lines = stats.read_text().splitlines(True)
    # One of eval0, and the whole of eval2, which is a job of its own.
    stats.write_text("".join(line for line in lines if not line.startswith(("eval0-1 ", "eval2-"))))
    done = cluster(recipe, "eval", "--nj", "4")
    assert "warning: 2 utterances have no statistics" in done.stderr
    assert read_map(recipe / "exp/eval/reco2utt")["eval0"] == "eval0-0 eval0-2 eval0-3"
    done = step(recipe, "score_conversations", "data/eval", "exp/eval", "exp/scores")
    assert done.returncode == 0, done.stderr
    result = read_result(recipe / "exp/scores/known/result.json")
    assert result["counts"]["conversations"] == 3 and result["metrics"]["mr_hungarian"]["value"] == 0


def test_shared_speakers_are_an_error(recipe):
    for part in CONVERSATIONS:
        cluster(recipe, part)
    for path in (recipe / "data/dev/utt2spk", recipe / "data/eval/utt2spk"):
        path.write_text(path.read_text().replace(" e\n", " shared\n").replace(" g\n", " shared\n"))
    done = step(recipe, "score_conversations", "--dev-data", "data/dev", "--dev-trees", "exp/dev", "data/eval",
                "exp/eval", "exp/scores")  # fmt: skip
    assert done.returncode == 1 and "1 speakers are in training and in evaluation (shared)" in done.stderr
    assert not (recipe / "exp/scores/threshold/result.json").exists()


def test_wrong_calls(recipe):
    for name, arguments, message in (
        ("cluster_conversations", ["data/eval", "exp/x"], "Usage: steps/cluster_conversations.sh"),
        ("cluster_conversations", ["data/eval", "exp/none", "exp/x"], "no file exp/none/stats.scp"),
        ("cluster_conversations", ["data/none", "exp/stats/eval", "exp/x"], "no file data/none/reco2utt"),
        ("cluster_conversations", ["--distance", "gl", "data/eval", "exp/stats/eval", "exp/x"], "invalid choice: 'gl'"),
        ("cluster_conversations", ["data/eval", "exp/stats/eval", "exp/x"], "extract_comparison_stats"),
        ("cluster_conversations", ["--distance", "glr", "data/eval", "exp/stats/dev", "exp/x"],
         "no utterance of data/eval/reco2utt is in exp/stats/dev/stats.scp"),
        ("score_conversations", ["data/eval", "exp/none", "exp/x"], "no file exp/none/trees.scp"),
        ("score_conversations", ["--dev-data", "data/dev", "data/eval", "exp/x", "exp/x"], "go together"),
    ):  # fmt: skip
        done = step(recipe, name, *arguments)
        assert done.returncode == 1 and message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (recipe / "exp/x/trees.scp").exists()
