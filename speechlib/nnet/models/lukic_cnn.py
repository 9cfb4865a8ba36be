"""Spectrogram CNN for speaker identification (Lukic et al., MLSP 2016, section 2.2 and the authors' code)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS = ("L5", "L7", "L8")


@dataclass(frozen=True)
class LukicOptions:
    """Sizes of the network; pairs are (frequency, time), the defaults are the paper's."""

    bins: int = 128  # mel bins
    frames: int = 100  # of a snippet
    channels: tuple[int, int] = (32, 64)  # filters of L1 and L3
    filter: tuple[int, int] = (4, 4)
    pool: tuple[int, int] = (4, 4)
    pool_stride: tuple[int, int] = (2, 2)
    hidden: tuple[int, int] = (10, 5)  # units of L5 and L7 as multiples of the number of speakers
    dropout: float = 0.5  # L6, between L5 and L7
    batch_norm: bool = False  # not in the paper; in the authors' code of the 100-speaker network
    input_norm: Literal["none", "bins"] = "none"  # bins: mean 0 and deviation 1 of each mel bin; not in the paper

    def __post_init__(self) -> None:
        for name in ("bins", "frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("channels", "filter", "pool", "pool_stride", "hidden"):
            if min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be two whole numbers of at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")
        self.map_sizes()

    def map_sizes(self) -> list[tuple[int, int, int]]:
        """(channels, bins, frames) after L1, L2, L3 and L4: valid convolution, pooling without padding.

        Raises:
            ValueError: a filter or a pooling window is larger than the map that it meets.
        """
        sizes, (height, width) = [], (self.bins, self.frames)
        for index, channels in enumerate(self.channels):
            for layer, window, stride in ((f"L{2 * index + 1} filter", self.filter, (1, 1)),
                                          (f"L{2 * index + 2} pool", self.pool, self.pool_stride)):
                if window[0] > height or window[1] > width:
                    raise ValueError(
                        f"{layer} of {window[0]} x {window[1]} (frequency x time) is larger than its input of "
                        f"{height} x {width}: make filter, pool or pool_stride smaller, or the snippet longer"
                    )
                height, width = (height - window[0]) // stride[0] + 1, (width - window[1]) // stride[1] + 1
                sizes.append((channels, height, width))
        return sizes


class LukicCNN(nn.Module):
    """Two convolutions with max-pooling, two dense layers and a softmax over speakers.

    Layers in the authors' counting: L1 convolution, L2 pooling, L3 convolution, L4 pooling, L5 dense, L6 dropout, L7
    dense, L8 softmax; ReLU after L1, L3, L5 and L7. Weights are Glorot-uniform, biases zero (Lasagne's defaults).

    Args:
        options: sizes.
        num_speakers: units of the softmax; decides the widths of L5 and L7 as well.

    Raises:
        ValueError: fewer than two speakers.
    """

    def __init__(self, options: LukicOptions, num_speakers: int):
        super().__init__()
        if num_speakers < 2:
            raise ValueError(f"a network that tells speakers apart needs at least 2 of them, got {num_speakers}")
        self.options = options
        first, second = options.channels
        units = [multiple * num_speakers for multiple in options.hidden]
        channels, height, width = options.map_sizes()[-1]
        self.conv1 = nn.Conv2d(1, first, options.filter)
        self.conv3 = nn.Conv2d(first, second, options.filter)
        self.dense5 = nn.Linear(channels * height * width, units[0])
        self.dense7 = nn.Linear(units[0], units[1])
        self.dense8 = nn.Linear(units[1], num_speakers)
        normed = options.batch_norm
        self.norm1 = nn.BatchNorm2d(first) if normed else nn.Identity()
        self.norm3 = nn.BatchNorm2d(second) if normed else nn.Identity()
        self.norm5 = nn.BatchNorm1d(units[0]) if normed else nn.Identity()
        self.norm7 = nn.BatchNorm1d(units[1]) if normed else nn.Identity()
        if options.input_norm == "bins":
            self.register_buffer("input_mean", torch.zeros(options.bins, 1))
            self.register_buffer("input_scale", torch.ones(options.bins, 1))
        self.reset_parameters()
        # Pooling and convolution on CPUs run 1.7 times as fast with the channels last.
        self.to(memory_format=torch.channels_last)

    def reset_parameters(self) -> None:
        """Draw new weights from torch's generator."""
        for layer in (self.conv1, self.conv3, self.dense5, self.dense7, self.dense8):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def set_input_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Fix the (bins,) mean and standard deviation that input_norm removes; take them from training data alone."""
        self.input_mean.copy_(mean[:, None])
        self.input_scale.copy_(1.0 / deviation.clamp_min(1e-3)[:, None])  # a bin that never varies stays small

    def forward(self, snippets: Tensor) -> Tensor:
        """(batch, speakers) logits of (batch, bins, frames) snippets."""
        return self.dense8(self._dense7(F.dropout(self._dense5(snippets), self.options.dropout, self.training)))

    def activations(self, snippets: Tensor, layers: Sequence[str] = LAYERS) -> dict[str, Tensor]:
        """Activations by layer, without dropout.

        Args:
            snippets: (batch, bins, frames).
            layers: any of L5 and L7 (dense, after the ReLU) and L8 (posteriors after the softmax).

        Returns:
            (batch, units) by layer, in the order asked for.

        Raises:
            ValueError: an unknown layer, or the network is in training mode.
        """
        unknown = [layer for layer in layers if layer not in LAYERS]
        if unknown:
            raise ValueError(f"unknown layer {unknown[0]!r}: expected some of {', '.join(LAYERS)}")
        if self.training:
            raise ValueError("activations are taken in evaluation mode: call eval() first")
        found = {"L5": self._dense5(snippets)}
        if "L7" in layers or "L8" in layers:
            found["L7"] = self._dense7(found["L5"])
        if "L8" in layers:
            found["L8"] = self.dense8(found["L7"]).softmax(dim=-1)
        return {layer: found[layer] for layer in layers}

    def _dense5(self, snippets: Tensor) -> Tensor:
        expected = (self.options.bins, self.options.frames)
        if snippets.dim() != 3 or snippets.shape[1:] != expected:
            raise ValueError(f"expected snippets of shape (batch, {expected[0]} bins, {expected[1]} frames), "
                             f"got {tuple(snippets.shape)}")
        if self.options.input_norm == "bins":
            snippets = (snippets - self.input_mean) * self.input_scale
        # ReLU commutes with the maximum; after the pooling there is a quarter of the values to clip and to normalise.
        maps = F.relu(self.norm1(self._pool(self.conv1(snippets[:, None]))))
        maps = F.relu(self.norm3(self._pool(self.conv3(maps))))
        return F.relu(self.norm5(self.dense5(maps.flatten(1))))

    def _dense7(self, dense5: Tensor) -> Tensor:
        return F.relu(self.norm7(self.dense7(dense5)))

    def _pool(self, maps: Tensor) -> Tensor:
        return F.max_pool2d(maps, self.options.pool, self.options.pool_stride)


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())
