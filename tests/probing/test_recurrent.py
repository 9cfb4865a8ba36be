"""Bidirectional LSTMs over batches of several lengths, beside PyTorch's packed sequences; halving."""

import pytest
import torch
from torch import nn

from speechlib.probing.recurrent import HalvingLSTM, turn_around


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_it_is_a_bidirectional_lstm():
    ours, theirs = HalvingLSTM(5, 7, 1, halve=False), nn.LSTM(5, 7, batch_first=True, bidirectional=True)
    state = theirs.state_dict()
    ours.forwards[0].load_state_dict({k: v for k, v in state.items() if not k.endswith("_reverse")})
    ours.backwards[0].load_state_dict({k[: -len("_reverse")]: v for k, v in state.items() if k.endswith("_reverse")})
    x, lengths = torch.randn(4, 9, 5), torch.tensor([9, 3, 1, 8])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    wanted, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    found, kept = ours(x, lengths)
    assert (kept == lengths).all()
    for one, other, length in zip(found, wanted, lengths, strict=True):
        torch.testing.assert_close(one[:length], other[:length], atol=1e-6, rtol=0)


def test_an_utterance_does_not_see_its_neighbours():
    model = HalvingLSTM(3, 4, 2)
    x, lengths = torch.randn(3, 21, 3), torch.tensor([21, 10, 5])
    found, kept = model(x, lengths)
    assert kept.tolist() == [6, 3, 2] == [model.num_outputs(int(length)) for length in lengths]
    for row, (length, count) in enumerate(zip(lengths.tolist(), kept.tolist(), strict=True)):
        alone, _ = model(x[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(found[row, :count], alone[0], atol=1e-6, rtol=0)


def test_the_first_of_every_two_frames_is_kept():
    model = HalvingLSTM(3, 4, 1)
    x = torch.randn(1, 7, 3)
    halved, lengths = model(x, torch.tensor([7]))
    model.halve = False
    whole, _ = model(x, torch.tensor([7]))
    torch.testing.assert_close(halved, whole[:, ::2])
    assert lengths.tolist() == [4] and model.num_outputs(7) == 7


def test_turning_around_within_the_length():
    x = torch.arange(8.0).reshape(2, 4, 1)
    assert turn_around(x, torch.tensor([4, 2]))[:, :, 0].tolist() == [[3, 2, 1, 0], [5, 4, 6, 7]]
