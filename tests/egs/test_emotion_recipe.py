"""egs/emotion/run.sh from a CSV file to results and pages on few synthetic voices, and its options."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from speechlib.io.results import read_results

# Small enough for a test: one layer network of two layers, two experiments.
NETWORK = """architecture: custom
custom: {stem: [[8, 160, 40], [8, 8, 8]], stem_norm: layer, width: 8, num_layers: 2, heads: 2,
  feed_forward: 16, position_frames: 8, position_groups: 2}
"""
CLASSIFIER = """model: {embedding: 8, channels: 8, kernels: [3, 5, 7], lstm: 8, lstm_layers: 1, padding: masked}
training: {epochs: 1, batch_size: 16, learning_rate: 0.001}
"""
OPTIONS = (
    "--corpus-type", "csv", "--layers", "2", "--nj", "2", "--experiments", "functionals_svm quick",
    "--ensembles", "mean", "--network", "conf/tiny.yaml", "--classifier", "conf/tiny_classifier.yaml",
)  # fmt: skip


def run(recipe: Path, *options, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [recipe / "run.sh", *options], cwd=cwd or recipe, capture_output=True, text=True, timeout=600,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recipe(copy_recipe) -> Path:
    recipe = copy_recipe("emotion")
    (recipe / "conf/tiny.yaml").write_text(NETWORK)
    (recipe / "conf/tiny_classifier.yaml").write_text(CLASSIFIER)
    quick = "[FEATS]\ntype = ['mfcc']\nscale = standard\n[MODEL]\ntype = logreg\nloso = True\n"
    (recipe / "conf/experiments/quick.ini").write_text(quick)
    return recipe


@pytest.fixture(scope="module")
def corpus(root, tmp_path_factory) -> Path:
    """A CSV file of 30 utterances of the demo corpus: three speakers, five emotions, two sentences."""
    folder = tmp_path_factory.mktemp("corpora")
    make = [root / "local/make_demo_corpus.sh", "--layout", "aesdd", "--speakers", "3", "--nj", "1", folder / "voices"]
    subprocess.run(make, check=True, capture_output=True)
    lines = ["file,speaker,gender,emotion"]
    for path in sorted((folder / "voices").rglob("*.wav")):
        letter, sentence, speaker = re.fullmatch(r"(\w)(\d\d) \((\d)\)b?\.wav", path.name).groups()
        if int(sentence) <= 2 and "b" not in path.name[-6:]:
            sex = "male" if int(speaker) % 2 else "female"
            lines.append(f"{path.relative_to(folder)},{speaker},{sex},{path.parent.name}")
    (folder / "my voices.csv").write_text("\n".join(lines) + "\n")
    return folder / "my voices.csv"


@pytest.fixture(scope="module")
def finished(recipe, corpus) -> Path:
    done = run(recipe, "--corpus", str(corpus), *OPTIONS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return recipe


def test_every_stage_leaves_its_results(finished):
    exp = finished / "exp/my_voices"
    results = read_results(exp)
    assert {name for name in results if name.startswith("layers")} == {
        "layers/2/loso/result.json", "layers/all/loso/result.json", "layers/all/notebook/result.json"
    }  # fmt: skip
    assert results["layers/all/notebook/result.json"]["leaks"] == ["shared_speakers"]
    assert results["layers/all/loso/result.json"]["leaks"] == []
    for name in ("functionals_svm", "quick", "ensemble_mean"):
        result = results[f"experiments/{name}/result.json"]
        assert result["counts"]["samples"] == 30 and [fold["name"] for fold in result["folds"]] == ["1", "2", "3"]
    assert results["experiments/ensemble_mean/result.json"]["extra"]["models"] == ["functionals_svm", "quick"]
    assert "RANDOM" not in json.dumps(results["experiments/quick/result.json"])
    states = (exp / "states/states.yaml").read_text()
    assert "random_weights: true" in states
    page = (finished / "RESULTS.md").read_text()
    assert "shared_speakers" in page and "ensemble_mean" in page and "tiny" in page
    for picture in re.findall(r"\]\((results/[^)]+)\)", page):
        assert (finished / picture).stat().st_size > 1000
    assert "data:image/png" in (exp / "report.html").read_text()
    assert (exp / "experiments/explore/explore.html").exists()


def test_a_stage_starts_by_itself_and_gives_the_same(finished, corpus):
    predictions = finished / "exp/my_voices/experiments/quick/predictions.csv"
    before = predictions.read_bytes()
    shutil.rmtree(predictions.parent)
    part = ("--stage", "7", "--stop-stage", "7", "--experiments", "quick")
    done = run(finished, "--corpus", str(corpus), *OPTIONS, *part)
    assert done.returncode == 0, done.stderr[-3000:]
    assert predictions.read_bytes() == before


def test_the_stages_are_listed_and_nothing_runs_dry(recipe):
    listed = run(recipe, "--list").stdout.splitlines()
    assert len(listed) == 9 and "Ensembles" in listed[7]
    done = run(recipe, "--dry-run", "--name", "dry")
    assert done.returncode == 0 and "make_demo_corpus.sh" in done.stdout + done.stderr
    assert not (recipe / "data/dry").exists() and not (recipe / "exp/dry").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--corpus", "nowhere"], "--corpus: there is no"),
        (["--weights", "nowhere.pt"], "--weights: there is no"),
        (["--experiment", "x"], "--experiments"),
        (["--corpus", ".", "--corpus-type", "emo"], "expected emodb, ravdess, aesdd"),
    ],
)
def test_options_that_do_not_fit_are_errors(recipe, options, message):
    done = run(recipe, *options)
    assert done.returncode != 0 and message in done.stdout + done.stderr
