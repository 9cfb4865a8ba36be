"""steps/{eval_trials,normalize_scores,calibrate_scores}.sh on a small system of cosine scores."""

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
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    generator = np.random.default_rng(0)
    for part, speakers in (("test", range(6)), ("cohort", range(6, 16))):
        (tmp_path / part).mkdir()
        table = f"ark,scp:{tmp_path}/{part}/embedding.ark,{tmp_path}/{part}/embedding.scp"
        with open_table(table) as writer, open(tmp_path / part / "utt2spk", "w") as utt2spk:
            for speaker in speakers:
                centre = generator.standard_normal(8)
                for utterance in range(3):
                    vector = centre + 0.7 * generator.standard_normal(8)
                    writer.write(f"s{speaker:02d}-{utterance}", vector.astype(np.float32))
                    utt2spk.write(f"s{speaker:02d}-{utterance} s{speaker:02d}\n")
    names = [f"s{speaker:02d}-{utterance}" for speaker in range(6) for utterance in range(3)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    (tmp_path / "trials").write_text(
        "".join(f"{a} {b} {'target' if a[:3] == b[:3] else 'nontarget'}\n" for a, b in pairs)
    )
    return tmp_path


def call(recipe, *arguments):
    return subprocess.run(arguments, cwd=recipe, capture_output=True, text=True)


def test_chain(recipe):
    done = call(recipe, "steps/score_cosine.sh", "--seed", "7", "test", "test", "trials", "exp/cos")
    assert done.returncode == 0, done.stderr
    raw = read_result(recipe / "exp/cos/result.json")
    done = call(recipe, "steps/normalize_scores.sh", "--scoring", "cosine", "--method", "as-norm", "--top-n", "5",
                "--cohort-size", "10", "--utt2spk", "test/utt2spk", "--cohort-utt2spk", "cohort/utt2spk", "--tags",
                "norm=as", "--seed", "7", "", "cohort", "test", "test", "trials", "exp/cos", "exp/as")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = read_result(recipe / "exp/as/result.json")
    assert (result["seed"], result["extra"]["norm"], result["counts"]["speakers"]) == (7, "as", 6)
    assert result["metrics"]["cllr"] != raw["metrics"]["cllr"]
    cohort = (recipe / "exp/as/cohort.list").read_text().split()
    assert len(cohort) == 10 and len({name[:3] for name in cohort}) == 10  # spread over the speakers
    assert len((recipe / "exp/as/enrol_cohort/scores").read_text().splitlines()) == 17 * 10

    systems = "exp/cos exp/as"
    done = call(recipe, "steps/calibrate_scores.sh", "trials", systems, "trials", systems, "exp/fused")
    assert done.returncode == 0, done.stderr
    fused = read_result(recipe / "exp/fused/result.json")
    assert fused["metrics"]["cllr"]["value"] < raw["metrics"]["cllr"]["value"]
    assert (recipe / "exp/fused/calibration.json").exists()
    assert fused["selection"]["cut"] == "dev" and fused["selection"]["dev_trials"] == "trials"
    assert fused["metrics"]["eer"]["selection"]["cut"] == "fixed" and raw["selection"]["cut"] == "fixed"


def test_overlap_leaves_nothing(recipe):
    done = call(recipe, "steps/score_cosine.sh", "test", "test", "trials", "exp/cos")
    assert done.returncode == 0, done.stderr
    done = call(recipe, "steps/normalize_scores.sh", "--scoring", "cosine", "--method", "z-norm", "", "test", "test",
                "test", "trials", "exp/cos", "exp/as")  # fmt: skip
    assert done.returncode == 1 and "utterances are in the trials" in done.stderr
    assert not (recipe / "exp/as/scores").exists() and not (recipe / "exp/as/result.json").exists()


def test_wrong_calls(recipe):
    for step, count in (("eval_trials", 2), ("normalize_scores", 7), ("calibrate_scores", 5)):
        done = call(recipe, f"steps/{step}.sh", *["x"] * (count - 1))
        assert done.returncode == 1 and f"Usage: steps/{step}.sh" in done.stderr
    done = call(recipe, "steps/eval_trials.sh", "trials", "exp/none")
    assert done.returncode == 1 and "no file exp/none/scores: score the trials first" in done.stderr
    done = call(recipe, "steps/calibrate_scores.sh", "trials", "a b", "trials", "a", "out")
    assert done.returncode == 1 and "2 folders of dev scores, but 1" in done.stderr
