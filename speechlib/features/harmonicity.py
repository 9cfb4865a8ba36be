"""Harmonicity of frames, the peak of their normalised autocorrelation (Jeon et al., 2009), and speech found by it.

Voiced speech repeats itself with the period of the glottis, noise does not. Unvoiced sounds do not either, but they
stand beside voiced ones: a margin takes them in. Two things differ from the plain measure (Boersma, IFA Proceedings 17,
1993), for the rumble of a room is a narrow band of noise, and that, too, looks periodic for a while. The spectrum is
flattened, by a pre-emphasis and by taking its magnitude instead of its power (the generalised autocorrelation of
Tolonen and Karjalainen, IEEE Trans. SAP 8, 2000). And the square root of the window's own autocorrelation is divided
by: all of it would make low voices as harmonic as high ones, but raise what chance does at their long lags as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from speechlib.features.speech_regions import flags_of, runs, speech_regions

PERIODS = 3  # of the lowest pitch in a window: fewer do not show the period, more blur a pitch that moves
_BLOCK_FRAMES = 512  # transformed at once: their spectra stay in a core's cache
_LAG_POINTS_PER_PERIOD = 16  # of the highest pitch: the parabola through three points then finds its peak
_PRE_EMPHASIS_HZ = 300.0  # below, the spectrum is attenuated by 12 dB an octave
_SILENCE = 1.0  # mean square, samples in int16 range: below, there is nothing but rounding noise


@dataclass(frozen=True)
class HarmonicityOptions:
    """What is measured, and when it is speech.

    A stretch of frames is voiced where the harmonicity stays above `offset` and reaches `onset` somewhere.
    """

    frame_shift: float = 10.0  # ms
    min_pitch: float = 60.0  # Hz: three periods of it are a window
    max_pitch: float = 400.0  # Hz
    low_freq: float = 100.0  # Hz: rumble and hum below are not listened to
    high_freq: float = 3500.0  # Hz, or half the sampling rate if that is less
    onset: float = 0.45
    offset: float = 0.12
    max_drop: float = 25.0  # dB below the loud frames of the recording (its 95th percentile): less is silence
    min_voiced: float = 70.0  # ms; shorter stretches are chance
    min_silence: float = 300.0  # ms; shorter pauses between voiced stretches are unvoiced speech
    margin: float = 250.0  # ms before and after, for unvoiced sounds

    def __post_init__(self) -> None:
        if not 0 < self.min_pitch < self.max_pitch:
            raise ValueError(f"pitch from {self.min_pitch} to {self.max_pitch} Hz: expected 0 < min-pitch < max-pitch")
        if not 0 <= self.low_freq < self.high_freq or self.high_freq < self.max_pitch:
            raise ValueError(
                f"a band from {self.low_freq} to {self.high_freq} Hz: expected low-freq < high-freq, and high-freq not "
                f"below max-pitch={self.max_pitch}"
            )
        if not 0 < self.offset <= self.onset <= 1:
            raise ValueError(f"onset={self.onset}, offset={self.offset}: expected 0 < offset <= onset <= 1")
        if not self.frame_shift > 0:
            raise ValueError(f"frame-shift={self.frame_shift} ms must be positive")
        for name in ("max_drop", "min_voiced", "min_silence", "margin"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name.replace('_', '-')}={getattr(self, name)} must not be negative")


class HarmonicityExtractor:
    """Measures the harmonicity of every frame of a waveform that comes in pieces, in bounded memory.

    Frame t is centred at (t + 1/2) frame shifts, as Kaldi's with snip-edges=false, and there are as many of them; what
    lies outside of the recording is zero. The autocorrelation is that of a frame under a Hann window, its spectrum
    limited to the band, flattened, and transformed back.

    Args:
        rate: samples per second.
        options: pitch range, band and frame shift.

    Raises:
        ValueError: the rate is too low for the band or the pitch range.
    """

    def __init__(self, rate: int, options: HarmonicityOptions | None = None) -> None:
        self.options = options = options or HarmonicityOptions()
        if rate < 4 * options.max_pitch:
            raise ValueError(f"audio of {rate} Hz: too low a rate for a pitch of up to {options.max_pitch} Hz")
        self.shift = options.frame_shift * 1e-3 * rate
        self.window = np.hanning(2 + round(PERIODS / options.min_pitch * rate))[1:-1].astype(np.float32)
        self.size = _fast_length(len(self.window) + round(rate / options.min_pitch) + 2)
        freqs = np.arange(self.size // 2 + 1) * rate / self.size
        freqs = freqs[freqs <= min(options.high_freq, rate / 2)]
        # Edges a quarter of an octave wide: sharp ones would ring in the autocorrelation.
        edges = [options.low_freq / 1.19, options.low_freq, options.high_freq / 1.19, options.high_freq]
        band = np.interp(freqs, edges, [0, 1, 1, 0]) if options.low_freq else np.interp(freqs, edges[2:], [1, 0])
        self.band = (band * (freqs**2 / (freqs**2 + _PRE_EMPHASIS_HZ**2)) ** 2).astype(np.float32)
        seconds = self.size / rate
        self.lags = _fast_length(max(2 * len(freqs), int(seconds * options.max_pitch * _LAG_POINTS_PER_PERIOD)))
        self.first = int(self.lags / seconds / options.max_pitch)
        self.past = int(np.ceil(self.lags / seconds / options.min_pitch)) + 1
        own = np.fft.irfft(np.abs(np.fft.rfft(self.window, self.size)[: len(freqs)]), self.lags)
        self.correction = np.sqrt(own[0] / own[self.first - 1 : self.past + 1]).astype(np.float32)
        self.power = float(np.sum(self.window.astype(np.float64) ** 2)) * self.size / 2  # of a mean square of 1

    def num_frames(self, num_samples: int) -> int:
        """Frames of a waveform: Kaldi's NumFrames with snip-edges=false."""
        return int((num_samples + self.shift / 2) // self.shift)

    def stream(self, pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Harmonicity of a waveform in pieces.

        Args:
            pieces: (n,) arrays of samples in int16 range.

        Yields:
            (frames,) float32 harmonicity from 0 to 1, and (frames,) float32 mean square of the samples in the band.
        """
        length = len(self.window)
        lead = length // 2 + 1  # zeros before the first sample
        held = np.zeros(lead, np.float32)
        offset, frame, total = -lead, 0, 0  # position of held[0]; next frame; samples so far
        past_all = None
        pieces = iter(pieces)
        while past_all is None or frame < past_all:
            piece = next(pieces, None)
            if piece is None:
                past_all = self.num_frames(total)
                held = np.concatenate((held, np.zeros(length + 1, np.float32)))
            else:
                total += len(piece)
                held = np.concatenate((held, np.asarray(piece, np.float32)))
            # Frames of which all samples are there; those at the end wait for the zeros.
            ready = int((total - length) / self.shift) if past_all is None else past_all
            for begin in range(frame, ready, _BLOCK_FRAMES):
                past = min(begin + _BLOCK_FRAMES, ready)
                starts = np.rint((np.arange(begin, past) + 0.5) * self.shift - length / 2).astype(np.int64) - offset
                yield self._measure(np.lib.stride_tricks.sliding_window_view(held, length)[starts])
                frame = past
            done = int(np.rint((frame + 0.5) * self.shift - length / 2)) - offset
            if done > 0:
                held, offset = held[done:], offset + done

    def _measure(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = frames * self.window
        spectrum = np.fft.rfft(frames, self.size)[:, : len(self.band)]
        power = (spectrum.real**2 + spectrum.imag**2) * self.band
        correlation = np.fft.irfft(np.sqrt(power), self.lags)
        level = power.sum(axis=1) / np.float32(self.power)
        zeroth = np.maximum(correlation[:, :1], np.float32(1e-20))
        harmonicity = _highest_peak(correlation[:, self.first - 1 : self.past + 1] / zeroth * self.correction)
        harmonicity[level < _SILENCE] = 0
        return np.clip(harmonicity, 0, 1).astype(np.float32), level.astype(np.float32)


def harmonicity_vad(
    harmonicity: np.ndarray, level: np.ndarray, options: HarmonicityOptions | None = None
) -> np.ndarray:
    """Decide frame by frame whether there is speech.

    Args:
        harmonicity, level: (frames,) of a whole recording, as `HarmonicityExtractor.stream` yields them.
        options: thresholds and durations.

    Returns:
        (frames,) float32 of ones (speech) and zeros.
    """
    options = options or HarmonicityOptions()
    if not len(harmonicity):
        return np.zeros(0, np.float32)
    loud = level > np.quantile(level, 0.95) * 10 ** (-options.max_drop / 10)
    candidates = runs(loud & (harmonicity >= options.offset))
    reaches = np.concatenate(([0], np.cumsum(harmonicity >= options.onset)))
    lengths = candidates[:, 1] - candidates[:, 0]
    chosen = reaches[candidates[:, 1]] > reaches[candidates[:, 0]]
    chosen &= lengths >= options.min_voiced / options.frame_shift
    voiced = flags_of(candidates[chosen], len(harmonicity))
    return flags_of(
        speech_regions(
            voiced,
            min_silence=round(options.min_silence / options.frame_shift),
            margin=round(options.margin / options.frame_shift),
        ),
        len(harmonicity),
    )


def _highest_peak(values: np.ndarray) -> np.ndarray:
    """Height of the highest local maximum of each row, by the parabola through three points; 0 without a maximum.

    The first and the last column are neighbours only. A row that just falls from lag 0 on has no period.
    """
    inner = values[:, 1:-1]
    is_peak = (inner >= values[:, :-2]) & (inner >= values[:, 2:])
    best = np.argmax(np.where(is_peak, inner, -np.inf), axis=1)
    rows = np.arange(len(values))
    before, peak, after = (values[rows, best + offset] for offset in (0, 1, 2))
    curvature = before - 2 * peak + after
    height = peak - np.where(curvature < 0, (before - after) ** 2 / np.where(curvature < 0, 8 * curvature, 1), 0)
    return np.where(is_peak[rows, best], height, 0)


def _fast_length(least: int) -> int:
    """The smallest even number of factors 2, 3 and 5 that is not less: transforms of such lengths are quick."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            even = three * 2
            while even < least:
                even *= 2
            best = min(best, even)
            three *= 3
        five *= 5
    return best
