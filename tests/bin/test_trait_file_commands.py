"""segment, augment, aug_train and resample as commands: their tables are databases of the next experiment."""

import csv
import json

import numpy as np
import pytest

from speechlib.bin import aug_train, augment, resample, segment
from speechlib.experiments import augmenting
from speechlib.experiments.data import load_data
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.wav_writer import write_wav


@pytest.fixture
def experiment(tmp_path):
    """Writes an INI file about 12 recordings at 8 kHz of four speakers; returns its path."""
    rng = np.random.default_rng(0)
    lines = ["file,speaker,emotion,age"]
    for number in range(12):
        tone = 3000 * np.sin(2 * np.pi * (300 if number % 2 else 900) * np.arange(6400) / 8000)
        still = rng.normal(0, 2, 2400)
        write_wav(tmp_path / f"r{number}.wav", np.r_[still, tone + rng.normal(0, 200, 6400), still], 8000)
        lines.append(f"r{number}.wav,s{number // 3},{'low' if number % 2 else 'high'},{20 + number}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")

    def write(text, database=tmp_path / "labels.csv", kind="classification", names="['d']"):
        path = tmp_path / "exp.ini"
        path.write_text(
            f"[EXP]\nroot = {tmp_path}/results\nname = exp\ntype = {kind}\n[DATA]\ndatabases = {names}\n"
            f"d = {database}\nd.split_strategy = ['s3']\n{text}\n"
        )
        return str(path)

    return write


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_segments_are_a_database(experiment, tmp_path, capsys):
    segment.main(["--config", experiment("[SEGMENT]\nmethod = energy\nmin_length = 0.5\nspeakers = True")])
    path = tmp_path / "results/exp/segmented.csv"
    rows = rows_of(path)
    assert len(rows) == 12
    assert list(rows[0]) == ["file", "start", "end", "speaker", "emotion", "age", "file_speaker", "db_speaker"]
    assert all(0.1 < float(row["start"]) < 0.3 and 1.1 < float(row["end"]) < 1.3 for row in rows)
    assert f"segment: {path}: segments" in capsys.readouterr().err
    data = load_data(ExperimentIni(experiment("", path)), lambda line: None)
    assert len(data.samples) == 12 and len(data.samples.audio(0)[0]) < 9000


def test_segments_of_two_channels_cannot_be_told_in_a_table(experiment, tmp_path, capsys):
    segment.main(["--config", experiment("d.channel = 0\n[SEGMENT]\nmethod = energy\nmin_length = 0.5")])
    assert "needs channel = 0 again" in capsys.readouterr().err
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"r {tmp_path}/r0.wav\nq {tmp_path}/r1.wav\n")
    (folder / "segments").write_text("u1 r 0 1\nu2 q 0 1 0\n")
    (folder / "utt2spk").write_text("u1 s1\nu2 s3\n")
    with pytest.raises(ValueError, match="several channels .0, None.*with the command resample"):
        segment.main(["--config", experiment("[SEGMENT]\nmethod = energy", folder)])
    (folder / "wav.scp").write_text(f"r cat {tmp_path}/r0.wav |\nq {tmp_path}/r1.wav\n")
    with pytest.raises(ValueError, match="1 recordings are no plain files"):
        segment.main(["--config", experiment("[SEGMENT]\nmethod = energy", folder)])


def test_augmented_copies_are_a_database_and_a_killed_run_goes_on(experiment, tmp_path, capsys, monkeypatch):
    config = experiment("[AUGMENT]\naugment = speed, noise")
    made = []
    write_copy = augmenting.write_copy

    def killed(*arguments):
        if len(made) == 7:
            raise KeyboardInterrupt
        made.append(arguments[0])
        return write_copy(*arguments)

    monkeypatch.setattr(augmenting, "write_copy", killed)
    with pytest.raises(KeyboardInterrupt):
        augment.main(["--config", config])
    path = tmp_path / "results/exp/augmented.csv"
    assert not path.exists()
    monkeypatch.undo()
    augment.main(["--config", config])
    assert "11 copies made, 7 were there" in capsys.readouterr().err
    rows = rows_of(path)
    assert len(rows) == 18 and {row["speaker"] for row in rows} == {"s0", "s1", "s2"}  # s3 is for test
    assert rows[0]["file"].startswith("augmented/r0-") and rows[0]["original"] == str(tmp_path / "r0.wav")
    config = experiment(f"more = {path}\nmore.split_strategy = train", names="['d', 'more']")
    data = load_data(ExperimentIni(config), lambda line: None)
    assert len(data.folds[0].train) == 9 + 18 and len(data.folds[0].test) == 3


def test_balanced_copies_of_equal_classes_are_an_error(experiment):
    balanced = "[AUGMENT]\nbalance = True\nsample_selection = all"
    with pytest.raises(ValueError, match=r"\[AUGMENT\] balance: all classes have the same number"):
        augment.main(["--config", experiment(balanced)])
    with pytest.raises(ValueError, match="a regression has no classes"):
        augment.main(["--config", experiment(f"target = age\n{balanced}", kind="regression")])


def test_a_cross_validation_has_no_one_training_part(experiment):
    with pytest.raises(ValueError, match=r"\[AUGMENT\] sample_selection: a cross-validation has 4 train parts"):
        augment.main(["--config", experiment("[MODEL]\nloso = True")])


def test_an_experiment_with_copies_in_training(experiment, tmp_path, capsys):
    aug_train.main(["--config", experiment(
        "[FEATS]\ntype = mfcc\nscale = standard\n[MODEL]\ntype = logreg\n[AUGMENT]\naugment = pitch, reverberation\n"
        "[PLOT]\nformat = svg"  # of which no LaTeX is made
    )])  # fmt: skip
    folder = tmp_path / "results/exp"
    result = json.loads((folder / "result.json").read_text())
    assert result["extra"]["augmentation"]["copies"] == 18 and result["folds"][0]["train"] == 27
    assert result["counts"]["samples"] == 3 == len(rows_of(folder / "predictions.csv"))
    assert "training has 18 augmented copies a fold" in (folder / "report.html").read_text()
    assert "aug_train: training has 18 augmented copies" in capsys.readouterr().err


def test_resampled_copies_are_a_database(experiment, tmp_path):
    resample.main(["--config", experiment("[RESAMPLE]\nrate = 16000\ntarget = new.csv")])
    rows = rows_of(tmp_path / "results/exp/new.csv")
    assert rows[0] == {"file": "resampled/d/r0.wav", "speaker": "s0", "emotion": "high", "age": "20"}
    data = load_data(ExperimentIni(experiment("", tmp_path / "results/exp/new.csv")), lambda line: None)
    assert data.samples.audio(0)[1] == 16000 and len(data.samples.audio(0)[0]) == 2 * 11200


def test_recordings_are_replaced_only_when_asked(experiment, tmp_path, capsys):
    config = experiment("[RESAMPLE]\nsample_selection = test\nreplace = True")
    resample.main(["--config", config])
    assert "3 of 3 recordings replaced" in capsys.readouterr().err
    resample.main(["--config", config])
    assert "0 of 3 recordings replaced" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
