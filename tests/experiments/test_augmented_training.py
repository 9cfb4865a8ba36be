"""Copies in training: which folds get which, and that no test part sees one."""

import json

import numpy as np
import pytest

from speechlib.experiments.augmented_training import add_copies, check_augmentation
from speechlib.experiments.data import load_data
from speechlib.experiments.run import run_experiment
from speechlib.io.experiment_ini import ExperimentIni


def quiet(line):
    pass


def test_every_fold_gets_the_copies_of_its_own_training_samples(write_ini):
    ini = ExperimentIni(write_ini(MODEL={"loso": "True"}, AUGMENT={"augment": "speed, noise"},
                                  DATA={"labels": "['anger', 'joy']", "limit_samples_per_speaker": "3"}))  # fmt: skip
    data = load_data(ini, quiet)
    extended, about = add_copies(ini, data, quiet)
    count = len(data.samples)
    assert len(extended.samples) == 3 * count and extended.samples.names[:count] == data.samples.names
    place = {entry: row for row, entry in enumerate(data.samples.entries)}
    original = [place.get(entry, row) for row, entry in enumerate(extended.samples.columns["original"])]
    assert (extended.target == data.target[original]).all()
    assert extended.speakers == [data.speakers[row] for row in original]
    for fold, plain in zip(extended.folds, data.folds, strict=True):
        assert (fold.test == plain.test).all() and len(fold.train) == 3 * len(plain.train)
        assert {original[row] for row in fold.train} == set(plain.train)
    assert about["augmentation"]["copies"] == 2 * count
    assert about["augmentation"]["copies_by_fold"] == {fold.name: 2 * len(fold.train) for fold in data.folds}


def test_dev_samples_are_not_copied_and_classes_become_equal(write_ini):
    ini = ExperimentIni(write_ini(
        EXP={"traindevtest": "True"}, DATA={"tones.split_strategy": "['s4']", "limit_samples": "20"},
        AUGMENT={"augment": "speed, noise, pitch", "balance": "True"},
    ))  # fmt: skip
    data = load_data(ini, quiet)
    before = np.bincount(data.target[data.folds[0].train])
    extended, _ = add_copies(ini, data, quiet)
    fold, plain = extended.folds[0], data.folds[0]
    assert len(set(before)) > 1 and set(np.bincount(extended.target[fold.train])) == {before.max()}
    assert (fold.dev == plain.dev).all() and len(fold.dev) and (fold.test == plain.test).all()
    held_out = {data.samples.entries[row] for row in np.concatenate([plain.dev, plain.test])}
    assert not held_out & set(extended.samples.columns["original"][len(data.samples) :])


def test_an_experiment_with_copies_is_scored_on_originals(write_ini):
    results = {}
    for name in ("plain", "augmented"):
        path = write_ini(name, MODEL={"loso": "True"}, AUGMENT={"augment": "noise", "snr": "[20, 20]"},
                         DATA={"limit_samples_per_speaker": "6"})  # fmt: skip
        ini = ExperimentIni(path)
        extend = (lambda data, ini=ini: add_copies(ini, data, quiet)) if name == "augmented" else None
        outcome = run_experiment(ini, quiet, extend)
        folder = path.parent / "results" / name
        results[name] = json.loads((folder / "result.json").read_text())
        assert len((folder / "predictions.csv").read_text().splitlines()) == 1 + len(outcome.data.samples) == 31
    plain, augmented = results["plain"], results["augmented"]
    assert plain["split_sha256"] == augmented["split_sha256"]  # so that an ensemble may join them
    assert plain["folds"][0]["train"] == 24 and augmented["folds"][0]["train"] == 48
    assert augmented["extra"]["augmentation"]["methods"] == ["noise"] and "augmentation" not in plain["extra"]
    assert augmented["extra"]["notes"][-1] == "training has 24 augmented copies a fold, by noise; none is tested"
    assert augmented["uar"] > 0.8
    rows = (folder / "augmented.csv").read_text().splitlines()
    assert len(rows) == 31 and rows[1].startswith("augmented/s0_anger_")


def test_equal_classes_need_no_copies(write_ini):
    ini = ExperimentIni(write_ini(DATA={"tones.split_strategy": "['s4']"}, AUGMENT={"balance": "True"}))
    data, said = load_data(ini, quiet), []
    extended, about = add_copies(ini, data, said.append)
    assert extended is data and about["augmentation"]["copies"] == 0 and "nothing is augmented" in said[0]


@pytest.mark.parametrize(
    "section, key, value, message",
    [
        ("AUGMENT", "sample_selection", "all", "sample_selection: copies are added to training alone"),
        ("FEATS", "type", "['import']", "type: imported features cannot be computed of copies"),
        ("FEATS", "scale", "speaker", "scale: scaling by speaker would mix originals of the test part"),
    ],
)
def test_what_does_not_go_together_is_an_error(write_ini, section, key, value, message):
    with pytest.raises(ValueError, match=message):
        check_augmentation(ExperimentIni(write_ini(**{section: {key: value}})))
