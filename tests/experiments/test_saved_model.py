"""Models that experiments keep: whatever their kind, they say afterwards what they said in the experiment."""

import json

import numpy as np
import pytest

from speechlib.experiments.data import load_data
from speechlib.experiments.run import run_experiment
from speechlib.experiments.saved_model import SavedModel, model_folder
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.predictions import read_predictions
from tests.experiments.small_corpus import write_corpus, write_ini

TINY = """
architecture: custom
custom: {stem: [[8, 10, 5], [8, 8, 8], [8, 8, 8]], width: 16, num_layers: 1, heads: 2, feed_forward: 24,
  position_frames: 8, position_groups: 4}
"""
KINDS = {
    "svm": {"MODEL": "type = svm"},
    "gb": {"MODEL": "type = gb\nn_estimators = 5"},
    "gmm": {"MODEL": "type = gmm\ngmm_covariance_type = diag"},
    "knn": {"MODEL": "type = knn\nk_val = 3"},
    "logreg": {"MODEL": "type = logreg"},
    "mlp": {"MODEL": "type = mlp\nlayers = [4]"},
    "cnn": {"MODEL": "type = cnn", "FEATS": "type = ['fbank']\nscale = standard\nfft_nbands = 8"},
    "finetune": {"MODEL": "type = finetune\npretrained_model = random:0\npretrained_config = {folder}/tiny.yaml"},
    "svr": {"MODEL": "type = svr\nC_val = 10", "EXP": "type = regression"},
    "gb_reg": {"MODEL": "type = gb_reg\nn_estimators = 5", "EXP": "type = regression"},
    "mlp_reg": {"MODEL": "type = mlp_reg\nlayers = {'l1': 4}", "EXP": "type = regression"},
}


def quiet(_):
    """Nobody is told."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def kept(tmp_path, corpus):
    """INI file of an experiment that kept its model."""
    path = write_ini(tmp_path, corpus, EXP=f"store = {corpus.parent}/store")
    run_experiment(ExperimentIni(path), quiet)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_model_says_what_the_experiment_said(tmp_path, corpus, kind):
    (tmp_path / "tiny.yaml").write_text(TINY)
    sections = {name: text.replace("{folder}", str(tmp_path)) for name, text in KINDS[kind].items()}
    is_regression = "EXP" in sections
    sections["EXP"] = sections.get("EXP", "") + f"\nstore = {corpus.parent}/store"
    path = write_ini(tmp_path, corpus, target="age" if is_regression else "emotion", **sections)
    ini = ExperimentIni(path)
    run_experiment(ini, quiet)
    table = read_predictions(tmp_path / "results/exp/predictions.csv")

    said = []
    model = SavedModel(ExperimentIni(path), said.append)
    assert said == []
    data = load_data(ini, quiet)
    test = data.samples.take(data.folds[0].test)
    outputs = model.judge(test, quiet)
    assert model.decide(outputs) == table.predicted and model.classes == table.classes
    if model.classes:
        np.testing.assert_allclose(outputs, table.probabilities, atol=1e-6)
    alone = np.stack([model.judge_audio(*test.audio(row)) for row in range(len(test))])
    np.testing.assert_allclose(alone, outputs, rtol=1e-4, atol=1e-5)


def test_a_chosen_set_of_features_stays_with_the_model(tmp_path, corpus):
    chosen = tmp_path / "features.json"
    chosen.write_text(json.dumps({"features": ["pitch_mean", "loudness_mean"], "samples": []}))
    path = write_ini(
        tmp_path, corpus, EXP=f"store = {corpus.parent}/store", FEATS=f"type = ['functionals']\nfeatures = ['{chosen}']"
    )
    outcome = run_experiment(ExperimentIni(path), quiet)
    assert outcome.features.names == ["pitch_mean", "loudness_mean"]
    chosen.unlink()
    data = load_data(ExperimentIni(path), quiet)
    outputs = SavedModel(ExperimentIni(path)).judge(data.samples.take(data.folds[0].test), quiet)
    np.testing.assert_array_equal(outputs, outcome.runs[0][0].outputs)


def test_after_a_cross_validation_the_model_knows_everybody(tmp_path, corpus):
    path = write_ini(tmp_path, corpus, EXP=f"store = {corpus.parent}/store", MODEL="type = knn\nk_val = 3\nloso = True")
    run_experiment(ExperimentIni(path), quiet)
    model = SavedModel(ExperimentIni(path))
    assert model.about["speakers"] == ["s1", "s2", "s3", "s4"] and len(model.about["trained_on"]) == 24


def test_what_training_and_others_share_is_found(kept, tmp_path):
    model = SavedModel(ExperimentIni(kept))
    data = load_data(ExperimentIni(kept), quiet)
    fold = data.folds[0]
    assert model.shared_with_training(data.samples.take(fold.test)) == {}
    known = data.samples.take(fold.train[:1])
    found = model.shared_with_training(known)
    assert found == {
        "identical_audio": f"the model was trained on recordings of the test: {known.names[0]}",
        "shared_speakers": "the model was trained on speakers of the test: s1",
    }
    known.databases[0], known.columns["speaker"][0] = "other", "x"  # the same audio by another name
    assert list(model.shared_with_training(known)) == ["identical_audio"]


def test_damaged_folders_say_what_to_do(kept):
    ini = ExperimentIni(kept)
    folder = model_folder(ini)
    about = (folder / "about.json").read_text()

    said = []
    (folder / "about.json").write_text(about.replace('"features": "', '"features": "0'))
    SavedModel(ini, said.append)
    assert "features are computed otherwise than when the model was trained" in said[0]

    (folder / "about.json").write_text(json.dumps({k: v for k, v in json.loads(about).items() if k != "scaler"}))
    with pytest.raises(ValueError, match=r"model: the model is not complete \('scaler'\): run the experiment again"):
        SavedModel(ini)
    (folder / "about.json").write_text(about.replace('"columns": [', '"columns": ["extra", '))
    with pytest.raises(ValueError, match="features have other columns than when the model was trained"):
        SavedModel(ini).judge_audio(np.sin(np.arange(16000, dtype=np.float32)) * 1000, 16000)
    (folder / "about.json").write_text("{")
    with pytest.raises(ValueError, match=r"about.json:1: not JSON .*; run the experiment again"):
        SavedModel(ini)
    (folder / "about.json").write_text(about)
    text = (folder / "experiment.ini").read_text()
    (folder / "experiment.ini").unlink()
    with pytest.raises(FileNotFoundError, match=r"experiment.ini: not there: run the experiment again"):
        SavedModel(ini)
    (folder / "experiment.ini").write_text(text)
    (folder / "estimator.skops").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"estimator.skops: not a readable model .*: run the experiment again"):
        SavedModel(ini)
    (folder / "estimator.skops").unlink()
    with pytest.raises(FileNotFoundError, match=r"estimator.skops: not there: run the experiment again"):
        SavedModel(ini)
    (folder / "about.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no model here: run the experiment with save = True in \[EXP\]"):
        SavedModel(ini)


def test_audio_that_cannot_be_judged(kept):
    model = SavedModel(ExperimentIni(kept))
    with pytest.raises(ValueError, match="the recording has no samples"):
        model.judge_audio(np.zeros(0, np.float32), 16000)


@pytest.mark.parametrize("text", ["scale = speaker", "type = ['import']\nimport_file = {folder}/x.csv"])
def test_models_that_cannot_be_kept(tmp_path, corpus, text):
    import csv

    with corpus.open() as file:
        names = [row["file"] for row in csv.DictReader(file)]
    (tmp_path / "x.csv").write_text("file,a\n" + "".join(f"{name},{place}\n" for place, name in enumerate(names)))
    text = text.replace("{folder}", str(tmp_path))
    path = write_ini(tmp_path, corpus, EXP=f"store = {corpus.parent}/store", FEATS=text)
    said = []
    run_experiment(ExperimentIni(path), said.append)
    assert any("no model is kept: " in line for line in said)
    with pytest.raises(FileNotFoundError, match="no model here"):
        SavedModel(ExperimentIni(path))


def test_a_file_of_more_databases_is_found_beside_the_experiments_own(tmp_path, corpus):
    (tmp_path / "roots.ini").write_text(f"[DATA]\nsmall = {corpus}\n")
    path = write_ini(tmp_path, corpus, EXP=f"store = {corpus.parent}/store", DATA="root_folders = roots.ini")
    path.write_text(path.read_text().replace(f"small = {corpus}\n", ""))
    run_experiment(ExperimentIni(path), quiet)
    assert SavedModel(ExperimentIni(path)).target == "emotion"
