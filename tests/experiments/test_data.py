"""From [DATA] to samples, targets and folds: every split strategy, filter and limit, and what is refused."""

import numpy as np
import pytest

from speechlib.experiments.data import load_data
from speechlib.io.experiment_ini import ExperimentIni


def load(path):
    return load_data(ExperimentIni(path), lambda message: None)


def speakers_of(data, rows):
    return {data.samples.columns["speaker"][row] for row in rows}


@pytest.mark.parametrize(
    "keys, test_speakers",
    [
        ({"tones.split_strategy": "['s1', 's3']"}, {"s1", "s3"}),
        ({"tones.split_strategy": "speakers_stated", "tones.test": "['s0']"}, {"s0"}),
        ({"tones.split_strategy": "column", "tones.split_column": "gender", "tones.test_vals": "['female']"},
         {"s1", "s3"}),
    ],
)  # fmt: skip
def test_splits_that_are_named(write_ini, keys, test_speakers):
    data = load(write_ini(DATA=keys))
    (fold,) = data.folds
    assert speakers_of(data, fold.test) == test_speakers and not speakers_of(data, fold.train) & test_speakers
    assert len(fold.train) + len(fold.test) == 45 and data.classes == ["anger", "joy", "sadness"]


@pytest.mark.parametrize("strategy", ["speaker_split", "balanced", "random"])
def test_splits_that_are_drawn_are_the_same_anywhere(write_ini, tones, tmp_path, strategy):
    keys = {"tones.split_strategy": strategy, "tones.test_size": 40, "balance": "{'emotion': 2, 'gender': 1}"}
    first = load(write_ini(DATA=keys))
    lines = (tones / "labels.csv").read_text().splitlines()
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    keys = {**keys, "tones": str(shuffled), "tones.audio_path": str(tones)}
    second = load(write_ini("other", DATA=keys))
    assert [first.samples.names[row] for row in first.folds[0].test] == [
        second.samples.names[row] for row in second.folds[0].test
    ]
    assert len(first.folds[0].test) == 18


def test_folds_of_cross_validations(write_ini):
    data = load(write_ini(MODEL={"loso": "True"}))
    assert [fold.name for fold in data.folds] == ["s0", "s1", "s2", "s3", "s4"]
    assert all(speakers_of(data, fold.test) == {fold.name} for fold in data.folds)
    assert len(load(write_ini(MODEL={"logo": 2})).folds) == 2
    assert len(load(write_ini(MODEL={"k_fold_cross": 3})).folds) == 3
    with pytest.raises(ValueError, match="loso and logo cannot both be had"):
        load(write_ini(MODEL={"loso": "True", "logo": 2}))


def test_a_dev_part_is_of_other_speakers(write_ini):
    for more in ({}, {"loso": "True"}):
        data = load(write_ini(EXP={"traindevtest": "True"}, MODEL=more))
        for fold in data.folds:
            parts = [speakers_of(data, getattr(fold, part)) for part in ("train", "dev", "test")]
            assert all(parts) and sum(map(len, parts)) == len(set.union(*parts)) == 5


def test_dev_is_of_samples_where_training_has_no_two_speakers(write_ini):
    two = {"tones.filter": "[['speaker', ['s0', 's1']]]"}
    data = load(write_ini(EXP={"traindevtest": "True"}, DATA=two, MODEL={"loso": "True"}))
    for fold in data.folds:
        assert len(fold.train) == 8 and len(fold.dev) == 1 and len(fold.test) == 9
    assert [note for note in data.notes if "dev is of the same voices" in note and "fold s1" in note]
    (fold,) = load(write_ini(EXP={"traindevtest": "True"}, DATA=two)).folds
    assert len(fold.train) == 8 and len(fold.dev) == 1 and len(fold.test) == 9


def test_patience_brings_a_dev_part(write_ini):
    assert len(load(write_ini(MODEL={"type": "mlp", "patience": 3})).folds[0].dev)


def test_numbers_are_balanced_in_bins(write_ini):
    keys = {"tones.split_strategy": "balanced", "balance": "{'emotion': 1, 'age': 1}", "age_bins": 3}
    assert len(load(write_ini(DATA=keys)).folds[0].test) == 9
    with pytest.raises(ValueError, match="unknown or unsupported key gender_bins"):
        load(write_ini(DATA={**keys, "gender_bins": 2}))
    with pytest.raises(ValueError, match="its bins are of numbers"):
        load(write_ini(DATA={**keys, "emotion_bins": 2}))


def test_a_database_for_each_part(write_ini, tones):
    keys = {"databases": "['a', 'b']", "tones": None, "tones.absolute_path": None}
    for name, part in (("a", "train"), ("b", "test")):
        keys |= {name: str(tones / "labels.csv"), f"{name}.absolute_path": "False", f"{name}.split_strategy": part}
    data = load(write_ini(DATA=keys))
    assert {data.samples.databases[row] for row in data.folds[0].test} == {"b"}
    assert len(data.folds[0].train) == len(data.folds[0].test) == 45
    renamed = load(write_ini(DATA={**keys, "b.rename_speakers": "True"}))
    assert speakers_of(renamed, renamed.folds[0].test) == {f"bs{number}" for number in range(5)}


def test_lists_of_utterances_split_too(write_ini, tones, tmp_path):
    (tmp_path / "train").write_text("s0_joy_0.wav\ns0_anger_0.wav\n")
    (tmp_path / "test").write_text("s1_joy_0.wav\ns1_anger_0.wav\n")
    keys = {"tones.split_strategy": "specified", "tones.train_tables": f"['{tmp_path}/train']",
            "tones.test_tables": f"['{tmp_path}/test']"}  # fmt: skip
    data = load(write_ini(DATA=keys))
    assert [data.samples.names[row] for row in data.folds[0].test] == ["s1_anger_0.wav", "s1_joy_0.wav"]
    with pytest.raises(ValueError, match="nor a list of utterances"):
        load(write_ini(DATA={**keys, "tones.test_tables": "['nothing']"}))


def test_filters_and_limits(write_ini):
    assert len(load(write_ini(DATA={"filter": "[['gender', 'male']]"})).samples) == 27
    assert len(load(write_ini(DATA={"tones.filter": "[['speaker', ['s0', 's1', 's2']]]"})).samples) == 27
    assert len(load(write_ini(DATA={"tones.filter": "{'gender': 'male', 'speaker': ['s0', 's2']}"})).samples) == 18
    assert len(load(write_ini(DATA={"samples_per_speaker": 4})).samples) == 20
    assert len(load(write_ini(DATA={"tones.limit_samples_per_speaker": 6})).samples) == 30
    parts = load(write_ini(DATA={"limit_samples": 8, "tones.split_strategy": "['s0']"})).folds[0]
    assert (len(parts.train), len(parts.test)) == (8, 8)
    with pytest.raises(ValueError, match="the filters leave no sample"):
        load(write_ini(DATA={"min_length": 10}))
    assert len(load(write_ini(DATA={"max_length": 10, "min_duration_of_sample": 0.1})).samples) == 45


def test_labels_mapping_and_bins(write_ini):
    data = load(write_ini(DATA={"labels": "['anger', 'joy']"}))
    assert data.classes == ["anger", "joy"] and len(data.samples) == 30
    data = load(write_ini(DATA={"tones.mapping": "{'anger, joy': 'loud', 'sadness': 'soft', 'fear': 'loud'}"}))
    assert data.classes == ["loud", "soft"] and data.target.tolist().count(0) == 30
    assert "no sample has the label fear" in data.notes[0]
    keys = {"target": "age", "type": "continuous", "bins": "[0, 300, 2000]", "labels": "['l', 'h']"}
    data = load(write_ini(DATA=keys))
    assert data.classes == ["h", "l"] and (data.target == 1).sum() == 15
    numbers = load(write_ini(EXP={"type": "regression"}, DATA={"target": "age", "target_divide_by": 100}))
    assert numbers.classes == [] and numbers.target.max() == pytest.approx(900 * 1.12 / 100, abs=0.01)
    other = load(write_ini(EXP={"type": "regression"}, DATA={"target": "age", "tones.reverse": "True",
                                                            "tones.scale": "True"}))  # fmt: skip
    assert abs(other.target.mean()) < 1e-9 and np.corrcoef(other.target, numbers.target)[0, 1] == pytest.approx(-1)


@pytest.mark.parametrize(
    "sections, message",
    [
        ({"DATA": {"target": "emotions"}}, r"no column 'emotions' \(did you mean emotion\?\)"),
        ({"DATA": {"labels": "['angr', 'joy']"}}, "no sample has the label angr; there are anger, joy, sadness"),
        ({"DATA": {"labels": "['joy']"}}, r"emotion has 1 classes \(joy\): two are needed"),
        ({"DATA": {"tones.split_strategy": "['s9']"}}, "split_strategy: no sample has speaker s9; there are s0"),
        ({"DATA": {"tones.split_strategy": "half"}}, "unknown or unsupported value 'half'"),
        ({"DATA": {"tones.split_strategy": "specified"}}, "no sample is in a table for training or test"),
        ({"DATA": {"tones.split_strategy": "column"}}, "it needs tones.split_column"),
        ({"DATA": {"tones.split_strategy": "train"}}, "its test part is empty"),
        ({"DATA": {"tones.split_strategy": "speakers_stated", "tones.train": "['s0']", "tones.test": "['s0']"}},
         "speaker s0 is for train and for test"),
        ({"DATA": {"tones": "nowhere.csv"}}, "there is no file or folder nowhere.csv"),
        ({"DATA": {"tones.columns": "['height']"}}, "no column 'height', which tones.columns needs"),
        ({"DATA": {"filter": "['gender']"}}, "expected .*column.*, got 'gender'"),
        ({"DATA": {"filter": "[['gendr', 'x']]"}}, r"did you mean gender\?"),
        ({"DATA": {"filter": "[['speaker', 's0']]"}}, "needs two of them or more, there is s0"),
        ({"EXP": {"type": "regression"}}, "emotion is 'anger', expected a number"),
        ({"DATA": {"target": "age", "bins": "[5, 1, 3]"}}, "three or more rising edges"),
        ({"DATA": {"target": "age", "bins": "[0, 300, 2000]", "labels": "['a']"}}, "2 classes, got 1 labels"),
        ({"DATA": {"databases": None, "tones": None, "tones.absolute_path": None}}, "no database"),
        ({"DATA": {"tones.filter": "[['emotion', ['joy', 'anger']]]", "tones.split_strategy": "column",
                   "tones.split_column": "emotion", "tones.test_vals": "['joy']"}},
         "fold split: no training sample of joy, which its test part has"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(write_ini, sections, message):
    with pytest.raises(ValueError, match=message):
        load(write_ini(**sections))
