"""The classifier over all layers: the notebook's size, its padding and the masked one, against an utterance alone."""

import pytest
import torch
from torch import nn

from speechlib.nnet.models.layer_cnn_lstm import LayerCnnLstm, LayerCnnLstmOptions

SMALL = {"embedding": 6, "channels": 5, "lstm": 7}


def small(padding="masked", layers=3, **changes):
    torch.manual_seed(3)
    model = LayerCnnLstm(LayerCnnLstmOptions(**SMALL, padding=padding, **changes), layers, 4, 3).double()
    model.norm.running_mean.normal_()  # as after some training
    model.norm.running_var.uniform_(0.5, 2.0)
    return model


def batch(lengths, layers=3, dim=4):
    torch.manual_seed(5)
    states = torch.zeros(len(lengths), layers, max(lengths), dim, dtype=torch.float64)
    for row, length in zip(states, lengths, strict=True):
        row[:, :length].normal_()
    return states, torch.tensor(lengths)


def alone(model, states, lengths):
    return torch.cat([model(row[None, :, :length], length[None]) for row, length in zip(states, lengths, strict=True)])


def test_the_notebooks_network_has_its_number_of_parameters():
    model = LayerCnnLstm(LayerCnnLstmOptions(outputs=7), 12, 768, 5)
    parts = {"mix": 13, "embed": 98_432, "convolutions.0": 49_280, "convolutions.1": 82_048, "convolutions.2": 114_816,
             "norm": 768, "output": 3_591}  # fmt: skip
    for name, count in parts.items():
        assert sum(weight.numel() for weight in model.get_submodule(name).parameters()) == count, name
    lstm = {name: weight.numel() for name, weight in model.lstm.named_parameters()}
    assert [sum(lstm[name] for name in lstm if name.endswith(end)) for end in ("l0", "l1")] == [1_839_104, 2_101_248]
    assert sum(weight.numel() for weight in model.parameters()) == 4_289_300
    single = LayerCnnLstm(LayerCnnLstmOptions(outputs=7), 1, 768, 5)
    assert sum(weight.numel() for weight in single.parameters()) == 4_289_300 - 13


def test_logits_are_the_notebooks_chain_of_torch_layers():
    """A twin written layer by layer, with packed sequences, for a batch with padding in the notebook's treatment."""
    model = small("notebook").train()
    states, lengths = batch([9, 4, 7])
    twin = nn.BatchNorm1d(15).double()
    x = nn.functional.conv1d(states.reshape(3, 3, -1), model.mix.weight, model.mix.bias).reshape(3, 9, 4)
    x = model.embed(x).transpose(1, 2)
    x = torch.cat([convolution(x) for convolution in model.convolutions], 1)
    x = nn.functional.relu(twin(x)).transpose(1, 2)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    _, (hidden, _) = model.lstm(packed)
    torch.testing.assert_close(model(states, lengths), model.output(hidden[-1]), rtol=1e-10, atol=1e-12)


def test_masked_logits_do_not_depend_on_the_batch():
    model = small().eval()
    states, lengths = batch([9, 2, 7, 1])
    together = model(states, lengths)
    torch.testing.assert_close(together, alone(model, states, lengths), rtol=1e-10, atol=1e-12)
    noise = states.clone()
    for row, length in zip(noise, lengths, strict=True):
        row[:, length:] = 100.0  # whatever stands in the padding
    torch.testing.assert_close(model(noise, lengths), together, rtol=1e-10, atol=1e-12)


def test_the_notebooks_logits_depend_on_the_padding():
    model = small("notebook").eval()
    states, lengths = batch([9, 2, 7, 1])
    difference = (model(states, lengths) - alone(model, states, lengths)).abs().amax(dim=1)
    assert difference[0] < 1e-12  # the longest has no padding
    assert (difference[1:] > 1e-4).all()


def test_masked_statistics_are_those_of_the_frames_that_there_are():
    model = small().train()
    states, lengths = batch([9, 2, 7])
    frames = []
    for row, length in zip(states, lengths, strict=True):
        x = model.embed(model._mixed(row[None, :, :length])).transpose(1, 2)
        frames.append(torch.cat([convolution(x) for convolution in model.convolutions], 1)[0])
    expected = 0.9 * model.norm.running_mean + 0.1 * torch.cat(frames, dim=1).mean(dim=1)
    with_padding = small("notebook").train()
    model(states, lengths)
    with_padding(states, lengths)
    torch.testing.assert_close(model.norm.running_mean, expected, rtol=1e-10, atol=1e-12)
    assert (with_padding.norm.running_mean - expected).abs().max() > 1e-3


def test_a_single_layer_is_not_mixed():
    model = small(layers=1).eval()
    assert model.layer_weights() is None
    states, lengths = batch([6, 3], layers=1)
    mixed = small(layers=2).eval()
    mixed.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        mixed.mix.weight.copy_(torch.tensor([[[1.0], [0.0]]]))
        mixed.mix.bias.zero_()
    both = torch.cat([states, torch.randn_like(states)], dim=1)
    torch.testing.assert_close(mixed(both, lengths), model(states, lengths), rtol=1e-10, atol=1e-12)
    assert mixed.layer_weights().tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "options, message",
    [({"channels": 0}, "must be at least 1"), ({"kernels": (3, 4)}, "odd numbers"), ({"kernels": ()}, "at least 1")],
)
def test_sizes_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        LayerCnnLstmOptions(**options)


def test_fewer_outputs_than_classes():
    with pytest.raises(ValueError, match="outputs 2: 3 classes need as many"):
        LayerCnnLstm(LayerCnnLstmOptions(outputs=2), 3, 4, 3)
