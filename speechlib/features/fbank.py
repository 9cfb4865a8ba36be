"""Log-mel filterbank features, equal to Kaldi's compute-fbank-feats (feature-window.cc, feature-fbank.cc)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from speechlib.features.extractor import Extractor
from speechlib.features.framing import kaldi_framing, window_function
from speechlib.features.mel_filters import BandedProjection, kaldi_mel_filters
from speechlib.features.options import FbankOptions, MfccOptions

EPSILON = torch.finfo(torch.float32).eps  # the floor below Kaldi's logarithms


class PowerSpectrum:
    """Windowed frames, their squared spectra and their log-energies (Kaldi ExtractWindow and ProcessWindow).

    Kaldi's order for a frame x of N samples with mean m: remove the mean, take the raw log-energy, pre-emphasise,
    window w, pad, transform. All of it is linear, so it is done in another order that touches each sample once and not
    in every frame that covers it: pre-emphasis y[n] = x[n] - c x[n - 1] of the whole signal; then w (y - (1 - c) m) in
    each frame. The first sample of a frame, where Kaldi takes itself as predecessor, is put right afterwards. Means
    and energies come from sums in double precision, exact for integer samples.
    """

    def __init__(
        self, options: FbankOptions | MfccOptions, max_frames: int, *, need_energy: bool, device: torch.device
    ) -> None:
        self.options = options
        self.need_energy = need_energy
        self.size, self.shift = options.window_size, options.window_shift
        window = window_function(options)
        self.window = window.to(device=device, dtype=torch.float32)
        # What pre-emphasis leaves of a constant; its coefficient is rounded as the arithmetic rounds it.
        self.keep = 1.0 - float(torch.tensor(options.preemphasis_coefficient, dtype=torch.float32))
        self.first_weight = float(window[0]) * self.keep
        self.fft_size = options.padded_window_size
        self.buffer = torch.zeros(max_frames, self.fft_size, device=device)
        samples = (max_frames - 1) * self.shift + self.size
        self.emphasised = torch.empty(samples, device=device)
        self.doubles = torch.empty(samples, device=device, dtype=torch.float64)

    def _frames(self, samples: Tensor, count: int) -> Tensor:
        return samples.as_strided((count, self.size), (self.shift, 1), samples.storage_offset())

    def windowed(self, samples: Tensor, count: int) -> tuple[Tensor, Tensor | None]:
        """Frames ready for the transform.

        Args:
            samples: ((count - 1) * shift + size,) float32 in int16 range.
            count: number of frames.

        Returns:
            (count, fft_size) windowed frames in the work space, and (count,) log-energies in double precision if they
            are needed.
        """
        options = self.options
        used = len(samples)
        energy = mean = None
        raw_energy = self.need_energy and options.raw_energy
        if options.remove_dc_offset or raw_energy:
            doubles = self.doubles[:used].copy_(samples)
            total = self._frames(doubles, count).sum(1)
            mean = (total / self.size).float() if options.remove_dc_offset else None
            if raw_energy:
                energy = self._frames(doubles.square_(), count).sum(1)
                if options.remove_dc_offset:
                    # N sum(x^2) - sum(x)^2 stays an exact integer, so that a constant signal has energy 0.
                    energy = energy.mul_(self.size).addcmul_(total, total, value=-1.0).div_(self.size)
        emphasised = samples
        if options.preemphasis_coefficient:
            emphasised = self.emphasised[:used]
            emphasised[:1] = samples[:1]
            torch.sub(samples[1:], samples[:-1], alpha=options.preemphasis_coefficient, out=emphasised[1:])
        padded = self.buffer[:count]
        frames = padded[:, : self.size]
        if mean is None:
            torch.mul(self._frames(emphasised, count), self.window, out=frames)
        else:
            # In this order a constant signal gives exact zeros: both products are rounded alike.
            torch.sub(self._frames(emphasised, count), (mean * self.keep)[:, None], out=frames).mul_(self.window)
        if self.first_weight:
            first = samples[: (count - 1) * self.shift + 1 : self.shift]
            first = first - mean if mean is not None else first
            torch.mul(first, self.first_weight, out=frames[:, 0])
        if self.need_energy:
            if energy is None:
                energy = frames.double().square_().sum(1)
            energy = energy.clamp_min_(EPSILON).log_()
            if options.energy_floor > 0:
                energy.clamp_min_(math.log(options.energy_floor))
        return padded, energy

    def squares(self, padded: Tensor) -> Tensor:
        """(count, 2 * bins) squared real and imaginary parts of the spectrum, interleaved: bins = fft_size // 2 + 1."""
        spectrum = torch.view_as_real(torch.fft.rfft(padded))
        return spectrum.mul_(spectrum).view(len(padded), -1)


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
        self.spectrum = PowerSpectrum(
            options, self.block_frames, need_energy=options.use_energy, device=self.device
        )
        filters = kaldi_mel_filters(options, options.sample_frequency, options.padded_window_size, vtln_warp)
        self.mel = BandedProjection(filters, repeat=2 if options.use_power else 1, device=self.device)
        first = 1 if options.use_energy and not options.htk_compat else 0
        self.mel_columns = slice(first, first + options.num_mel_bins)
        self.energy_column = dim - 1 if options.htk_compat else 0

    def _compute_block(self, samples: Tensor, out: Tensor) -> None:
        padded, energy = self.spectrum.windowed(samples, len(out))
        squares = self.spectrum.squares(padded)
        if not self.options.use_power:
            squares = (squares[:, 0::2] + squares[:, 1::2]).sqrt_()
        mel = out[:, self.mel_columns]
        self.mel.project(squares, mel)
        if self.options.use_log_fbank:
            mel.clamp_min_(EPSILON).log_()
        if energy is not None:
            out[:, self.energy_column] = energy
