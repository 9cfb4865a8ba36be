"""Training of classifiers on hidden states: learns, goes on after a kill, chooses by dev, and its measures."""

import math

import numpy as np
import pytest
import torch

from speechlib.nnet.models.layer_cnn_lstm import LayerCnnLstm, LayerCnnLstmOptions
from speechlib.nnet.sequence_training import (
    SequenceTrainingOptions,
    Utterances,
    evaluate,
    pad_states,
    predict,
    train_sequences,
)

CPU = torch.device("cpu")
OPTIONS = SequenceTrainingOptions(epochs=6, batch_size=4, learning_rate=0.01)


def toy(count=24, seed=0):
    """Utterances of 3 classes that the second of two layers tells apart."""
    rng = np.random.default_rng(seed)
    labels = [number % 3 for number in range(count)]
    states = [rng.normal(size=(2, int(rng.integers(3, 9)), 5)).astype(np.float32) for _ in labels]
    for utterance, label in zip(states, labels, strict=True):
        utterance[1, :, label] += 3
    return Utterances(states.__getitem__, labels)


def model(seed=1):
    torch.manual_seed(seed)
    return LayerCnnLstm(LayerCnnLstmOptions(embedding=8, channels=4, lstm=8, lstm_layers=1), 2, 5, 3)


def test_it_learns_what_can_be_learnt_and_predicts_it():
    network, epochs, unseen = model(), [], toy(seed=1)
    chosen, weights = train_sequences(network, toy(), None, OPTIONS, 1, CPU, lambda epoch, _: epochs.append(epoch))
    assert chosen == 6 and [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    assert epochs[-1].accuracy > 0.9 > epochs[0].accuracy and epochs[-1].loss < 0.5 * epochs[0].loss
    assert math.isnan(epochs[0].dev_loss) and math.isnan(epochs[0].dev_uar)
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
    found = predict(network, unseen.read, 24, 3, 5, CPU)
    assert (found.argmax(axis=1) == unseen.labels).mean() > 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found, predict(network, unseen.read, 24, 3, 1, CPU), atol=1e-5)


def test_what_goes_on_after_an_epoch_ends_with_the_same_weights():
    states = {}

    def keep(epoch, state):
        states[epoch.number] = {
            name: {k: v.clone() for k, v in value.items()} if name in ("model", "best_model") else value
            for name, value in state.items()
        }
        if epoch.number == 3:
            states[3]["optimizer"] = torch.utils._pytree.tree_map(
                lambda value: value.clone() if isinstance(value, torch.Tensor) else value, state["optimizer"]
            )

    dev = toy(9, seed=3)
    chosen, whole = train_sequences(model(), toy(), dev, OPTIONS, 1, CPU, keep)
    again, resumed = train_sequences(model(seed=9), toy(), dev, OPTIONS, 1, CPU, resume=states[3])
    assert again == chosen
    assert all(torch.equal(whole[name], value) for name, value in resumed.items())


def test_dev_utterances_choose_the_epoch():
    """Dev labels that are wrong on purpose: the better the network, the worse it is on them."""
    network, seen, dev = model(), [], toy(9, seed=3)
    wrong = Utterances(dev.read, [(label + 1) % 3 for label in dev.labels])
    chosen, weights = train_sequences(network, toy(), wrong, OPTIONS, 1, CPU, lambda epoch, _: seen.append(epoch))
    best = min(seen, key=lambda epoch: (-epoch.dev_uar, epoch.dev_loss))
    assert chosen == best.number < 6
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
    assert evaluate(network, wrong, 4, CPU) == (best.dev_loss, best.dev_uar)


class Fixed(torch.nn.Module):
    """Logits that are the first frame of the first layer."""

    def forward(self, states, lengths):
        return states[:, 0, 0]


def test_measures_and_classes_without_meaning():
    rows = [[2.0, 0.0, 0.0, 9.0], [2.0, 0.0, 0.0, 9.0], [0.0, 2.0, 0.0, 9.0], [0.0, 0.0, 3.0, 9.0]]
    states = [np.array([[row]], np.float32) for row in rows]
    three = [np.array([[row[:3]]], np.float32) for row in rows]
    labels = [0, 1, 1, 2]
    loss, uar = evaluate(Fixed(), Utterances(three.__getitem__, labels), 3, CPU)
    assert uar == pytest.approx((1 + 0.5 + 1) / 3)
    e = math.exp
    shares = [e(2) / (e(2) + 2), 1 / (e(2) + 2), e(2) / (e(2) + 2), e(3) / (e(3) + 2)]
    assert loss == pytest.approx(-sum(map(math.log, shares)) / 4)
    found = predict(Fixed(), states.__getitem__, 4, 3, 2, CPU)  # the fourth output belongs to no class
    np.testing.assert_allclose(found[np.arange(4), labels], shares)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_padding_is_zeros_at_the_end():
    one, two = np.ones((2, 3, 4), np.float32), np.full((2, 1, 4), 2, np.float32)
    batch, lengths = pad_states([one, two])
    assert batch.shape == (2, 2, 3, 4) and lengths.tolist() == [3, 1]
    assert (batch[0] == 1).all() and (batch[1, :, 0] == 2).all() and not batch[1, :, 1:].any()


def test_a_loss_that_is_not_finite():
    bad = Utterances(lambda item: np.full((2, 4, 5), np.nan, np.float32), [0, 1, 2])
    with pytest.raises(ValueError, match="the loss of epoch 1 is not finite: lower the learning rate, 0.01"):
        train_sequences(model(), bad, None, OPTIONS, 1, CPU)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_options_that_cannot_be(options):
    with pytest.raises(ValueError, match="must be at least 1, and learning_rate positive"):
        SequenceTrainingOptions(**options)
