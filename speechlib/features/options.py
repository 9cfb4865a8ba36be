"""Options of the features: names and defaults of Kaldi's feat library, the spectrograms of two papers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

WINDOW_TYPES = ("povey", "hamming", "hanning", "rectangular", "blackman", "sine")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    _require(value in allowed, f"{name}={value!r} is not known: choose one of {', '.join(allowed)}")


@dataclass(frozen=True)
class FrameOptions:
    """How a waveform becomes windowed frames (Kaldi FrameExtractionOptions)."""

    sample_frequency: float = 16000.0
    frame_length: float = 25.0  # milliseconds
    frame_shift: float = 10.0  # milliseconds
    dither: float = 1.0  # standard deviation of the noise, in steps of 16-bit samples
    preemphasis_coefficient: float = 0.97
    remove_dc_offset: bool = True
    window_type: str = "povey"
    blackman_coeff: float = 0.42
    round_to_power_of_two: bool = True
    snip_edges: bool = True
    allow_downsample: bool = False
    allow_upsample: bool = False
    max_feature_vectors: int = -1  # of Kaldi's online extraction: read, without effect here

    def __post_init__(self) -> None:
        _require(self.sample_frequency > 0, f"sample-frequency={self.sample_frequency} must be positive")
        _require(self.dither >= 0, f"dither={self.dither} must not be negative")
        _require(
            0 <= self.preemphasis_coefficient <= 1,
            f"preemphasis-coefficient={self.preemphasis_coefficient} must lie in [0, 1]",
        )
        _one_of("window-type", self.window_type, WINDOW_TYPES)
        _require(self.window_shift >= 1, f"frame-shift={self.frame_shift} ms is shorter than one sample")
        _require(self.window_size >= 2, f"frame-length={self.frame_length} ms is shorter than two samples")

    @property
    def window_shift(self) -> int:
        """Samples from one frame to the next."""
        return int(self.sample_frequency * 0.001 * self.frame_shift)

    @property
    def window_size(self) -> int:
        """Samples in one frame."""
        return int(self.sample_frequency * 0.001 * self.frame_length)

    @property
    def padded_window_size(self) -> int:
        """Points of the Fourier transform."""
        return 1 << (self.window_size - 1).bit_length() if self.round_to_power_of_two else self.window_size


@dataclass(frozen=True)
class MelOptions:
    """The mel filterbank (Kaldi MelBanksOptions)."""

    num_mel_bins: int = 23
    low_freq: float = 20.0
    high_freq: float = 0.0  # <= 0: offset from the Nyquist frequency
    vtln_low: float = 100.0
    vtln_high: float = -500.0  # < 0: offset from the Nyquist frequency
    debug_mel: bool = False  # of Kaldi's logging: read, without effect here

    def __post_init__(self) -> None:
        _require(self.num_mel_bins >= 3, f"num-mel-bins={self.num_mel_bins} must be at least 3")


@dataclass(frozen=True)
class FbankOptions(FrameOptions, MelOptions):
    """Log-mel filterbank features (Kaldi FbankOptions)."""

    use_energy: bool = False
    energy_floor: float = 0.0
    raw_energy: bool = True
    htk_compat: bool = False
    use_log_fbank: bool = True
    use_power: bool = True

    def __post_init__(self) -> None:
        FrameOptions.__post_init__(self)
        MelOptions.__post_init__(self)


@dataclass(frozen=True)
class MfccOptions(FrameOptions, MelOptions):
    """Mel-frequency cepstral coefficients (Kaldi MfccOptions)."""

    num_ceps: int = 13
    use_energy: bool = True
    energy_floor: float = 0.0
    raw_energy: bool = True
    cepstral_lifter: float = 22.0
    htk_compat: bool = False

    def __post_init__(self) -> None:
        FrameOptions.__post_init__(self)
        MelOptions.__post_init__(self)
        _require(
            1 <= self.num_ceps <= self.num_mel_bins,
            f"num-ceps={self.num_ceps} must lie between 1 and num-mel-bins={self.num_mel_bins}",
        )


@dataclass(frozen=True)
class SpectrogramOptions(FrameOptions):
    """Magnitude spectrogram of Kaldi's frames (Nagrani et al., 2017)."""

    use_energy: ClassVar[bool] = False
    raw_energy: ClassVar[bool] = False

    dither: float = 0.0
    window_type: str = "hamming"
    n_fft: int = 1024  # points of the transform; the window is padded with zeros
    num_bins: int = 512  # the lowest ones: of 1024 points all but the Nyquist frequency's
    use_log: bool = False  # natural logarithm of the magnitudes

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            self.n_fft >= self.window_size and self.n_fft % 2 == 0,
            f"n-fft={self.n_fft} must be even and at least the window of {self.window_size} samples",
        )
        most = self.n_fft // 2 + 1
        _require(1 <= self.num_bins <= most, f"num-bins={self.num_bins} must lie between 1 and {most}")

    @property
    def padded_window_size(self) -> int:
        """Points of the Fourier transform."""
        return self.n_fft


@dataclass(frozen=True)
class MelspecOptions:
    """Compressed mel spectrogram log(1 + scale * power) (Lukic et al., 2016, section 2.1; librosa's conventions)."""

    sample_frequency: float = 16000.0
    n_fft: int = 1024
    hop: int = 160
    num_mel_bins: int = 128
    fmin: float = 0.0
    fmax: float = 8000.0
    log_scale: float = 10000.0
    log_base: float = math.e  # the paper's; 10 as in the authors' code
    pad_mode: str = "reflect"  # at the edges: reflect (librosa to 0.9), constant (zeros, librosa from 0.10)

    def __post_init__(self) -> None:
        _require(self.sample_frequency > 0, f"sample-frequency={self.sample_frequency} must be positive")
        _require(self.n_fft >= 16 and self.n_fft % 2 == 0, f"n-fft={self.n_fft} must be even and at least 16")
        _require(self.hop >= 1, f"hop={self.hop} must be at least one sample")
        _require(self.num_mel_bins >= 1, f"num-mel-bins={self.num_mel_bins} must be at least 1")
        _require(
            0 <= self.fmin < self.fmax <= self.sample_frequency / 2,
            f"fmin={self.fmin} and fmax={self.fmax} must satisfy 0 <= fmin < fmax <= {self.sample_frequency / 2}",
        )
        _require(self.log_scale > 0, f"log-scale={self.log_scale} must be positive")
        _require(self.log_base > 1, f"log-base={self.log_base} must be greater than 1")
        _one_of("pad-mode", self.pad_mode, ("reflect", "constant"))
