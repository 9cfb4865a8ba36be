"""What Kaldi's features share (feature-common.h): framing, power spectra, mel filterbank, place of the energy."""

from __future__ import annotations

import torch

from speechlib.features.extractor import Extractor
from speechlib.features.framing import kaldi_framing
from speechlib.features.mel_filters import BandedProjection, kaldi_mel_filters
from speechlib.features.options import FbankOptions, MfccOptions
from speechlib.features.spectrum import PowerSpectrum


class KaldiExtractor(Extractor):
    """An extractor with Kaldi's options.

    Args:
        options: Kaldi's options.
        dim: coefficients of a frame.
        use_power: mel energies of the power spectrum, else of the magnitudes.
        vtln_warp: constant warp factor of the filterbank.
        seed: of the dither noise.
        device: where to compute.

    Raises:
        ValueError: the filterbank does not fit the sampling rate (see kaldi_mel_filters).
    """

    def __init__(
        self,
        options: FbankOptions | MfccOptions,
        dim: int,
        use_power: bool,
        *,
        vtln_warp: float = 1.0,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(
            kaldi_framing(options), options.sample_frequency, dim, dither=options.dither, seed=seed, device=device
        )
        self.options = options
        self.spectrum = PowerSpectrum(options, self.block_frames, self.part_frames, self.device)
        filters = kaldi_mel_filters(options, options.sample_frequency, options.padded_window_size, vtln_warp)
        self.mel = BandedProjection(filters, 2 if use_power else 1, self.block_frames, self.device)
        self.energy_column = dim - 1 if options.htk_compat else 0
