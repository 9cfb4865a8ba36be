"""Small networks for traits: perceptrons on vectors, convolutions on frames, and a head on a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Linear layers with ReLU and dropout behind each hidden one.

    Args:
        input_dim: columns.
        hidden: sizes of the hidden layers.
        num_outputs: classes, or 1.
        dropout: of each hidden layer, or one for all; 0: none.
    """

    def __init__(self, input_dim: int, hidden: Sequence[int], num_outputs: int, dropout: float | Sequence[float]):
        super().__init__()
        rates = [dropout] * len(hidden) if isinstance(dropout, int | float) else list(dropout)
        if len(rates) == 1:
            rates *= len(hidden)
        if len(rates) != len(hidden) or min(hidden, default=1) < 1 or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(f"layers {list(hidden)} and dropout {rates} do not go together: one rate from 0 for each")
        layers: list[nn.Module] = []
        for size, rate in zip(hidden, rates, strict=True):
            layers += [nn.Linear(input_dim, size), nn.ReLU(), nn.Dropout(rate)]
            input_dim = size
        self.layers = nn.Sequential(*layers, nn.Linear(input_dim, num_outputs))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, columns) to (batch, outputs)."""
        return self.layers(x)


class FrameCnn(nn.Module):
    """Convolutions along time, mean and standard deviation over the frames, a linear layer.

    Frames that fill a batch up are masked behind every layer, and the statistics of batch normalisation leave them
    out: an utterance's output does not depend on its neighbours.

    Args:
        input_dim: coefficients of a frame.
        num_outputs: classes, or 1.
        width: channels.
        dropout: before the last layer.
        hidden: sizes of layers with ReLU between the statistics and the output.
        num_layers: more than 1: a frame holds the states of so many layers side by side, which are mixed by learned
            weights that add up to 1.

    Raises:
        ValueError: the coefficients are not as many for each layer.
    """

    def __init__(
        self,
        input_dim: int,
        num_outputs: int,
        width: int = 64,
        dropout: float = 0.1,
        hidden: Sequence[int] = (),
        num_layers: int = 1,
    ):
        super().__init__()
        if num_layers < 1 or input_dim % num_layers:
            raise ValueError(f"{input_dim} coefficients cannot be those of {num_layers} layers")
        self.mixture = nn.Parameter(torch.zeros(num_layers)) if num_layers > 1 else None
        input_dim //= num_layers
        sizes = [(input_dim, width, 5, 1), (width, width, 3, 2), (width, width, 3, 4)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel, dilation=dilation, padding=(kernel - 1) // 2 * dilation)
            for before, after, kernel, dilation in sizes
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in sizes)
        self.dropout = nn.Dropout(dropout)
        self.output = Perceptron(2 * width, hidden, num_outputs, dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs.

        Args:
            x: (batch, frames, dim).
            lengths: (batch,) frames of each; None: all.

        Returns:
            (batch, outputs).
        """
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        if self.mixture is not None:
            x = torch.einsum("l,btld->btd", self.mixture.softmax(0), x.unflatten(2, (len(self.mixture), -1)))
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        mask = valid[:, None, :].to(x.dtype)
        hidden = x.transpose(1, 2) * mask
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            frames = convolution(hidden).transpose(1, 2)[valid]  # (valid frames, width)
            filled = hidden.new_zeros(len(x), x.shape[1], frames.shape[1])
            filled[valid] = torch.relu(norm(frames))
            hidden = filled.transpose(1, 2)
        count = lengths[:, None].to(x.dtype)
        mean = hidden.sum(2) / count
        spread = (((hidden - mean[:, :, None]) * mask).square().sum(2) / count + 1e-5).sqrt()
        return self.output(self.dropout(torch.cat([mean, spread], 1)))


class EncoderHead(nn.Module):
    """A pretrained encoder of waveforms, the mean over its frames, a hidden layer and an output.

    Args:
        encoder: module whose `forward(waveforms, lengths)` gives (batch, frames, dim) and (batch,) frames.
        dim: of its frames.
        num_outputs: classes, or 1.
        dropout: before either layer.
    """

    def __init__(self, encoder: nn.Module, dim: int, num_outputs: int, dropout: float = 0.1):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(dim, dim), nn.Tanh(), nn.Dropout(dropout), nn.Linear(dim, num_outputs)
        )

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, samples) in [-1, 1] to (batch, outputs)."""
        frames, counts = self.encoder(x, lengths)
        valid = torch.arange(frames.shape[1], device=frames.device) < counts[:, None]
        mean = (frames * valid[:, :, None]).sum(1) / counts[:, None].to(frames.dtype)
        return self.head(mean)
