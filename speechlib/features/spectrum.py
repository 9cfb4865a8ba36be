"""Power spectra and energies of Kaldi's frames (feature-window.cc: ExtractWindow, ProcessWindow), a block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from speechlib.features.framing import window_function
from speechlib.features.kaldi_fft import real_transform_matrix
from speechlib.features.options import FbankOptions, MfccOptions, SpectrogramOptions

EPSILON = torch.finfo(torch.float32).eps  # the floor below Kaldi's logarithms


@dataclass
class _Views:
    """Parts of the work space for blocks of one size: made once, because making a view costs as much as a small sum."""

    samples: Tensor
    later: Tensor
    earlier: Tensor
    emphasised: Tensor
    frames: Tensor
    first: Tensor
    first_samples: Tensor
    doubles: Tensor
    double_frames: Tensor
    total: Tensor
    mean: Tensor
    parts: list[tuple[slice, Tensor, Tensor, Tensor, Tensor, Tensor]]


class PowerSpectrum:
    """Squared spectra and log-energies of a block of frames.

    Kaldi's order for a frame x of N samples with mean m: remove the mean, take the raw log-energy, pre-emphasise,
    window w, pad, transform. All of it is linear, so it is done in another order that touches each sample once and not
    in every frame that covers it: pre-emphasis y[n] = x[n] - c x[n - 1] of the whole block; then w (y - (1 - c) m) in
    each frame. The first sample of a frame, where Kaldi takes itself as predecessor, is put right afterwards. Raw
    energies come from sums in double precision, exact for integer samples.

    Args:
        options: frames, window and energy.
        block_frames: the most frames of a block.
        part_frames: frames that are transformed in one go; their spectra should fit the cache.
        device: where to compute.
    """

    def __init__(
        self,
        options: FbankOptions | MfccOptions | SpectrogramOptions,
        block_frames: int,
        part_frames: int,
        device: torch.device,
    ) -> None:
        self.options = options
        self.raw_energy = options.use_energy and options.raw_energy
        self.size, self.shift = options.window_size, options.window_shift
        self.part_frames = part_frames
        window = window_function(options)
        self.window = window.to(device=device, dtype=torch.float32)
        # What pre-emphasis leaves of a constant; its coefficient is rounded as the arithmetic rounds it.
        self.keep = 1.0 - float(torch.tensor(options.preemphasis_coefficient, dtype=torch.float32))
        self.first_weight = float(window[0]) * self.keep
        self.first_differs = bool(window[0]) and options.preemphasis_coefficient != 0
        self.buffer = torch.zeros(part_frames, options.padded_window_size, device=device)
        samples = (block_frames - 1) * self.shift + self.size
        self.samples = torch.empty(samples, device=device)
        self.emphasised = torch.zeros(samples, device=device) if options.preemphasis_coefficient else self.samples
        self.doubles = torch.empty(samples if self.raw_energy else 0, device=device, dtype=torch.float64)
        self.total = torch.empty(block_frames, device=device, dtype=torch.float64 if self.raw_energy else torch.float32)
        self.mean = torch.zeros(block_frames, device=device)
        self.first = torch.empty(block_frames, device=device)
        self._views: dict[int, _Views] = {}
        length = options.padded_window_size
        self.transform_matrix = None
        if length & (length - 1) and length % 2 == 0:
            self.transform_matrix = torch.from_numpy(real_transform_matrix(length)).to(device)

    def load(self, samples: list[Tensor], count: int) -> Tensor | None:
        """Take the samples of a block in, up to what is done in each frame.

        Args:
            samples: one after the other ((count - 1) * shift + size,) in int16 range.
            count: frames of the block.

        Returns:
            (count,) raw log-energies in double precision, if they are wanted.
        """
        options, views = self.options, self._views_of(count)
        torch.cat(samples, out=views.samples)
        if options.preemphasis_coefficient:
            torch.sub(views.later, views.earlier, alpha=options.preemphasis_coefficient, out=views.emphasised)
        if self.raw_energy:
            views.doubles.copy_(views.samples)
            torch.sum(views.double_frames, 1, out=views.total)
        elif options.remove_dc_offset:
            torch.sum(views.frames, 1, out=views.total)
        if options.remove_dc_offset:
            torch.div(views.total, float(self.size), out=views.mean)
        if not self.raw_energy:
            return None
        torch.mul(views.doubles, views.doubles, out=views.doubles)
        energy = views.double_frames.sum(1)
        if options.remove_dc_offset:
            # N sum(x^2) - sum(x)^2 stays an exact integer, so that a constant signal has energy 0.
            energy.mul_(self.size).addcmul_(views.total, views.total, value=-1.0).div_(self.size)
        return self._log_energy(energy)

    def spectra(self, count: int) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
        """Transform the frames of the loaded block, a part at a time.

        Yields:
            The frames' place in the block; (frames, 2 * bins) squared real and imaginary parts, interleaved, where
            bins = fft_size // 2 + 1; the windowed frames' log-energies if they are wanted instead of the raw ones.
        """
        options, views = self.options, self._views_of(count)
        if self.first_differs:
            torch.sub(views.first_samples, views.mean, out=views.first).mul_(self.first_weight)
        views.mean.mul_(self.keep)
        for rows, emphasised, first, mean, frames, padded in views.parts:
            if options.remove_dc_offset:
                # In this order a constant signal gives exact zeros: both products are rounded alike.
                torch.sub(emphasised, mean, out=frames).mul_(self.window)
            else:
                torch.mul(emphasised, self.window, out=frames)
            if self.first_differs:
                frames[:, 0] = first
            spectrum = self._transform(padded)
            energy = None
            if options.use_energy and not options.raw_energy:
                energy = self._log_energy(frames.double().square_().sum(1))
            yield rows, torch.mul(spectrum, spectrum, out=spectrum).view(padded.shape[0], -1), energy

    def _transform(self, padded: Tensor) -> Tensor:
        """(frames, fft_size) to (frames, 2 * bins) or (frames, bins, 2) real and imaginary parts."""
        if self.transform_matrix is None:
            return torch.view_as_real(torch.fft.rfft(padded))
        # Always as many rows: a product's last digits may depend on their number.
        return torch.mm(self.buffer, self.transform_matrix)[: padded.shape[0]]

    def _log_energy(self, energy: Tensor) -> Tensor:
        energy = energy.clamp_min_(EPSILON).log_()
        floor = self.options.energy_floor
        return energy.clamp_min_(math.log(floor)) if floor > 0 else energy

    def _views_of(self, count: int) -> _Views:
        if count not in self._views:
            if len(self._views) >= 64:
                self._views.clear()
            self._views[count] = self._make_views(count)
        return self._views[count]

    def _make_views(self, count: int) -> _Views:
        used = (count - 1) * self.shift + self.size
        parts = []
        for start in range(0, count, self.part_frames):
            size = min(self.part_frames, count - start)
            padded = self.buffer[:size]
            parts.append(
                (
                    slice(start, start + size),
                    self._frames(self.emphasised, size, start),
                    self.first[start : start + size],
                    self.mean[start : start + size, None],
                    padded[:, : self.size],
                    padded,
                )
            )
        return _Views(
            samples=self.samples[:used],
            later=self.samples[1:used],
            earlier=self.samples[: used - 1],
            emphasised=self.emphasised[1:used],
            frames=self._frames(self.samples, count, 0),
            first=self.first[:count],
            first_samples=self.samples[: (count - 1) * self.shift + 1 : self.shift],
            doubles=self.doubles[:used],
            double_frames=self._frames(self.doubles, count, 0) if self.raw_energy else self.doubles,
            total=self.total[:count],
            mean=self.mean[:count],
            parts=parts,
        )

    def _frames(self, samples: Tensor, count: int, start: int) -> Tensor:
        return samples.as_strided((count, self.size), (self.shift, 1), start * self.shift)
