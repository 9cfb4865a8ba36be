"""VGG-M on spectrograms with average pooling over time (Nagrani, Chung and Zisserman, Interspeech 2017, Table 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from speechlib.nnet.embedding_model import EmbeddingModel, check_sizes, init_xavier
from speechlib.nnet.pooling import AveragePooling, mask_frames
from speechlib.nnet.time_windows import TimeGeometry, TimeWindow

# Layers as (window along frequency, window along time). The paper gives sizes of maps; paddings follow from them:
# 512 x 300 become 254 x 148, 126 x 73, 62 x 36, 30 x 17 (three times more), 9 x 8 and 1 x 8.
CONVS = (
    (TimeWindow(7, 2, padding=1), TimeWindow(7, 2, padding=1)),
    (TimeWindow(5, 2, padding=1), TimeWindow(5, 2, padding=1)),
    *[(TimeWindow(3, padding=1), TimeWindow(3, padding=1))] * 3,
)
POOLS = {0: (TimeWindow(3, 2), TimeWindow(3, 2)), 1: (TimeWindow(3, 2), TimeWindow(3, 2)),
         4: (TimeWindow(5, 3), TimeWindow(3, 2))}  # behind these convolutions  # fmt: skip


def _windows(axis: int, count: int = len(CONVS)) -> list[TimeWindow]:
    """Of frequency (0) or time (1), through that many convolutions and what pools behind them."""
    windows = []
    for index, conv in enumerate(CONVS[:count]):
        windows.append(conv[axis])
        if index in POOLS:
            windows.append(POOLS[index][axis])
    return windows


@dataclass(frozen=True)
class Options:
    """Widths; the defaults are the paper's."""

    channels: tuple[int, int, int, int, int] = (96, 256, 384, 256, 256)  # conv1 to conv5
    fc6: int = 4096
    fc7: int = 1024
    batch_norm: bool = True  # behind each layer but the last, as in the authors' models

    def __post_init__(self) -> None:
        check_sizes(self, "channels", "fc6", "fc7")


def build(options: Options, input_dim: int, num_classes: int) -> VggM:
    """Make the network."""
    return VggM(options, input_dim, num_classes)


class VggM(EmbeddingModel):
    """Five convolutions, one that takes all frequencies (fc6), the mean over time (apool6), fc7, and the output (fc8).

    Each layer is affine, batch normalisation, ReLU. Embeddings: fc6, the mean over time, and fc7, its affine part.

    Args:
        options: widths.
        input_dim: bins of a frame of the spectrogram, 512 in the paper.
        num_classes: speakers.

    Raises:
        ValueError: there are too few bins for the windows along frequency.
    """

    layers = ("fc6", "fc7")
    frame_windows = {**{f"conv{count}": _windows(1, count) for count in range(1, 6)}, "fc6": _windows(1)}
    geometry = TimeGeometry(_windows(1))

    def __init__(self, options: Options, input_dim: int, num_classes: int):
        super().__init__()
        self.options, self.input_dim = options, input_dim
        along_frequency = TimeGeometry(_windows(0))
        if input_dim < along_frequency.min_frames:
            raise ValueError(f"spectrograms of {input_dim} bins are too small for VGG-M, which needs "
                             f"{along_frequency.min_frames} (512 in the paper)")  # fmt: skip
        self.pooling = AveragePooling()
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, *zip(*((w.kernel, w.stride, w.padding) for w in windows), strict=True))
            for before, after, windows in zip((1, *options.channels), options.channels, CONVS, strict=False)
        )
        self.conv_norms = nn.ModuleList(self._norm(nn.BatchNorm2d, width) for width in options.channels)
        self.fc6 = nn.Conv2d(options.channels[-1], options.fc6, (along_frequency.num_outputs(input_dim), 1))
        self.fc6_norm = self._norm(nn.BatchNorm2d, options.fc6)
        self.fc7 = nn.Linear(options.fc6, options.fc7)
        self.fc7_norm = self._norm(nn.BatchNorm1d, options.fc7)
        self.output = nn.Linear(options.fc7, num_classes)
        init_xavier(self, bias=0.0)

    def frame_level(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, frames, bins) to (batch, units, frames') through fc6, a frame every 32."""
        return F.relu(self.fc6_norm(self.fc6(self._convolve(x, lengths, len(CONVS))))).squeeze(2)

    def frame_layer(self, x: Tensor, layer: str) -> Tensor:
        """conv1 to conv5 behind ReLU and pooling, all channels and frequencies of a frame in a row; fc6 behind ReLU."""
        if layer == "fc6":
            return self.frame_level(x)
        return self._convolve(x, None, list(self.frame_windows).index(layer) + 1).flatten(1, 2)

    def _convolve(self, x: Tensor, lengths: Tensor | None, count: int) -> Tensor:
        hidden = x.transpose(1, 2)[:, None]
        layers = zip(self.convs, self.conv_norms, CONVS, strict=True)
        for index, (conv, norm, windows) in enumerate(list(layers)[:count]):
            # what lies behind the end must be the zeros that a shorter batch would have there
            hidden = F.relu(norm(conv(mask_frames(hidden, lengths))), inplace=True)
            lengths = None if lengths is None else windows[1].num_outputs(lengths)
            if index in POOLS:
                pools = POOLS[index]
                hidden = F.max_pool2d(hidden, [w.kernel for w in pools], [w.stride for w in pools])
                lengths = None if lengths is None else pools[1].num_outputs(lengths)
        return hidden

    def segment_level(self, pooled: Tensor, layer: str | None = None) -> Tensor:
        """fc6 is what comes in, fc7 its affine part."""
        if layer == "fc6":
            return pooled
        hidden = self.fc7(pooled)
        return hidden if layer == "fc7" else F.relu(self.fc7_norm(hidden))

    def _norm(self, kind: type[nn.Module], width: int) -> nn.Module:
        return kind(width) if self.options.batch_norm else nn.Identity()
