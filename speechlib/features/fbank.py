"""Log-mel filterbank features, equal to Kaldi's compute-fbank-feats (feature-fbank.cc)."""

from __future__ import annotations

import torch
from torch import Tensor

from speechlib.features.extractor import Extractor
from speechlib.features.framing import kaldi_framing
from speechlib.features.mel_filters import BandedProjection, kaldi_mel_filters
from speechlib.features.options import FbankOptions
from speechlib.features.spectrum import EPSILON, PowerSpectrum


class Fbank(Extractor):
    """Log-mel filterbank (Kaldi FbankComputer).

    Args:
        options: Kaldi's options.
        vtln_warp: constant warp factor of the filterbank.
        seed: of the dither noise.
        device: where to compute.

    Raises:
        ValueError: the filterbank does not fit the sampling rate (see kaldi_mel_filters).
    """

    def __init__(
        self,
        options: FbankOptions,
        *,
        vtln_warp: float = 1.0,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        dim = options.num_mel_bins + options.use_energy
        super().__init__(
            kaldi_framing(options), options.sample_frequency, dim, dither=options.dither, seed=seed, device=device
        )
        self.options = options
        self.spectrum = PowerSpectrum(options, self.block_frames, self.part_frames, self.device)
        filters = kaldi_mel_filters(options, options.sample_frequency, options.padded_window_size, vtln_warp)
        self.mel = BandedProjection(filters, 2 if options.use_power else 1, self.block_frames, self.device)
        first = 1 if options.use_energy and not options.htk_compat else 0
        self.mel_columns = slice(first, first + options.num_mel_bins)
        self.energy_column = dim - 1 if options.htk_compat else 0

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
