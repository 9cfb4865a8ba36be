"""Training of probes: batches, resuming, clipping, bad losses."""

import numpy as np
import pytest
import torch

from speechlib.probing.ctc import CtcOptions, CtcProbe
from speechlib.probing.training import ProbeTrainingOptions, epoch_batches, train_probe

CPU = torch.device("cpu")
DATA = [np.random.default_rng(index).normal(size=(10 + index, 3)).astype(np.float32) for index in range(7)]
LABELS = [[index % 2, 1] for index in range(7)]


def train(options, resume=None, model=None):
    torch.manual_seed(0)
    model = model or CtcProbe(3, 2, CtcOptions(hidden=4))
    epochs, states = [], []

    def note(epoch, state):
        epochs.append(epoch)
        states.append({name: _copy(value) for name, value in state.items()})

    train_probe(model, DATA.__getitem__, [len(x) for x in DATA], LABELS, options, 3, CPU, note, resume)
    return model, epochs, states


def _copy(value):
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_resumed_training_ends_the_same(optimizer):
    options = ProbeTrainingOptions(4, 3, optimizer, 0.01, "linear")
    whole, epochs, states = train(options)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4] and epochs[-1].loss < epochs[0].loss
    again, rest, _ = train(options, states[1])
    assert [epoch.number for epoch in rest] == [3, 4] and rest == epochs[2:]
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_gradients_are_shortened():
    torch.manual_seed(0)
    start = CtcProbe(3, 2, CtcOptions(hidden=4)).state_dict()
    model, epochs, _ = train(ProbeTrainingOptions(1, 7, "sgd", 1.0, max_norm=0.001))
    moved = sum(float((start[name] - value).square().sum()) for name, value in model.state_dict().items()) ** 0.5
    assert epochs[0].gradient > 0.001 and moved == pytest.approx(0.001, rel=1e-3)


def test_every_utterance_once_an_epoch_near_others_of_its_length():
    lengths = np.random.default_rng(0).integers(10, 500, 100).tolist()
    batches = list(epoch_batches(lengths, 4, (1, 2)))
    assert sorted(item for batch in batches for item in batch) == list(range(100))
    assert all(len(batch) == 4 for batch in batches)
    spread = np.mean([max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches])
    assert spread < 60  # about 300 without sorting
    assert batches == list(epoch_batches(lengths, 4, (1, 2))) != list(epoch_batches(lengths, 4, (1, 3)))


def test_a_loss_that_is_not_finite():
    with pytest.raises(ValueError, match="loss of epoch 1 is not finite"):
        torch.manual_seed(0)
        model = CtcProbe(3, 2, CtcOptions(hidden=0))
        train_probe(model, lambda item: DATA[0] * np.nan, [10], [[0]], ProbeTrainingOptions(1), 0, CPU)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"max_norm": -1.0}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="at least 1|positive"):
        ProbeTrainingOptions(**options)
