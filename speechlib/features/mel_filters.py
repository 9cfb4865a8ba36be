"""Mel filterbanks: Kaldi's (mel-computations.cc, with VTLN) and Slaney's (Auditory Toolbox; librosa's default)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from speechlib.features.options import MelOptions


def kaldi_mel_scale(frequency):
    """Mel value of a frequency in Hz, 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(frequency, dtype=np.float64) / 700.0)


def kaldi_inverse_mel_scale(mel):
    """Frequency in Hz of a mel value."""
    return 700.0 * np.expm1(np.asarray(mel, dtype=np.float64) / 1127.0)


def vtln_warp_frequency(frequency, warp: float, *, low: float, high: float, vtln_low: float, vtln_high: float):
    """Piecewise linear warp of frequencies in Hz for vocal-tract length normalisation (Kaldi VtlnWarpFreq).

    Frequencies between the cut-offs are divided by `warp`; straight lines join them to `low` and `high`, which stay.
    """
    frequency = np.asarray(frequency, dtype=np.float64)
    lower = vtln_low * max(1.0, warp)
    upper = vtln_high * min(1.0, warp)
    left = (lower / warp - low) / (lower - low)
    right = (high - upper / warp) / (high - upper)
    warped = np.where(frequency < upper, frequency / warp, high + right * (frequency - high))
    warped = np.where(frequency < lower, low + left * (frequency - low), warped)
    return np.where((frequency < low) | (frequency > high), frequency, warped)


def kaldi_mel_filters(
    options: MelOptions, sample_frequency: float, fft_size: int, vtln_warp: float = 1.0
) -> np.ndarray:
    """Triangular filters, linear in mel, without area normalisation (Kaldi MelBanks).

    Args:
        options: number of filters, band and VTLN cut-offs.
        sample_frequency: of the waveform in Hz.
        fft_size: points of the Fourier transform.
        vtln_warp: warp factor, 1 for none.

    Returns:
        (fft_size // 2 + 1, num_mel_bins) float64 weights of the power spectrum; the Nyquist row is zero, as in Kaldi.

    Raises:
        ValueError: the band or the cut-offs do not fit the sampling rate, or a filter holds no bin.
    """
    nyquist = 0.5 * sample_frequency
    low = options.low_freq
    high = options.high_freq if options.high_freq > 0 else nyquist + options.high_freq
    if not (0 <= low < nyquist and 0 < high <= nyquist and low < high):
        raise ValueError(
            f"low-freq={options.low_freq} and high-freq={options.high_freq} must satisfy 0 <= low < high <= {nyquist} "
            f"(half of sample-frequency={sample_frequency}; high-freq <= 0 is an offset from there)"
        )
    edges = kaldi_mel_scale(low) + (kaldi_mel_scale(high) - kaldi_mel_scale(low)) * np.linspace(
        0, 1, options.num_mel_bins + 2
    )
    if vtln_warp != 1.0:
        vtln_low = options.vtln_low if options.vtln_low >= 0 else options.vtln_low + nyquist
        vtln_high = options.vtln_high if options.vtln_high >= 0 else options.vtln_high + nyquist
        if not (vtln_warp > 0 and low < vtln_low < vtln_high < high):
            raise ValueError(
                f"vtln-warp={vtln_warp}, vtln-low={options.vtln_low} and vtln-high={options.vtln_high} must satisfy "
                f"warp > 0 and low-freq={low} < vtln-low < vtln-high < high-freq={high}"
            )
        edges = kaldi_mel_scale(
            vtln_warp_frequency(
                kaldi_inverse_mel_scale(edges), vtln_warp, low=low, high=high, vtln_low=vtln_low, vtln_high=vtln_high
            )
        )
    mel = kaldi_mel_scale(np.arange(fft_size // 2) * (sample_frequency / fft_size))[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)).clip(min=0)
    empty = np.flatnonzero(~weights.any(axis=0))
    if len(empty):
        raise ValueError(
            f"num-mel-bins={options.num_mel_bins} is too large: filter {empty[0] + 1} holds no bin of the "
            f"{fft_size}-point transform; lower num-mel-bins, widen the band or lengthen the frame"
        )
    return np.vstack([weights, np.zeros((1, options.num_mel_bins))])


def slaney_mel_filters(
    num_mel_bins: int, sample_frequency: float, fft_size: int, fmin: float, fmax: float
) -> np.ndarray:
    """Triangular filters on Slaney's mel scale, each of unit area over Hz (librosa.filters.mel, norm="slaney").

    The scale is linear to 1000 Hz (66.7 Hz a mel) and logarithmic above (27 mels for a factor of 6.4).

    Returns:
        (fft_size // 2 + 1, num_mel_bins) float64 weights of the power spectrum.
    """
    step, knee = 200.0 / 3, 1000.0
    log_step = np.log(6.4) / 27.0

    def to_mel(hz: float) -> float:
        return hz / step if hz < knee else knee / step + np.log(hz / knee) / log_step

    mels = np.linspace(to_mel(fmin), to_mel(fmax), num_mel_bins + 2)
    edges = np.where(mels < knee / step, mels * step, knee * np.exp(log_step * (mels - knee / step)))
    frequency = np.arange(fft_size // 2 + 1)[:, None] * (sample_frequency / fft_size)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((frequency - left) / (centre - left), (right - frequency) / (right - centre)).clip(min=0)
    return triangles * (2.0 / (right - left))


class BandedProjection:
    """Product with a filterbank that is zero outside a band: a few small dense products instead of one large.

    Args:
        weights: (bins, filters) float64, the bins of every filter next to each other, filters in rising order.
        repeat: each row is repeated so often; 2 takes squared real and imaginary parts, interleaved, without
            adding them first.
        max_rows: rows of the work space for the products.
        device: where the products are made; on a GPU one dense product is faster.
    """

    # Microseconds a frame of a (256, rows) x (rows, columns) product on one AVX-512 core: a constant for the call, and
    # per row a constant and a share for every vector of 16 columns.
    CALL_COST, ROW_COST, VECTOR_COST = 0.017, 5e-5, 1.7e-4

    def __init__(self, weights: np.ndarray, repeat: int, max_rows: int, device: torch.device) -> None:
        filters = weights.shape[1]
        nonzero = [np.flatnonzero(weights[:, i]) for i in range(filters)]
        # A filter without any bin (possible on Slaney's scale) is a column of zeros anywhere.
        low = [int(bins[0]) if len(bins) else 0 for bins in nonzero]
        high = [int(bins[-1]) + 1 if len(bins) else 0 for bins in nonzero]
        groups = self._plan(low, high, repeat) if device.type == "cpu" else [(0, filters)]
        self._energies = torch.empty(max_rows, filters, device=device)
        self.parts: list[tuple[int, int, Tensor, Tensor]] = []  # first row, rows, filters, place of the products
        for start, stop in groups:
            used = [i for i in range(start, stop) if high[i]]
            rows = slice(min((low[i] for i in used), default=0), max((high[i] for i in used), default=1))
            matrix = torch.from_numpy(weights[rows, start:stop].repeat(repeat, axis=0).astype(np.float32)).to(device)
            self.parts.append((rows.start * repeat, len(matrix), matrix, self._energies[:, start:stop]))

    @classmethod
    def _plan(cls, low: list[int], high: list[int], repeat: int) -> list[tuple[int, int]]:
        """Cut the filters into neighbouring groups of the smallest total cost (dynamic programme over the cuts)."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for stop in range(1, len(low) + 1):
            options = []
            lowest, highest = 1 << 60, 0
            for start in range(stop - 1, -1, -1):
                if high[start]:
                    lowest, highest = min(lowest, low[start]), max(highest, high[start])
                rows = max(highest - lowest, 1) * repeat
                vectors = -(-(stop - start) // 16)
                cost = cls.CALL_COST + rows * (cls.ROW_COST + cls.VECTOR_COST * vectors)
                options.append((best[start][0] + cost, start))
            best.append(min(options))
        groups, stop = [], len(low)
        while stop:
            groups.append((best[stop][1], stop))
            stop = best[stop][1]
        return groups[::-1]

    def project(self, spectrum: Tensor, first: int = 0) -> None:
        """Put the product of spectrum (rows, repeat * bins) and the filters into rows first... of the work space."""
        count = spectrum.shape[0]
        for row, rows, matrix, columns in self.parts:
            torch.mm(spectrum.narrow(1, row, rows), matrix, out=columns.narrow(0, first, count))

    def energies(self, count: int) -> Tensor:
        """(count, filters) the first rows of the work space."""
        return self._energies[:count]
