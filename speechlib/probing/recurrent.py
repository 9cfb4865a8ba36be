"""Bidirectional LSTMs over utterances of several lengths, and the frames halved between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class HalvingLSTM(nn.Module):
    """A stack of bidirectional LSTMs; behind each, every second frame is kept, the first one always.

    An utterance's outputs do not depend on its neighbours in a batch.

    Args:
        input_dim: values of a frame.
        hidden: units of each direction.
        num_layers: LSTMs.
        halve: keep every second frame; otherwise all frames stay.
    """

    def __init__(self, input_dim: int, hidden: int, num_layers: int, halve: bool = True):
        super().__init__()
        self.halve = halve
        dims = [input_dim, *[2 * hidden] * (num_layers - 1)]
        self.forwards = nn.ModuleList(nn.LSTM(dim, hidden, batch_first=True) for dim in dims)
        self.backwards = nn.ModuleList(nn.LSTM(dim, hidden, batch_first=True) for dim in dims)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, frames, dim) and (batch,) lengths to (batch, frames', 2 * hidden) and their lengths.

        What fills an utterance up is behind its end for both directions: each utterance is turned around within its
        own length. PyTorch's packed sequences do the same, but take ten times as long to train on a CPU where lengths
        differ.
        """
        lengths = lengths.to(x.device)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            ahead, _ = forwards(x)
            back, _ = backwards(turn_around(x, lengths))
            x = torch.cat([ahead, turn_around(back, lengths)], dim=2)
            if self.halve:
                x, lengths = x[:, ::2], (lengths + 1) // 2
        return x, lengths

    def num_outputs(self, num_frames: int) -> int:
        """Frames that are left of so many."""
        for _ in self.forwards if self.halve else ():
            num_frames = (num_frames + 1) // 2
        return num_frames


def turn_around(x: Tensor, lengths: Tensor) -> Tensor:
    """(batch, frames, dim) with each utterance's own (batch,) frames in reverse order; what fills it up stays."""
    places = torch.arange(x.shape[1], device=x.device)
    places = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))
