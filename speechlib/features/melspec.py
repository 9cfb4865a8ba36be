"""Compressed mel spectrogram log(1 + 10000 x) of Lukic et al. (MLSP 2016, section 2.1), in librosa's conventions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from speechlib.features.extractor import Extractor
from speechlib.features.framing import Framing
from speechlib.features.mel_filters import BandedProjection, slaney_mel_filters
from speechlib.features.options import MelspecOptions


class Melspec(Extractor):
    """Mel power spectrogram of centred frames, compressed by log(1 + scale * x).

    Periodic Hann window of n_fft samples, power 2, Slaney's mel scale with area normalisation; 1 + samples // hop
    frames. The waveform comes in int16 range, as for all extractors, and is scaled to [-1, 1) here.

    Args:
        options: sizes, band, logarithm.
        device: where to compute.
    """

    def __init__(self, options: MelspecOptions, *, device: str | torch.device = "cpu") -> None:
        size = options.n_fft
        framing = Framing(size, options.hop, -(size // 2), options.pad_mode)
        super().__init__(framing, options.sample_frequency, options.num_mel_bins, device=device)
        self.options = options
        window = torch.hann_window(size, periodic=True, dtype=torch.float64) / 32768.0
        self.window = window.to(device=self.device, dtype=torch.float32)
        self.samples = torch.empty((self.block_frames - 1) * options.hop + size, device=self.device)
        self.buffer = torch.empty(self.part_frames, size, device=self.device)
        filters = slaney_mel_filters(options.num_mel_bins, options.sample_frequency, size, options.fmin, options.fmax)
        self.mel = BandedProjection(filters * options.log_scale, 2, self.block_frames, self.device)
        self.log_unit = 1.0 / math.log(options.log_base)

    def _compute_block(self, samples: list[Tensor], out: Tensor) -> None:
        size, hop = self.options.n_fft, self.options.hop
        torch.cat(samples, out=self.samples[: (len(out) - 1) * hop + size])
        for first in range(0, len(out), self.part_frames):
            count = min(self.part_frames, len(out) - first)
            frames = self.samples.as_strided((count, size), (hop, 1), first * hop)
            windowed = torch.mul(frames, self.window, out=self.buffer[:count])
            spectrum = torch.view_as_real(torch.fft.rfft(windowed))
            self.mel.project(torch.mul(spectrum, spectrum, out=spectrum).view(count, -1), first)
        torch.log1p(self.mel.energies(len(out)), out=out)
        if self.log_unit != 1.0:
            out.mul_(self.log_unit)
