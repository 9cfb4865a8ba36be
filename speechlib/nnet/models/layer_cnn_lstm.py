"""Classifier over all layers of a self-supervised network: learned mix of the layers, parallel convolutions, LSTM.

The network of a notebook that classifies acted emotion in AESDD from HuBERT's hidden states: a 1x1 convolution mixes
the layers, a linear map narrows the mix, convolutions over 3, 5 and 7 frames lie side by side, and the last state of a
two-layer LSTM decides. Neither the mix nor the linear map has an activation behind it, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LayerCnnLstmOptions:
    """Sizes and the treatment of padding; the defaults are the notebook's sizes."""

    embedding: int = 128  # width of the linear map behind the mix of the layers
    channels: int = 128  # of each convolution
    kernels: tuple[int, ...] = (3, 5, 7)  # frames that the convolutions see
    lstm: int = 512  # width
    lstm_layers: int = 2
    outputs: int | None = None  # None: one a class; the notebook has 7 for 5 classes
    # masked: an utterance's logits do not depend on the batch that it is in. notebook: frames of padding pass through
    # the biases in front of the convolutions, over the edges of the convolutions, and into the batch norm's statistics.
    padding: Literal["masked", "notebook"] = "masked"

    def __post_init__(self) -> None:
        sizes = (self.embedding, self.channels, self.lstm, self.lstm_layers, *self.kernels)
        if min(sizes) < 1 or not self.kernels:
            raise ValueError("embedding, channels, kernels, lstm and lstm_layers must be at least 1")
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels {list(self.kernels)}: expected odd numbers, so that the frames stay in place")


class LayerCnnLstm(nn.Module):
    """The classifier.

    Args:
        options: sizes.
        num_layers: hidden layers that are mixed; with one there is nothing to mix, and no weight for it.
        input_dim: values of a hidden state.
        num_classes: classes to tell apart; there may be more outputs (`options.outputs`), which then mean nothing.

    Raises:
        ValueError: fewer outputs than classes.
    """

    def __init__(self, options: LayerCnnLstmOptions, num_layers: int, input_dim: int, num_classes: int):
        super().__init__()
        outputs = options.outputs or num_classes
        if outputs < num_classes:
            raise ValueError(f"outputs {outputs}: {num_classes} classes need as many; leave it out for one a class")
        self.options, self.num_classes = options, num_classes
        self.mix = nn.Conv1d(num_layers, 1, 1) if num_layers > 1 else None
        self.embed = nn.Linear(input_dim, options.embedding)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(options.embedding, options.channels, kernel, padding=kernel // 2) for kernel in options.kernels
        )
        width = options.channels * len(options.kernels)
        self.norm = nn.BatchNorm1d(width)
        self.lstm = nn.LSTM(width, options.lstm, options.lstm_layers, batch_first=True)
        self.output = nn.Linear(options.lstm, outputs)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Logits of utterances.

        Args:
            states: (batch, layers, frames, dim) hidden states, filled up with zeros at the end.
            lengths: (batch,) frames of each utterance, on any device.

        Returns:
            (batch, outputs) logits; those from `num_classes` on belong to no class.
        """
        lengths = lengths.to(states.device)
        valid = torch.arange(states.shape[2], device=states.device) < lengths[:, None]  # (batch, frames)
        masked = self.options.padding == "masked"
        x = self.embed(self._mixed(states))
        if masked:  # after the bias, so that the convolutions meet zeros beyond the end, as without padding
            x = x * valid[..., None]
        x = x.transpose(1, 2)
        x = torch.cat([convolution(x) for convolution in self.convolutions], dim=1).transpose(1, 2)
        if masked:  # the statistics are those of the frames that there are
            frames = functional.relu(self.norm(x[valid]))
            x = torch.zeros_like(x).masked_scatter(valid[..., None], frames)
        else:
            x = functional.relu(self.norm(x.transpose(1, 2))).transpose(1, 2)
        # Padding lies behind the frames and the LSTM runs forward only: its state at the last frame is what packed
        # sequences would give, which are slow on a CPU.
        x, _ = self.lstm(x)
        return self.output(x[torch.arange(len(x), device=x.device), lengths - 1])

    def layer_weights(self) -> Tensor | None:
        """(layers,) weights of the mix; None with a single layer."""
        return None if self.mix is None else self.mix.weight.detach()[0, :, 0]

    def _mixed(self, states: Tensor) -> Tensor:
        """(batch, frames, dim): the 1x1 convolution over (batch, layers, frames x dim)."""
        if self.mix is None:
            return states[:, 0]
        # As a product of matrices it takes an eighth of a convolution's time on a CPU.
        weight = self.mix.weight[:, :, 0].expand(len(states), 1, -1)
        mixed = torch.bmm(weight, states.flatten(2)) + self.mix.bias
        return mixed.view(len(states), *states.shape[2:])
