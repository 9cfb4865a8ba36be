"""One-dimensional CNN for speaker embeddings (Shon, Tang and Glass, SLT 2018, section 2 and the authors' code)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from speechlib.nnet.embedding_model import EmbeddingModel, as_channels, check_sizes, init_xavier
from speechlib.nnet.pooling import POOLINGS, mask_frames
from speechlib.nnet.time_windows import TimeGeometry, TimeWindow

# SAME padding, always as much on the left as on the right: TensorFlow's would put conv2's window one frame later for
# utterances of an even number of frames, with as many outputs.
WINDOWS = (TimeWindow(5, padding=2), TimeWindow(7, stride=2, padding=3), TimeWindow(1), TimeWindow(1))


@dataclass(frozen=True)
class Options:
    """Widths and variants; the defaults are the network of the paper's Tables 2 to 4."""

    channels: tuple[int, int, int, int] = (1000, 1000, 1000, 1500)
    fc1: int = 1500
    fc2: int = 600
    pooling: Literal["stats", "average"] = "stats"
    linear_fc1: bool = True  # no ReLU behind fc1; false: ReLU everywhere (Table 1)
    batch_norm: bool = True  # behind each layer but the last; in the authors' code, the paper does not mention it

    def __post_init__(self) -> None:
        check_sizes(self, "channels", "fc1", "fc2")


def build(options: Options, input_dim: int, num_classes: int) -> ShonCNN:
    """Make the network."""
    return ShonCNN(options, input_dim, num_classes)


class ShonCNN(EmbeddingModel):
    """Four convolutions along time, pooling, and two dense layers below the output.

    Each layer is affine, batch normalisation (epsilon 0.001), ReLU. Embeddings are taken behind the affine part of fc1
    or fc2, where nothing but affine maps lie between pooling and fc2 if fc1 is linear: with average pooling and in
    evaluation mode, the mean of `frame_values` of these layers then is the embedding.

    Args:
        options: widths and variants.
        input_dim: coefficients of a frame.
        num_classes: speakers.
    """

    layers = ("fc1", "fc2")  # behind conv1 to conv4: the paper's layers 1 to 6
    frame_windows = {f"conv{count}": WINDOWS[:count] for count in range(1, 5)}
    geometry = TimeGeometry(WINDOWS)

    def __init__(self, options: Options, input_dim: int, num_classes: int):
        super().__init__()
        self.options, self.input_dim = options, input_dim
        self.pooling = POOLINGS[options.pooling]()
        widths = (input_dim, *options.channels)
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, window.kernel, window.stride, window.padding)
            for before, after, window in zip(widths, options.channels, WINDOWS, strict=False)
        )
        self.conv_norms = nn.ModuleList(self._norm(width) for width in options.channels)
        self.fc1 = nn.Linear(options.channels[-1] * self.pooling.outputs_per_unit, options.fc1)
        self.fc1_norm = self._norm(options.fc1)
        self.fc2 = nn.Linear(options.fc1, options.fc2)
        self.fc2_norm = self._norm(options.fc2)
        self.output = nn.Linear(options.fc2, num_classes)
        init_xavier(self, bias=0.001)

    def frame_level(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, frames, dim) to (batch, units, frames / 2 rounded up): all four convolutions."""
        return self._convolve(x, lengths, len(self.convs))

    def segment_level(self, pooled: Tensor, layer: str | None = None) -> Tensor:
        """Dense layers: fc1 and fc2 are their affine parts, before normalisation and ReLU."""
        hidden = self.fc1(pooled)
        if layer == "fc1":
            return hidden
        hidden = self.fc1_norm(hidden)
        hidden = self.fc2(hidden if self.options.linear_fc1 else F.relu(hidden))
        return hidden if layer == "fc2" else F.relu(self.fc2_norm(hidden))

    def frame_layer(self, x: Tensor, layer: str) -> Tensor:
        """A convolution behind its ReLU: frames' = frames for conv1, half of them, rounded up, for the others."""
        return self._convolve(x, None, list(self.frame_windows).index(layer) + 1)

    def _convolve(self, x: Tensor, lengths: Tensor | None, count: int) -> Tensor:
        hidden = as_channels(x)
        layers = zip(self.convs, self.conv_norms, WINDOWS, strict=True)
        for conv, norm, window in list(layers)[:count]:
            if window.padding:  # what lies behind the end must be the zeros that a shorter batch would have there
                hidden = mask_frames(hidden, lengths)
            hidden = F.relu(norm(conv(hidden)), inplace=True)
            lengths = None if lengths is None else window.num_outputs(lengths)
        return hidden

    def _norm(self, width: int) -> nn.Module:
        return nn.BatchNorm1d(width, eps=1e-3) if self.options.batch_norm else nn.Identity()
