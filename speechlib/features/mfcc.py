"""Mel-frequency cepstral coefficients, equal to Kaldi's compute-mfcc-feats (feature-mfcc.cc)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from speechlib.features.kaldi_extractor import KaldiExtractor
from speechlib.features.options import MfccOptions
from speechlib.features.spectrum import EPSILON


def cepstral_transform(options: MfccOptions) -> Tensor:
    """(num_mel_bins, num_ceps) float64 product of the orthonormal DCT, the lifter and the order of the coefficients.

    HTK's order puts C0 last, and times sqrt(2) if it is not replaced by the energy (Kaldi MfccComputer::Compute).
    """
    bins = options.num_mel_bins
    index = torch.arange(options.num_ceps, dtype=torch.float64)
    angle = (torch.arange(bins, dtype=torch.float64)[:, None] + 0.5) * index * (math.pi / bins)
    transform = math.sqrt(2.0 / bins) * angle.cos()
    transform[:, 0] = math.sqrt(1.0 / bins)
    lifter = options.cepstral_lifter
    if lifter:
        transform *= 1.0 + 0.5 * lifter * (math.pi * index / lifter).sin()
    if options.htk_compat:
        transform[:, 0] *= math.sqrt(2.0)
        transform = transform.roll(-1, dims=1)
    return transform


class Mfcc(KaldiExtractor):
    """Mel-frequency cepstral coefficients (Kaldi MfccComputer).

    Args:
        options: Kaldi's options.
        settings: vtln_warp, seed and device, as `KaldiExtractor` takes them.
    """

    def __init__(self, options: MfccOptions, **settings) -> None:
        super().__init__(options, options.num_ceps, True, **settings)
        self.transform = cepstral_transform(options).to(device=self.device, dtype=torch.float32)

    def _compute_block(self, samples: list[Tensor], out: Tensor) -> None:
        count = out.shape[0]
        raw_energy = self.spectrum.load(samples, count)
        energies = []
        for rows, squares, energy in self.spectrum.spectra(count):
            self.mel.project(squares, rows.start)
            energies.append(energy)
        torch.mm(self.mel.energies(count).clamp_min_(EPSILON).log_(), self.transform, out=out)
        if self.options.use_energy:
            out[:, self.energy_column] = raw_energy if raw_energy is not None else torch.cat(energies)
