"""Log-mel filterbank features, equal to Kaldi's compute-fbank-feats (feature-fbank.cc)."""

from __future__ import annotations

import torch
from torch import Tensor

from speechlib.features.kaldi_extractor import KaldiExtractor
from speechlib.features.options import FbankOptions
from speechlib.features.spectrum import EPSILON


class Fbank(KaldiExtractor):
    """Log-mel filterbank (Kaldi FbankComputer).

    Args:
        options: Kaldi's options.
        settings: vtln_warp, seed and device, as `KaldiExtractor` takes them.
    """

    def __init__(self, options: FbankOptions, **settings) -> None:
        super().__init__(options, options.num_mel_bins + options.use_energy, options.use_power, **settings)
        first = 1 if options.use_energy and not options.htk_compat else 0
        self.mel_columns = slice(first, first + options.num_mel_bins)

    def _compute_block(self, samples: list[Tensor], out: Tensor) -> None:
        options, count = self.options, out.shape[0]
        energy = self.spectrum.load(samples, count)
        if energy is not None:
            out[:, self.energy_column] = energy
        for rows, squares, energy in self.spectrum.spectra(count):
            if not options.use_power:
                squares = (squares[:, 0::2] + squares[:, 1::2]).sqrt_()
            self.mel.project(squares, rows.start)
            if energy is not None:
                out[rows, self.energy_column] = energy
        mel = self.mel.energies(count)
        if options.use_log_fbank:
            torch.log(mel.clamp_min_(EPSILON), out=out[:, self.mel_columns])
        else:
            out[:, self.mel_columns] = mel
