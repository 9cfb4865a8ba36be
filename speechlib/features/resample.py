"""Resampling by a windowed sinc, in pieces (Kaldi's LinearResample and ResampleWaveform, feat/resample.cc)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from speechlib.features.extractor import one_thread

NUM_ZEROS = 6  # zero crossings of the sinc on each side
ROLL_OFF = 0.99  # cut-off relative to the lower Nyquist frequency


class Resampler:
    """Resamples a waveform to another integer rate; as Kaldi does for --allow-downsample and --allow-upsample.

    Args:
        from_rate: Hz.
        to_rate: Hz.
    """

    BLOCK_UNITS = 4096  # of the rates' common period

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = math.gcd(from_rate, to_rate)
        self.in_unit, self.out_unit = from_rate // common, to_rate // common
        self.from_rate = from_rate
        cutoff = ROLL_OFF * 0.5 * min(from_rate, to_rate)
        width = NUM_ZEROS / (2 * cutoff)
        self.reach = math.ceil(width * from_rate) + 1  # samples that an output looks at on each side
        inputs = torch.arange(-self.reach, self.in_unit + self.reach, dtype=torch.float64) / from_rate
        outputs = torch.arange(self.out_unit, dtype=torch.float64) / to_rate
        delta = inputs - outputs[:, None]
        window = 0.5 * (1 + (2 * math.pi * cutoff / NUM_ZEROS * delta).cos())
        sinc = 2 * cutoff * torch.sinc(2 * cutoff * delta)
        weights = torch.where(delta.abs() < width, window * sinc / from_rate, 0.0)
        self.weights = weights.T.to(torch.float32).contiguous()  # (in_unit + 2 reach, out_unit)

    def num_samples(self, samples: int) -> int:
        """Samples after resampling: those that lie before the end of the input (Kaldi GetNumOutputSamples)."""
        return -(-samples * self.out_unit // self.in_unit)

    def stream(self, pieces: Iterable[Tensor | np.ndarray]) -> Iterator[Tensor]:
        """Resample a waveform that comes in pieces; blocks start at the same samples however it is cut."""
        held = torch.zeros(self.reach)
        samples = made = 0
        needed = self.BLOCK_UNITS * self.in_unit + 2 * self.reach
        for piece in pieces:
            held = torch.cat([held, torch.as_tensor(piece)])
            samples += len(piece)
            while len(held) >= needed:
                yield self._units(held, self.BLOCK_UNITS)
                made += self.BLOCK_UNITS * self.out_unit
                held = held[self.BLOCK_UNITS * self.in_unit :]
        left = self.num_samples(samples) - made
        while left > 0:
            held = torch.cat([held, torch.zeros(max(needed - len(held), 0))])
            yield self._units(held, self.BLOCK_UNITS)[:left]
            left -= self.BLOCK_UNITS * self.out_unit
            held = held[self.BLOCK_UNITS * self.in_unit :]

    def _units(self, samples: Tensor, count: int) -> Tensor:
        rows = samples.as_strided((count, len(self.weights)), (self.in_unit, 1), samples.storage_offset())
        with one_thread():
            return (rows @ self.weights).view(-1)
