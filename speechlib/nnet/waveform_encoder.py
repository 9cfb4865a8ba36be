"""A self-supervised network as a trainable encoder of waveforms: its convolutions stay, its upper layers learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WaveformEncoder(nn.Module):
    """Hidden states of the last layer.

    The convolutions on the waveform, and as many transformer layers from the bottom as asked, keep their weights.

    Args:
        network: from speechlib.nnet.self_supervised.build_network.
        normalises: bring each waveform to mean 0 and variance 1.
        frozen_layers: transformer layers that do not learn.

    Attributes:
        dim: values of a hidden state.

    Raises:
        ValueError: more frozen layers than there are.
    """

    def __init__(self, network: nn.Module, normalises: bool, frozen_layers: int = 0):
        super().__init__()
        layers = network.encoder.transformer.layers
        if not 0 <= frozen_layers <= len(layers):
            raise ValueError(f"freeze_layers = {frozen_layers}: the network has {len(layers)} layers")
        self.network, self._normalises = network, normalises
        self.dim = network.encoder.feature_projection.projection.out_features
        still = [network.feature_extractor, *layers[:frozen_layers]]
        if frozen_layers:
            still.append(network.encoder.feature_projection)
        for module in still:
            module.requires_grad_(False)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode waveforms.

        Args:
            x: (batch, samples) in [-1, 1] at 16 kHz, filled up with zeros.
            lengths: (batch,) samples of each.

        Returns:
            (batch, frames, dim) and (batch,) frames of each; whatever else is in the batch.
        """
        rows = [row[:length] for row, length in zip(x, lengths.tolist(), strict=True)]
        if self._normalises:
            rows = [nn.functional.layer_norm(row, row.shape) for row in rows]
        # One by one: the convolutions of the base networks normalise over time, and must not see what fills up a row.
        frames = [self.network.feature_extractor(row[None], None)[0][0] for row in rows]
        counts = torch.tensor([len(row) for row in frames], device=x.device)
        return self.network.encoder(nn.utils.rnn.pad_sequence(frames, batch_first=True), counts), counts
