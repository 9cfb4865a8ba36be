"""x-vector TDNN (Snyder et al., ICASSP 2018; Kaldi's egs/sre16/v1/local/nnet3/xvector/tuning/run_xvector_1a.sh)."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from speechlib.nnet.embedding_model import EmbeddingModel, as_channels, check_sizes, init_xavier
from speechlib.nnet.pooling import StatisticsPooling
from speechlib.nnet.time_windows import TimeGeometry, TimeWindow

# Frames -2..2, then -2 0 2, then -3 0 3, then one at a time. As in Kaldi nothing is padded.
WINDOWS = (TimeWindow(5), TimeWindow(3, dilation=2), TimeWindow(3, dilation=3), TimeWindow(1), TimeWindow(1))


@dataclass(frozen=True)
class Options:
    """Widths; the defaults are those of the paper and of Kaldi's recipes."""

    channels: tuple[int, int, int, int, int] = (512, 512, 512, 512, 1500)  # tdnn1 to tdnn5
    tdnn6: int = 512  # the x-vector
    tdnn7: int = 512

    def __post_init__(self) -> None:
        check_sizes(self, "channels", "tdnn6", "tdnn7")


def build(options: Options, input_dim: int, num_classes: int) -> XVector:
    """Make the network."""
    return XVector(options, input_dim, num_classes)


class XVector(EmbeddingModel):
    """Five time-delay layers, statistics pooling, and two dense layers below the output.

    Each layer is affine, ReLU, batch normalisation without scale and offset (Kaldi's relu-batchnorm-layer). Embeddings
    are the affine parts: tdnn6 is Kaldi's `output-node name=output input=tdnn6.affine`.

    Args:
        options: widths.
        input_dim: coefficients of a frame.
        num_classes: speakers.
    """

    layers = ("tdnn6", "tdnn7")
    frame_windows = {f"tdnn{count}": WINDOWS[:count] for count in range(1, 6)}
    geometry = TimeGeometry(WINDOWS)

    def __init__(self, options: Options, input_dim: int, num_classes: int):
        super().__init__()
        self.options, self.input_dim = options, input_dim
        self.pooling = StatisticsPooling()
        widths = (input_dim, *options.channels)
        self.tdnns = nn.ModuleList(
            nn.Conv1d(before, after, window.kernel, dilation=window.dilation)
            for before, after, window in zip(widths, options.channels, WINDOWS, strict=False)
        )
        self.tdnn_norms = nn.ModuleList(_norm(width) for width in options.channels)
        self.tdnn6 = nn.Linear(2 * options.channels[-1], options.tdnn6)
        self.tdnn6_norm = _norm(options.tdnn6)
        self.tdnn7 = nn.Linear(options.tdnn6, options.tdnn7)
        self.tdnn7_norm = _norm(options.tdnn7)
        self.output = nn.Linear(options.tdnn7, num_classes)
        init_xavier(self, bias=0.0)

    def frame_level(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, frames, dim) to (batch, units, frames - 14): outputs of own frames see nothing of the filling."""
        return self.frame_layer(x, "tdnn5")

    def frame_layer(self, x: Tensor, layer: str) -> Tensor:
        """A time-delay layer behind its ReLU and normalisation."""
        hidden = as_channels(x)
        for name, tdnn, norm in zip(self.frame_windows, self.tdnns, self.tdnn_norms, strict=True):
            hidden = norm(F.relu(tdnn(hidden), inplace=True))
            if name == layer:
                break
        return hidden

    def segment_level(self, pooled: Tensor, layer: str | None = None) -> Tensor:
        """Dense layers: tdnn6 and tdnn7 are their affine parts."""
        hidden = self.tdnn6(pooled)
        if layer == "tdnn6":
            return hidden
        hidden = self.tdnn7(self.tdnn6_norm(F.relu(hidden)))
        return hidden if layer == "tdnn7" else self.tdnn7_norm(F.relu(hidden))


def _norm(width: int) -> nn.Module:
    return nn.BatchNorm1d(width, eps=1e-3, affine=False)  # BatchNormComponent: epsilon 0.001, target RMS 1
