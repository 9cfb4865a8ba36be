"""Losses with a margin, by their formulas in numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlib.nnet.losses import CosineLinear, LossOptions, make_loss, prepare_output


def cosines_and_labels():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.uniform(-0.9, 0.9, size=(6, 4))), torch.tensor([0, 3, 1, 2, 2, 0])


def cross_entropy(logits, labels):
    logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -logits[np.arange(len(labels)), labels].mean()


def test_softmax_is_cross_entropy():
    logits, labels = cosines_and_labels()
    loss = make_loss(LossOptions())(logits, labels)
    assert float(loss) == pytest.approx(cross_entropy(logits.numpy(), labels.numpy()), abs=1e-6)


def test_additive_margin_is_taken_from_the_cosine_and_additive_angle_from_the_angle():
    cosines, labels = cosines_and_labels()
    rows = np.arange(6), labels.numpy()
    expected = cosines.numpy().copy()
    expected[rows] -= 0.3
    loss = make_loss(LossOptions("am_softmax", margin=0.3, scale=12))(cosines, labels)
    assert float(loss) == pytest.approx(cross_entropy(12 * expected, labels.numpy()), abs=1e-5)
    expected = cosines.numpy().copy()
    expected[rows] = np.cos(np.arccos(expected[rows]) + 0.3)
    loss = make_loss(LossOptions("aam_softmax", margin=0.3, scale=12))(cosines, labels)
    assert float(loss) == pytest.approx(cross_entropy(12 * expected, labels.numpy()), abs=1e-5)


def test_label_smoothing_shares_a_part_among_all():
    logits, labels = cosines_and_labels()
    log_probabilities = torch.log_softmax(logits, dim=1)
    expected = 0.9 * -log_probabilities[range(6), labels].mean() - 0.1 * log_probabilities.mean()
    loss = make_loss(LossOptions(label_smoothing=0.1))(logits, labels)
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(5, 3), nn.Linear(3, 4)

    def forward(self, x):
        return self.output(self.hidden(x))


def test_output_of_cosines_has_the_parameters_of_a_linear_layer():
    torch.manual_seed(0)
    model, x = Toy(), torch.randn(7, 5)
    names = list(model.state_dict())
    prepare_output(model, LossOptions("am_softmax"))
    assert isinstance(model.output, CosineLinear) and list(model.state_dict()) == names
    cosines = model(x)
    hidden, weight = model.hidden(x).detach().numpy(), model.output.weight.detach().numpy()
    norms = np.linalg.norm(hidden, axis=1)[:, None] * np.linalg.norm(weight, axis=1)
    np.testing.assert_allclose(cosines.detach().numpy(), hidden @ weight.T / norms, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x).dtype == torch.float32  # 8 bits are too few for cosines
    cosines.sum().backward()
    assert model.output.bias.grad is None and model.output.weight.grad is not None
    same = Toy()
    prepare_output(same, LossOptions())
    assert type(same.output) is nn.Linear


@pytest.mark.parametrize(
    ("options", "message"),
    [({"margin": 1.0}, "margin"), ({"scale": 0.0}, "scale"), ({"label_smoothing": 1.0}, "label_smoothing")],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**options)
