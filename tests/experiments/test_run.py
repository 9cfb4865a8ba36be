"""Experiments as a whole: what they write, the gate before training, the store behind it."""

import csv
import json
import sys

import numpy as np
import pytest

from speechlib.experiments.gate import audio_digests, check_leaks
from speechlib.experiments.run import run_experiment
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.results import read_result
from speechlib.io.wav_writer import write_wav


def run(path):
    said = []
    outcome = run_experiment(ExperimentIni(path), said.append)
    folder = path.parent / "results" / path.stem
    return outcome, said, folder


def test_an_experiment_leaves_results_and_predictions(write_ini):
    _, _, folder = run(write_ini(MODEL={"loso": "True"}))
    result = read_result(folder / "result.json")
    assert result["uar"] == result["metrics"]["uar"]["value"] > 0.9
    assert result["ci95"]["uar"] == result["metrics"]["uar"]["interval"]
    assert [fold["name"] for fold in result["folds"]] == ["s0", "s1", "s2", "s3", "s4"]
    assert result["counts"] == {"samples": 45, "speakers": 5, "folds": 5, "classes": 3, "runs": 1}
    assert result["labels"]["sha256"] == result["split_sha256"] and result["selection"]["cut"] == "fixed"
    with open(folder / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "truth", "predicted", "anger", "joy", "sadness"] and len(rows) == 45
    right = np.mean([row["truth"] == row["predicted"] for row in rows])
    assert right == pytest.approx(result["accuracy"])
    for row in rows:
        p = {name: float(row[name]) for name in ("anger", "joy", "sadness")}
        assert sum(p.values()) == pytest.approx(1) and max(p, key=p.get) == row["predicted"]


def test_the_same_file_gives_the_same_results(write_ini):
    first = run(write_ini("a"))[2]
    second = run(write_ini("b"))[2]
    assert (first / "predictions.csv").read_bytes() == (second / "predictions.csv").read_bytes()
    assert (first / "split.tsv").read_bytes() == (second / "split.tsv").read_bytes()


@pytest.mark.parametrize(
    "exp, feats, model",
    [
        ({"epochs": 8}, {"type": "['fbank']"}, {"type": "cnn", "learning_rate": 0.01}),
        ({"epochs": 30, "traindevtest": "True"}, {}, {"type": "mlp", "learning_rate": 0.01, "patience": 20}),
        ({}, {"type": "['mfcc', 'fbank']", "scale": "robust", "balancing": "ros"}, {"type": "svm"}),
        ({}, {"scale": "speaker"}, {"type": "knn"}),
        ({}, {}, {"type": "svm", "tuning_params": "['C_val', 'kernel']", "C_val": "[0.1, 10]",
                  "kernel": "['linear', 'rbf']"}),
        ({}, {"type": "['functionals']"}, {"type": "gb", "n_estimators": 20}),
    ],
)  # fmt: skip
def test_features_and_models_go_together(write_ini, exp, feats, model):
    outcome, _, folder = run(write_ini(EXP=exp, FEATS=feats, MODEL={"logo": 2, **model}))
    result = read_result(folder / "result.json")
    assert result["uar"] > 0.6
    chosen = "tuning_params" in model or "traindevtest" in exp
    assert result["selection"]["cut"] == ("dev" if chosen else "fixed")
    assert result["extra"]["transductive"] == (feats.get("scale") == "speaker")
    if "tuning_params" in model:
        assert all(set(fold["chosen"]) == {"c_val", "kernel"} for fold in result["folds"])
    if model["type"] in ("cnn", "mlp"):
        assert all(1 <= fold["epoch"] <= exp["epochs"] for fold in result["folds"])


def test_a_regression(write_ini):
    ini = write_ini(EXP={"type": "regression"}, DATA={"target": "age"}, MODEL={"type": "lin_reg", "loso": "True"})
    _, _, folder = run(ini)
    result = read_result(folder / "result.json")
    assert result["ccc"] > 0.7 and {"pcc", "mae", "mse"} <= set(result)
    assert (folder / "predictions.csv").read_text().startswith("file,truth,predicted\n")


def test_several_runs_have_their_mean(write_ini):
    outcome, _, folder = run(write_ini(EXP={"runs": 2, "epochs": 3}, MODEL={"type": "mlp", "logo": 2}))
    result = read_result(folder / "result.json")
    scores = []
    for outcomes in outcome.runs:
        right = np.concatenate([o.outputs.argmax(1) == outcome.data.target[o.fold.test] for o in outcomes])
        scores.append(right.mean())
    assert result["accuracy"] == pytest.approx(np.mean(scores)) and result["seed"] == [42, 43]


def test_hidden_states_of_a_small_random_network(write_ini, tmp_path):
    (tmp_path / "small.yaml").write_text(
        "architecture: custom\ncustom: {stem: [[8, 10, 5], [8, 8, 8], [8, 8, 8]], width: 8, num_layers: 2, heads: 2, "
        "feed_forward: 16, position_frames: 8, position_groups: 2}\n"
    )
    feats = {"type": "['hubert']", "hubert.model": "random:1", "hubert.config": str(tmp_path / "small.yaml")}
    _, said, folder = run(write_ini(FEATS=feats))
    assert any("RANDOM weights" in line for line in said)
    assert "RANDOM" in json.dumps(read_result(folder / "result.json")["extra"]["feature_notes"])
    feats["hubert.layer"] = "learned"
    with pytest.raises(ValueError, match="layers are learned by the model cnn alone"):
        run(write_ini(FEATS=feats))
    run(write_ini(EXP={"epochs": 1}, FEATS=feats, MODEL={"type": "cnn"}))
    model = {"type": "finetune", "pretrained_model": "random:1", "pretrained_config": str(tmp_path / "small.yaml")}
    _, _, folder = run(write_ini(EXP={"epochs": 1}, MODEL={**model, "max_duration": 0.2}))
    assert read_result(folder / "result.json")["counts"]["samples"] == 9
    with pytest.raises(ValueError, match="hubert.model is missing"):
        run(write_ini(FEATS={"type": "['hubert']"}))


def test_features_are_computed_once_and_again_after_a_change(write_ini, tones, tmp_path):
    assert any("45 samples computed" in line for line in run(write_ini("a"))[1])
    assert any("all 45 samples were in the store" in line for line in run(write_ini("b", MODEL={"type": "knn"}))[1])
    assert any("45 samples computed" in line for line in run(write_ini("c", FEATS={"num_ceps": 13}))[1])
    assert any("45 samples computed" in line for line in run(write_ini("d", FEATS={"no_reuse": "True"}))[1])


@pytest.mark.parametrize("kind, package, columns", [("os", "opensmile", 88), ("praat", "parselmouth", 11)])
def test_features_of_others_say_their_licence(write_ini, kind, package, columns):
    pytest.importorskip(package, reason=f"the extra with {package} is not installed")
    outcome, said, folder = run(write_ini(FEATS={"type": f"['{kind}']"}))
    assert outcome.summary["uar"] > 0.6 and len(outcome.features.names) == columns
    licence = {"os": "research licence, not for commercial use", "praat": "GPL-3.0"}[kind]
    assert sum(licence in line for line in said) == 1
    assert licence in str(read_result(folder / "result.json")["extra"]["feature_notes"])


def test_features_that_are_not_installed_are_named(write_ini, monkeypatch):
    for kind, package in (("os", "opensmile"), ("praat", "parselmouth")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match="utils/setup_env.sh"):
            run(write_ini(FEATS={"type": f"['{kind}']"}))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ImportError, match="utils/setup_env.sh xgboost"):
        run(write_ini(MODEL={"type": "xgb"}))


def test_imported_features(write_ini, tones, tmp_path):
    names = [line.split(",")[0] for line in (tones / "labels.csv").read_text().splitlines()[1:]]
    table = ["file,f1,f2", *(f"{name},{'anger' in name:d},{'joy' in name:d}" for name in names)]
    (tmp_path / "f.csv").write_text("\n".join(table))
    feats = {"type": "['import']", "import_file": f"['{tmp_path}/f.csv']"}
    assert run(write_ini(FEATS=feats))[0].summary["uar"] == 1.0
    (tmp_path / "f.csv").write_text("\n".join(table[:-2]))
    with pytest.raises(ValueError, match="2 of 45 samples have no features"):
        run(write_ini(FEATS=feats))
    (tmp_path / "f.csv").write_text("\n".join([*table[:3], f"{names[2]},nan,0", *table[4:]]))
    with pytest.raises(ValueError, match="(?s)1 of 45 samples have unusable features.*f1 is not a finite number"):
        run(write_ini(FEATS=feats))
    with pytest.raises(ValueError, match=r"there is no column 'f3' \(did you mean f"):
        (tmp_path / "f.csv").write_text("\n".join(table))
        run(write_ini(FEATS={**feats, "features": "['f3']"}))


def leaks_of(path):
    ini = ExperimentIni(path)
    from speechlib.experiments.data import load_data

    data = load_data(ini, lambda message: None)
    return check_leaks(ini, data, audio_digests(data, lambda message: None))


def test_the_gate_names_every_leak_at_once(write_ini, tones, tmp_path):
    lines = (tones / "labels.csv").read_text().splitlines()
    # Two speakers say the same sentence, and one recording is there under two names.
    table = [line.rsplit(",", 1)[0] + (",hello you" if "_0.wav" in line else f",{line[:9]}") for line in lines[1:]]
    copied = [line.replace("s4_joy_1", "s0_joy_1") for line in table]
    text = "\n".join([lines[0], *copied[:-1]])
    (tmp_path / "x.csv").write_text(text.replace("s0_joy_1.wav,s4", "copy.wav,s4") + "\n")
    for file in tones.glob("*.wav"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "copy.wav").write_bytes((tones / "s0_joy_1.wav").read_bytes())
    keys = {"tones": str(tmp_path / "x.csv"), "tones.split_strategy": "['s4']"}
    both = "(?s)shared_sentences: .*hello you.*identical_audio: .*s0_joy_1.wav = copy.wav"
    with pytest.raises(ValueError, match=both):
        leaks_of(write_ini(DATA=keys))
    allowed = leaks_of(write_ini(DATA={**keys, "allow_leak": "['shared_sentences', 'identical_audio']"}))
    assert set(allowed) == {"shared_sentences", "identical_audio"}
    assert leaks_of(write_ini(DATA={"tones.split_strategy": "['s4']"})) == {}


def test_speakers_on_both_sides_are_a_leak_and_marked_where_allowed(write_ini):
    with pytest.raises(ValueError, match="shared_speakers: speakers of training are in test, too: s0, s1"):
        run(write_ini(MODEL={"k_fold_cross": 3}))
    _, said, folder = run(write_ini(DATA={"allow_leak": "['shared_speakers']"}, MODEL={"k_fold_cross": 3}))
    assert read_result(folder / "result.json")["leaks"] == ["shared_speakers"]
    assert any("allowed leak shared_speakers" in line for line in said)


def test_a_target_scaled_over_all_samples_is_a_leak(write_ini):
    keys = {"target": "age", "tones.scale": "True"}
    with pytest.raises(ValueError, match="target_scaling"):
        run(write_ini(EXP={"type": "regression"}, DATA=keys, MODEL={"type": "lin_reg"}))


def test_huge_files_are_listed_before_they_are_read(write_ini, tones, monkeypatch):
    monkeypatch.setattr("speechlib.experiments.gate.MAX_SECONDS", 0.2)
    with pytest.raises(ValueError, match="(?s)45 of 45 samples last longer than 0 s.*s0_anger_0.wav: 0 s"):
        run(write_ini())


def test_silent_files_are_listed(write_ini, tones, tmp_path):
    for name in ("s1_joy_0.wav", "s2_joy_0.wav"):
        write_wav(tmp_path / name, np.zeros(4000, np.int16), 16000)
    text = (tones / "labels.csv").read_text()
    for name in ("s1_joy_0.wav", "s2_joy_0.wav"):
        text = text.replace(f"\n{name}", f"\n{tmp_path / name}")
    (tones / "silent.csv").write_text(text)
    with pytest.raises(ValueError, match="(?s)2 of 45 samples are silent.*s1_joy_0.wav.*s2_joy_0.wav"):
        run(write_ini(DATA={"tones": str(tones / "silent.csv")}))


@pytest.mark.parametrize(
    "sections, message",
    [
        ({"MODEL": {"type": "svr"}}, "svr does no classification"),
        ({"MODEL": {"type": "cnn"}, "FEATS": {"type": "['functionals']"}}, "functionals gives one vector a sample"),
        ({"MODEL": {"type": "mlp", "layers": "'many'"}}, "expected sizes such as"),
        ({"MODEL": {"type": "mlp", "drop": 1.5}}, "expected a rate from 0 to 1"),
        ({"MODEL": {"push_to_hub": "True"}}, "models are not sent anywhere"),
        ({"MODEL": {"measure": "ccc"}}, "ccc is no measure of this task"),
        ({"MODEL": {"type": "finetune"}}, "pretrained_model is missing"),
        ({"FEATS": {"type": "['embeddings']"}}, "embeddings need embeddings.model"),
        ({"FEATS": {"type": "['import']"}}, "import needs import_file"),
        ({"MODEL": {"tuning_params": "['colour']", "colour": "[1]"}}, "unknown or unsupported key colour"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(write_ini, sections, message):
    path = write_ini(**sections)
    with pytest.raises(ValueError, match=message):
        run(path)
    assert not (path.parent / "results/exp/result.json").exists()
