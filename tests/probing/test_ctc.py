"""The CTC probe: loss beside all paths written out, collapsing, and what is too short."""

import itertools
import math

import pytest
import torch

from speechlib.probing.ctc import CtcOptions, CtcProbe, collapse, required_frames


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("hidden", [0, 4])
def test_the_loss_is_the_sum_over_paths(hidden):
    model = CtcProbe(3, 2, CtcOptions(hidden=hidden)).double()
    x, lengths = torch.randn(2, 5, 3, dtype=torch.float64), torch.tensor([5, 4])
    labels = [[0, 1], [1, 1]]
    losses = model.loss(x, lengths, labels)
    for row, length in enumerate(lengths.tolist()):
        posteriors = model.log_posteriors(x[row : row + 1, :length], lengths[row : row + 1])[0].detach()
        total = sum(
            math.exp(sum(float(posteriors[t, label]) for t, label in enumerate(path)))
            for path in itertools.product(range(3), repeat=length) if collapse(path) == labels[row]
        )  # fmt: skip
        assert abs(float(losses[row]) + math.log(total)) < 1e-10


def test_collapsing():
    assert collapse([0, 1, 1, 0, 1, 2, 2, 0]) == [0, 0, 1]
    assert collapse([0, 0]) == [] and collapse([]) == []


def test_what_fits():
    assert required_frames([3, 4, 4, 4, 5]) == 7
    model = CtcProbe(3, 6, CtcOptions(hidden=0))
    assert model.fits(7, [3, 4, 4, 4, 5]) and not model.fits(6, [3, 4, 4, 4, 5]) and not model.fits(6, [])
    assert model.loss(torch.randn(1, 2, 3), torch.tensor([2]), [[1, 1]]).isinf().all()
    with pytest.raises(ValueError, match="negative"):
        CtcOptions(hidden=-1)


def test_decoding_a_batch_is_decoding_each():
    model = CtcProbe(3, 4, CtcOptions(hidden=5))
    x, lengths = torch.randn(4, 12, 3), torch.tensor([12, 7, 1, 10])
    together = model.decode(x, lengths)
    alone = [model.decode(x[row : row + 1, :n], lengths[row : row + 1])[0] for row, n in enumerate(lengths.tolist())]
    assert together == alone
    assert all(0 <= label < 4 for labels in together for label in labels)
