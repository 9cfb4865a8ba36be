"""Commands experiment, ensemble and eval_predictions, from INI files and tables to results and pages."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from speechlib.bin import ensemble, eval_predictions, experiment
from speechlib.io.predictions import read_predictions, write_predictions
from speechlib.io.results import read_result
from speechlib.io.wav_writer import write_wav
from speechlib.traits.ensemble import METHODS, combine

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("anger", "joy")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Noisy tones of four speakers: a CSV file beside its audio."""
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    lines = ["file,speaker,gender,emotion"]
    for speaker in range(4):
        for take in range(4):
            label = LABELS[take % 2]
            wave = 2000 * np.sin(np.arange(3200) * (0.3 if label == "joy" else 0.2)) + 2500 * rng.normal(size=3200)
            write_wav(folder / f"{speaker}{take}.wav", wave.astype(np.int16), 16000)
            lines.append(f"{speaker}{take}.wav,s{speaker},{('male', 'female')[speaker % 2]},{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_ini(corpus, root, name, model, more=""):
    path = root / f"{name}.ini"
    path.write_text(
        f"[EXP]\nroot = {root}\nname = {name}\n[DATA]\ndatabases = ['d']\nd = {corpus}/labels.csv\n"
        f"d.absolute_path = False\n[FEATS]\ntype = ['mfcc']\nscale = standard\n[MODEL]\ntype = {model}\nloso = True\n"
        f"[REPORT]\ntitle = A test & more\nauthor = We\n{more}"
    )
    return str(path)


@pytest.fixture(scope="module")
def ran(corpus, tmp_path_factory):
    """Folder of three experiments that ran, and their INI files."""
    root = tmp_path_factory.mktemp("results")
    paths = [write_ini(corpus, root, name, name) for name in ("logreg", "knn", "bayes")]
    for path in paths:
        experiment.main(["--config", path])
    return root, paths


def test_an_experiment_has_a_page_with_everything_inside(ran):
    root, _ = ran
    page = (root / "logreg/report.html").read_text()
    assert "A test &amp; more" in page and "type = logreg" in page and "data:image/png;base64," in page
    assert read_result(root / "logreg/result.json")["split_sha256"] in page
    for name in ("Folds", "Classes", "Speakers and genders", "Calibration", "female"):
        assert name in page
    assert "A test \\& more" in (root / "logreg/report.tex").read_text()
    assert (root / "logreg/confusion.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_decides_by_its_rule(ran, method):
    root, paths = ran
    weights = ["--weights", "0.9,0.2,0.4"] if method == "performance_weighted" else []
    ensemble.main(["--method", method, *weights, "--threshold", "0.4", *paths])
    folder = root / f"ensemble_{method}"
    tables = [read_predictions(root / name / "predictions.csv") for name in ("logreg", "knn", "bayes")]
    p = np.stack([table.probabilities for table in tables])
    decided = combine(method, p, 0.4, [0.9, 0.2, 0.4] if weights else None)
    found = read_predictions(folder / "predictions.csv")
    assert found.files == tables[0].files
    assert found.predicted == [LABELS[place] for place in decided]
    result = read_result(folder / "result.json")
    assert result["extra"]["models"] == ["logreg", "knn", "bayes"] and len(result["folds"]) == 4
    right = np.mean([guess == truth for guess, truth in zip(found.predicted, found.truth, strict=True)])
    assert result["accuracy"] == pytest.approx(right)


def test_an_ensemble_needs_experiments_that_ran_on_one_split(ran, corpus, tmp_path):
    root, paths = ran
    with pytest.raises(ValueError, match="needs two experiments"):
        ensemble.main([paths[0]])
    with pytest.raises(ValueError, match="majority_voting needs three"):
        ensemble.main(["--method", "majority_voting", *paths[:2]])
    missing = write_ini(corpus, tmp_path, "missing", "knn")
    with pytest.raises(FileNotFoundError, match="missing/result.json: not there: run the experiment"):
        ensemble.main([paths[0], missing])
    other = write_ini(corpus, root, "other", "knn").replace("loso = True", "")
    text = (root / "other.ini").read_text().replace("loso = True", "logo = 2")
    (root / "other.ini").write_text(text)
    experiment.main(["--config", other])
    with pytest.raises(ValueError, match="different splits"):
        ensemble.main([paths[0], other])


def test_an_experiment_says_what_is_wrong(corpus, tmp_path):
    path = write_ini(corpus, tmp_path, "exp", "knn", "[EXPLORE]\n")
    with pytest.raises(ValueError, match=r"unknown or unsupported section \(did you mean EXPL\?\)"):
        experiment.main(["--config", path])
    with pytest.raises(ValueError, match="--config is needed"):
        experiment.main([])


def test_a_killed_experiment_leaves_the_store_intact(corpus, tmp_path):
    lines = (corpus / "labels.csv").read_text().splitlines()
    copies = [line.replace(".wav", f"_{copy}.wav", 1) for copy in range(12) for line in lines[1:]]
    rng = np.random.default_rng(1)
    for line in copies:
        write_wav(tmp_path / line.split(",")[0], (rng.normal(size=1600) * 1000).astype(np.int16), 16000)
    (tmp_path / "labels.csv").write_text("\n".join([lines[0], *copies]) + "\n")
    path = write_ini(tmp_path, tmp_path, "killed", "logreg")
    command = [sys.executable, "-m", "speechlib.bin.experiment", "--config", path]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT)
    while running.poll() is None and not list((tmp_path / "store").glob("*/*.npz")):
        time.sleep(0.001)
    running.kill()
    running.wait()
    assert not (tmp_path / "killed/result.json").exists()
    kept = len(list((tmp_path / "store").glob("*/*.npz")))
    assert kept >= 1 and not list((tmp_path / "killed").glob("*"))
    experiment.main(["--config", path])
    again = (tmp_path / "killed/predictions.csv").read_bytes()
    shutil.rmtree(tmp_path / "store")
    experiment.main(["--config", path])
    assert (tmp_path / "killed/predictions.csv").read_bytes() == again


def test_all_keys_are_listed(capsys):
    experiment.main(["--list-keys"])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ["section", "key"] and all(len(line) == 6 and line[4] for line in lines)
    assert ["MODEL", "batch_size", "int", "8"] in [line[:4] for line in lines]
    assert "<database>.split_strategy" in [line[1] for line in lines]


@pytest.fixture
def table(tmp_path):
    """A data directory of two speakers and predictions for it."""
    (tmp_path / "data").mkdir()
    names = [f"s{number // 4}-{number}" for number in range(8)]
    truth = [LABELS[number % 2] for number in range(8)]
    (tmp_path / "data/utt2spk").write_text("".join(f"{name} {name[:2]}\n" for name in names))
    (tmp_path / "data/utt2emotion").write_text("".join(f"{n} {t}\n" for n, t in zip(names, truth, strict=True)))
    guessed = [*truth[:6], "joy", "anger"]
    p = np.array([[0.9, 0.1] if guess == "anger" else [0.2, 0.8] for guess in guessed])
    write_predictions(tmp_path / "p.csv", names, truth, guessed, LABELS, p)
    return tmp_path


def test_predictions_of_utterances_are_scored(table, capsys):
    (table / "folds/a").mkdir(parents=True)
    (table / "folds/folds.json").write_text(json.dumps({"protocol": "notebook", "folds": [{"name": "a"}]}))
    (table / "folds/a/train").write_text("s0-0\ns1-4\n")
    (table / "folds/a/test").write_text("s0-1\n")
    (table / "data/text").write_text("s0-0 Hello\ns0-1 hello!\n")
    eval_predictions.main([
        "--folds", str(table / "folds"), "--confusion", str(table / "c.png"), "--tag", "layer=all", "--seed", "3",
        str(table / "data"), str(table / "p.csv"), str(table / "result.json"),
    ])  # fmt: skip
    result = read_result(table / "result.json")
    assert result["accuracy"] == 0.75 and result["uar"] == 0.75 and result["seed"] == 3
    assert result["leaks"] == ["shared_sentences", "shared_speakers"] and result["extra"]["layer"] == "all"
    assert result["ci95"]["accuracy"] == [0.5, 1.0]  # one speaker all right, the other half
    assert "SPEAKERS SHARED" in capsys.readouterr().out and (table / "c.png").exists()


def test_predictions_of_other_labels_are_an_error(table):
    (table / "data/utt2emotion").write_text((table / "data/utt2emotion").read_text().replace("s0-1 joy", "s0-1 fear"))
    with pytest.raises(ValueError, match="p.csv:3: s0-1 is joy, but .*utt2emotion says fear"):
        eval_predictions.main([str(table / "data"), str(table / "p.csv"), str(table / "r.json")])
    with pytest.raises(FileNotFoundError, match="utt2mood: no such file"):
        eval_predictions.main(["--label", "mood", str(table / "data"), str(table / "p.csv"), str(table / "r.json")])
