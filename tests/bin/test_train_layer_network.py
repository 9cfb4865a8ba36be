"""train_layer_network: the files that it leaves, a kill, single layers, dev lists, lists that do not go together."""

import os
import signal

import numpy as np
import pytest
import torch

from speechlib.bin import train_layer_network
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.hidden_states import HiddenStates, write_description
from speechlib.io.maps import write_map
from speechlib.io.predictions import read_predictions
from speechlib.io.tables import open_table
from speechlib.nnet.models.layer_cnn_lstm import LayerCnnLstm, LayerCnnLstmOptions

CONFIG = """
model: {embedding: 8, channels: 4, lstm: 8, lstm_layers: 1}
training: {epochs: 5, batch_size: 4, learning_rate: 0.02}
"""
CLASSES = ["anger", "joy", "sadness"]


@pytest.fixture
def corpus(tmp_path):
    """Hidden states of 36 utterances, whose second layer of three tells the classes apart."""
    rng = np.random.default_rng(0)
    labels = {f"u{number:02d}": CLASSES[number % 3] for number in range(36)}
    states = tmp_path / "states"
    states.mkdir()
    with open_table(f"ark,scp:{states}/states.ark,{states}/states.scp") as writer:
        for name, label in labels.items():
            utterance = rng.normal(size=(3, int(rng.integers(4, 9)), 5)).astype(np.float32)
            utterance[1, :, CLASSES.index(label)] += 3
            writer.write(name, utterance.reshape(-1, 5))
    description = {"random_weights": True, "layers": [1, 2, 3], "dim": 5, "pooling": "none"}
    write_description(states / "states.yaml", description)
    write_map(tmp_path / "utt2label", labels)
    write_list(tmp_path / "train", [name for name in labels if name < "u24"])
    write_list(tmp_path / "dev", [name for name in labels if "u24" <= name < "u30"])
    write_list(tmp_path / "test", [name for name in labels if name >= "u30"])
    (tmp_path / "conf.yaml").write_text(CONFIG)
    return tmp_path


def write_list(path, names):
    path.write_text("".join(f"{name}\n" for name in names))


def train(corpus, *options, out="exp", test="test"):
    paths = [str(corpus / name) for name in ("conf.yaml", test, "states", "utt2label", "train", out)]
    train_layer_network.main(["--config", paths[0], "--num-threads", "1", "--test", paths[1], *options, *paths[2:]])
    return corpus / out


def test_files_of_a_training(corpus, capsys):
    exp = train(corpus)
    table = read_predictions(exp / "predictions.csv")
    assert table.files == [f"u{number}" for number in range(30, 36)] and table.classes == CLASSES
    assert table.predicted == table.truth == 2 * CLASSES
    np.testing.assert_allclose(table.probabilities.sum(axis=1), 1, atol=1e-6)

    config = ModelFolder(exp).read_config()
    assert config["classes"] == CLASSES and config["layers"] == [1, 2, 3] and config["input_dim"] == 5
    assert config["hidden_states"]["random_weights"] is True
    model = LayerCnnLstm(LayerCnnLstmOptions(embedding=8, channels=4, lstm=8, lstm_layers=1), 3, 5, 3)
    ModelFolder(exp).load_weights(model)
    states = torch.from_numpy(HiddenStates(corpus / "states")["u31"])[None]
    with torch.inference_mode():
        expected = model.eval()(states, torch.tensor([states.shape[2]])).softmax(dim=1)[0]
    np.testing.assert_allclose(table.probabilities[1], expected, atol=1e-5)

    header, *rows = [line.split("\t") for line in (exp / "layer_weights.tsv").read_text().splitlines()]
    assert header == ["layer", "weight"] and [row[0] for row in rows] == ["1", "2", "3"]
    np.testing.assert_allclose([float(row[1]) for row in rows], model.layer_weights(), rtol=1e-5)
    header, *rows = [line.split("\t") for line in (exp / "train.log").read_text().splitlines()]
    assert header == train_layer_network.HEADER.split("\t") and [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert float(rows[-1][1]) < float(rows[0][1]) and {row[3] for row in rows} == {"nan"}
    assert "6 of 6 utterances right" in capsys.readouterr().err

    train(corpus)
    assert "trained already" in capsys.readouterr().err
    write_list(corpus / "test", ["u30", "u32"])
    train(corpus)
    assert read_predictions(exp / "predictions.csv").files == ["u30", "u32"]
    assert "trained already" in capsys.readouterr().err
    train(corpus, "--seed", "2")
    assert "trained already" not in capsys.readouterr().err


def test_a_killed_training_ends_with_the_same_weights(corpus, monkeypatch):
    whole = train(corpus, "--dev", str(corpus / "dev"), out="whole")
    write_text = train_layer_network.write_text

    def kill(path, text):
        write_text(path, text)
        if len(text.splitlines()) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_layer_network, "write_text", kill)
        with pytest.raises(KeyboardInterrupt):  # in the third epoch, before its checkpoint
            train(corpus, "--dev", str(corpus / "dev"))
    exp = train(corpus, "--dev", str(corpus / "dev"))
    assert not (exp / "checkpoint.pt").exists()
    one, other = (torch.load(folder / "model.pt", weights_only=True) for folder in (whole, exp))
    assert all(torch.equal(one[name], other[name]) for name in one)
    first, second = (np.loadtxt(folder / "train.log", skiprows=1)[:, :5] for folder in (whole, exp))
    np.testing.assert_array_equal(first, second)
    assert not np.isnan(first).any()


def test_told_to_stop_it_goes_on_within_the_epoch(corpus, monkeypatch):
    """Six batches of training an epoch, and each reads four utterances: the signal comes in the third of epoch 2."""
    whole = train(corpus, "--dev", str(corpus / "dev"), out="whole")
    read, count = HiddenStates.__getitem__, [0]

    def warn(self, name):
        count[0] += name < "u24"
        if count[0] == 24 + 2 * 4 + 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return read(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(HiddenStates, "__getitem__", warn)
        with pytest.raises(SystemExit) as ended:
            train(corpus, "--dev", str(corpus / "dev"))
    assert ended.value.code == 75 and count == [24 + 12]
    state = torch.load(corpus / "exp" / "checkpoint.pt", weights_only=True)
    assert (state["epoch"], state["done"], len(state["log"])) == (1, 12, 1)
    exp = train(corpus, "--dev", str(corpus / "dev"))
    one, other = (torch.load(folder / "model.pt", weights_only=True) for folder in (whole, exp))
    assert all(torch.equal(one[name], other[name]) for name in one)
    first, second = (np.loadtxt(folder / "train.log", skiprows=1)[:, :5] for folder in (whole, exp))
    np.testing.assert_array_equal(first, second)


def test_a_single_layer_sees_nothing_of_the_others(corpus):
    right = {}
    for layer in ("1", "2"):
        exp = train(corpus, "--layer", layer)  # in one folder: the second replaces the first
        table = read_predictions(exp / "predictions.csv")
        right[layer] = sum(a == b for a, b in zip(table.truth, table.predicted, strict=True))
        assert ModelFolder(exp).read_config()["layers"] == [int(layer)]
        assert not (exp / "layer_weights.tsv").exists()
    assert right["1"] < right["2"] == 6


def shared_utterance(corpus):
    write_list(corpus / "test", ["u23", "u30"])


def shared_dev_utterance(corpus):
    write_list(corpus / "dev", ["u30"])


def without_label(corpus):
    write_list(corpus / "test", ["u30", "u3"])


def without_states(corpus):
    with (corpus / "utt2label").open("a") as file:
        file.write("v1 joy\n")
    write_list(corpus / "test", ["v1"])


def unseen_class(corpus):
    write_list(corpus / "train", ["u00", "u01", "u03"])


def one_class(corpus):
    write_list(corpus / "train", ["u00", "u03"])


def pooled(corpus):
    text = (corpus / "states/states.yaml").read_text()
    (corpus / "states/states.yaml").write_text(text.replace("pooling: none", "pooling: mean"))


@pytest.mark.parametrize(
    "change, message",
    [
        (shared_utterance, r"test: 1 utterances are in .*train, too, such as u23"),
        (shared_dev_utterance, r"test: 1 utterances are in .*dev, too, such as u30"),
        (without_label, r"test: 1 of 2 utterances are not in .*utt2label, such as u3 \(did you mean u3.\?\)"),
        (without_states, r"test: 1 of 1 utterances are not in .*states.scp, such as v1"),
        (unseen_class, r"u26 is 'sadness', a class of which .*train has no utterance \(it has anger, joy\): 2 utt"),
        (one_class, "all 2 utterances are anger: expected two classes"),
        (pooled, r"pooled over time \(mean\) have no frames for convolutions"),
    ],
)
def test_lists_and_states_that_do_not_go_together(corpus, change, message):
    change(corpus)
    with pytest.raises(ValueError, match=message):
        train(corpus, "--dev", str(corpus / "dev"))
    assert not (corpus / "exp").exists()


def test_options_that_cannot_be(corpus):
    with pytest.raises(ValueError, match="--layer 4: .*states has layers 1, 2, 3"):
        train(corpus, "--layer", "4")
    (corpus / "conf.yaml").write_text("model: {lstms: 8}\n")
    with pytest.raises(ValueError, match=r"conf\.yaml: unknown option --lstms \(did you mean --lstm\?\)"):
        train(corpus)
