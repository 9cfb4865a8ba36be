"""Spectrogram of short-time magnitudes, the input of VGG-M (Nagrani, Chung and Zisserman, Interspeech 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from speechlib.features.extractor import Extractor
from speechlib.features.framing import kaldi_framing
from speechlib.features.options import SpectrogramOptions
from speechlib.features.spectrum import EPSILON, PowerSpectrum


class Spectrogram(Extractor):
    """Magnitudes of the lowest bins of the transform of Kaldi's frames, or their logarithms.

    The paper's frames: 25 ms Hamming windows every 10 ms, padded to 1024 points, of which 512 bins make 512 x 300 of
    3 seconds. Its normalisation, mean and variance of each bin over the crop, is the front end's (cmn: crop).

    Args:
        options: sizes, window, logarithm.
        seed: of the dither noise.
        device: where to compute.
    """

    def __init__(self, options: SpectrogramOptions, *, seed: int = 0, device: str | torch.device = "cpu") -> None:
        super().__init__(
            kaldi_framing(options), options.sample_frequency, options.num_bins,
            dither=options.dither, seed=seed, device=device,
        )  # fmt: skip
        self.options = options
        self.spectrum = PowerSpectrum(options, self.block_frames, self.part_frames, self.device)

    def _compute_block(self, samples: list[Tensor], out: Tensor) -> None:
        self.spectrum.load(samples, len(out))
        for rows, squares, _ in self.spectrum.spectra(len(out)):
            used = squares[:, : 2 * self.dim]
            torch.add(used[:, 0::2], used[:, 1::2], out=out[rows])
        if self.options.use_log:
            out.clamp_min_(EPSILON).log_().mul_(0.5)
        else:
            out.sqrt_()
