"""Self-supervised networks on waveforms and the hidden states of their layers: HuBERT (Hsu et al., 2021), wav2vec 2.0
(Baevski et al., 2020), WavLM (Chen et al., 2022).

The architectures are torchaudio's; sizes of one's own make small networks for trying things out. Waveforms are float32
in [-1, 1] at 16 kHz; with the published stem of convolutions there is a hidden state every 20 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speechlib._torchaudio import import_torchaudio

SAMPLE_RATE = 16000  # Hz, of all networks here

_PUBLISHED = "https://download.pytorch.org/torchaudio/models/"
# Where torchaudio keeps weights, and whether waveforms were brought to mean 0 and variance 1 in the training.
_WEIGHTS = {
    "hubert_base": ("hubert_fairseq_base_ls960.pth", False),
    "hubert_large": ("hubert_fairseq_large_ll60k.pth", True),
    "wav2vec2_base": ("wav2vec2_fairseq_base_ls960.pth", False),
    "wav2vec2_large": ("wav2vec2_fairseq_large_ls960.pth", False),
    "wav2vec2_large_lv60k": ("wav2vec2_fairseq_large_lv60k.pth", True),
    "wavlm_base": ("wavlm_base.pth", False),
    "wavlm_large": ("wavlm_large.pth", True),
}


@dataclass(frozen=True)
class CustomSizes:
    """Sizes of a network of one's own, of HuBERT's kind."""

    stem: tuple[tuple[int, int, int], ...]  # convolutions on the waveform: channels, samples seen, step
    stem_norm: Literal["group", "layer"] = "group"  # group: the first convolution's, over time; layer: of all
    width: int = 96
    num_layers: int = 12
    heads: int = 4
    feed_forward: int = 384
    position_frames: int = 128  # seen by the convolution that tells positions
    position_groups: int = 16

    def __post_init__(self) -> None:
        sizes = (self.width, self.num_layers, self.heads, self.feed_forward, self.position_frames, self.position_groups)
        if not self.stem or min(*sizes, *(size for layer in self.stem for size in layer)) < 1:
            raise ValueError("stem needs a convolution, and all sizes must be at least 1")
        if self.width % self.heads or self.width % self.position_groups:
            raise ValueError(
                f"width {self.width} must be a multiple of heads, {self.heads}, and position_groups, "
                f"{self.position_groups}"
            )


@dataclass(frozen=True)
class NetworkOptions:
    """Which network, and how waveforms are prepared for it."""

    architecture: Literal[
        "hubert_base", "hubert_large", "wav2vec2_base", "wav2vec2_large", "wav2vec2_large_lv60k", "wavlm_base",
        "wavlm_large", "custom",
    ] = "hubert_base"  # fmt: skip
    custom: CustomSizes | None = None
    # Each waveform to mean 0 and variance 1. None: as in the training of the published weights (large networks only).
    normalise_waveform: bool | None = None

    def __post_init__(self) -> None:
        if (self.architecture == "custom") != (self.custom is not None):
            raise ValueError(f"sizes in `custom` belong to architecture custom, this one is {self.architecture}")

    @property
    def normalises(self) -> bool:
        """Whether waveforms are brought to mean 0 and variance 1."""
        if self.normalise_waveform is None:
            return self.architecture != "custom" and _WEIGHTS[self.architecture][1]
        return self.normalise_waveform

    def weights_url(self) -> str:
        """Address of the published weights.

        Raises:
            ValueError: there are none for sizes of one's own.
        """
        if self.architecture not in _WEIGHTS:
            raise ValueError(
                f"nobody has published weights for architecture {self.architecture}: give a file of weights or a seed "
                "for random ones"
            )
        return _PUBLISHED + _WEIGHTS[self.architecture][0]


def build_network(options: NetworkOptions, seed: int = 0) -> nn.Module:
    """A network with random weights, in evaluation mode; the same seed gives the same weights.

    Args:
        options: which network.
        seed: of the weights.
    """
    models = import_torchaudio().models
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if options.custom is None:
            return getattr(models, options.architecture)().eval()
        sizes = options.custom
        return models.wav2vec2_model(
            extractor_mode=f"{sizes.stem_norm}_norm", extractor_conv_layer_config=list(sizes.stem),
            extractor_conv_bias=False, encoder_embed_dim=sizes.width, encoder_projection_dropout=0.0,
            encoder_pos_conv_kernel=sizes.position_frames, encoder_pos_conv_groups=sizes.position_groups,
            encoder_num_layers=sizes.num_layers, encoder_num_heads=sizes.heads, encoder_attention_dropout=0.0,
            encoder_ff_interm_features=sizes.feed_forward, encoder_ff_interm_dropout=0.0, encoder_dropout=0.0,
            encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=None,
        ).eval()  # fmt: skip


class HiddenStateExtractor:
    """Hidden states of whole utterances, one after the other: they depend on nothing but the utterance.

    Args:
        model: from `build_network`.
        normalises: bring each waveform to mean 0 and variance 1.
        layers: transformer layers, counted from 1; None: all.
        device: for the computation; the network is moved there.

    Attributes:
        layers: those that are given.
        num_layers: that the network has.
        dim: values of a hidden state.
        hop: samples from one hidden state to the next.
        min_samples: the shortest waveform that has one.

    Raises:
        ValueError: a layer that the network does not have.
    """

    def __init__(
        self,
        model: nn.Module,
        normalises: bool = False,
        layers: Sequence[int] | None = None,
        device: torch.device | str = "cpu",
    ):
        self._model, self._normalises, self._device = model.to(device), normalises, device
        self.num_layers = len(model.encoder.transformer.layers)
        self.dim = model.encoder.feature_projection.projection.out_features
        self.layers = list(range(1, self.num_layers + 1)) if layers is None else list(layers)
        if not self.layers or min(self.layers) < 1 or max(self.layers) > self.num_layers:
            raise ValueError(f"layers {self.layers}: the network has layers 1 to {self.num_layers}")
        if self.layers != sorted(set(self.layers)):
            raise ValueError(f"layers {self.layers}: expected each once, the lowest first")
        self.hop = self.min_samples = 1
        for block in reversed(model.feature_extractor.conv_layers):
            self.hop *= block.stride
            self.min_samples = (self.min_samples - 1) * block.stride + block.kernel_size

    def num_frames(self, samples: int) -> int:
        """Hidden states a layer of a waveform: floor((samples - min_samples) / hop) + 1, none for shorter ones."""
        return max((samples - self.min_samples) // self.hop + 1, 0)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Hidden states of a waveform.

        Args:
            waveform: (samples,) float32 in [-1, 1] at 16 kHz.

        Returns:
            (layers, frames, dim) float32, on the device.

        Raises:
            ValueError: it is too short.
        """
        if len(waveform) < self.min_samples:
            raise ValueError(
                f"{len(waveform)} samples at {SAMPLE_RATE} Hz, but the network needs {self.min_samples} "
                f"({self.min_samples / SAMPLE_RATE:g} s) for a hidden state"
            )
        with torch.inference_mode():
            x = waveform.to(self._device)[None]
            if self._normalises:
                x = nn.functional.layer_norm(x, x.shape)
            found, _ = self._model.extract_features(x, num_layers=self.layers[-1])
            return torch.stack([found[layer - 1][0] for layer in self.layers])
