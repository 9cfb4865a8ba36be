"""Functionals of an utterance: one vector of statistics of how its pitch, energy, spectrum and voice go.

The descriptors are the field's usual ones, each with its formula and source in the module that measures it: `pitch`,
`spectral_shape`, `formants`, `voice_quality`, `speech_rate`; their statistics are in `contours`. Names and order are
fixed: `<descriptor>_<frames>_<statistic>`, where the frames are

    voiced    with a pitch
    active    not more than 30 dB below the loud ones (the level's 95th percentile)
    unvoiced  active without a pitch
    (none)    all, or, for what only voiced frames have, the voiced ones

What depends on the recording's gain (`loudness`, `level`) stands beside what does not (`relative_loudness`, everything
else). A statistic over no frame is 0; all are finite whatever the waveform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechlib.features.contours import (
    LEVELS,
    MODULATION_BANDS,
    deltas,
    modulation_shares,
    moments,
    num_peaks,
    percentiles,
    quantile,
    segment_lengths,
    slopes,
    smoothed,
)
from speechlib.features.formants import NUM_FORMANTS, FormantFinder
from speechlib.features.pitch import (
    HarmonicsToNoise,
    PitchCandidates,
    PitchFinder,
    PitchOptions,
    PitchTrack,
    harmonic_level,
)
from speechlib.features.power_spectra import FRAMES_A_SECOND, SHIFT, check_waveform, frame_samples, spectra_blocks
from speechlib.features.spectral_shape import NUM_CEPS, SHAPE_NAMES, SpectralFrames, SpectralShape
from speechlib.features.speech_rate import nuclei_a_second
from speechlib.features.speech_regions import runs
from speechlib.features.voice_quality import compare_cycles

GROUPS = ("pitch", "energy", "spectral", "mfcc", "voice_quality")
ACTIVE_DROP = 30.0  # dB
_KEPT_BYTES = 16 << 20
MIN_LIKENESS = 0.5  # of cycles that are compared: less alike, they are none
_MOMENTS = ("mean", "sd")
_LEVELS = (*(f"p{level}" for level in LEVELS), "range")
_SLOPES = ("rise_mean", "rise_sd", "fall_mean", "fall_sd")
_CEPS = range(1, NUM_CEPS + 1)
_HARMONIC_NAMES = (
    "h1_h2", "h1_a1", "h1_a3", "a2_a1", "a3_a1",
    *(f"f{number}" for number in range(1, NUM_FORMANTS + 1)),
    *(f"bandwidth{number}" for number in range(1, NUM_FORMANTS + 1)),
)  # fmt: skip


@dataclass(frozen=True)
class FunctionalOptions:
    """Which functionals.

    Attributes:
        groups: of GROUPS; the vector holds them in the order of GROUPS.
        min_pitch, max_pitch: Hz.
    """

    groups: tuple[str, ...] = GROUPS
    min_pitch: float = PitchOptions.min_pitch
    max_pitch: float = PitchOptions.max_pitch

    def __post_init__(self) -> None:
        unknown = [group for group in self.groups if group not in GROUPS]
        if unknown or not self.groups:
            raise ValueError(f"groups={','.join(self.groups)}: expected one or more of {', '.join(GROUPS)}")
        PitchOptions(self.min_pitch, self.max_pitch)


@dataclass
class _Utterance:
    """Descriptors of all frames of an utterance, and which frames are which."""

    samples: np.ndarray
    frames: np.ndarray
    pitch: PitchTrack
    spectral: SpectralFrames

    def __post_init__(self) -> None:
        level = self.spectral.level
        self.voiced = self.pitch.voiced
        self.active = level > quantile(level, 0.95) - ACTIVE_DROP
        self.unvoiced = self.active & ~self.voiced
        self.seconds = len(level) / FRAMES_A_SECOND


class Functionals:
    """Computes the vector of an utterance at 16 kHz, on one thread; it does not depend on other utterances.

    Args:
        options: groups and range of the pitch.

    Attributes:
        names: of the vector's values.
        dim: their number.
    """

    def __init__(self, options: FunctionalOptions | None = None) -> None:
        self.options = options = options or FunctionalOptions()
        # glibc returns what is freed to the system at once, beyond twice the largest array that was ever freed; mapping
        # the memory of every block anew takes a third of the time. Touching none of it, this raises the limit.
        np.empty(_KEPT_BYTES, np.uint8)
        self._finder = PitchFinder(PitchOptions(options.min_pitch, options.max_pitch))
        self._shape = SpectralShape()
        self._parts = [part() for group, part in _PARTS.items() if group in options.groups]
        self.names = tuple(name for part in self._parts for name in part.names)
        self.dim = len(self.names)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Compute the functionals.

        Args:
            samples: (samples,) at 16 kHz, in int16 range.

        Returns:
            (dim,) float32, finite.

        Raises:
            ValueError: the waveform is empty, is none, or holds NaN, infinity or numbers far beyond 16 bits.
        """
        samples = check_waveform(samples)
        frames = frame_samples(samples)
        candidates, spectral = [], []
        for spectra, _ in spectra_blocks(frames):
            candidates.append(self._finder.candidates(spectra))
            spectral.append(self._shape.compute(spectra))
        track = self._finder.track(PitchCandidates.joined(candidates))
        utterance = _Utterance(samples, frames, track, SpectralFrames.joined(spectral))
        return np.concatenate([part.measure(utterance) for part in self._parts]).astype(np.float32)


def _named(descriptor: str, *statistics: str) -> list[str]:
    return [f"{descriptor}_{statistic}" for statistic in statistics]


class _Pitch:
    """How the voice rises and falls, and when it sounds."""

    names = (
        *_named("pitch", *_MOMENTS, *_LEVELS, *_SLOPES), *_named("voicing", *_MOMENTS),
        "voiced_share", "voiced_segments_a_second",
        *_named("voiced_seconds", *_MOMENTS), *_named("unvoiced_seconds", *_MOMENTS),
    )  # fmt: skip

    def measure(self, utterance: _Utterance) -> np.ndarray:
        """(names,) functionals."""
        voiced, semitones = utterance.voiced, utterance.pitch.semitones
        return np.concatenate([
            moments(semitones[voiced]), percentiles(semitones[voiced]), slopes(semitones, voiced),
            moments(utterance.pitch.strength[voiced]),
            [voiced.mean(), len(runs(voiced)) / utterance.seconds],
            segment_lengths(voiced), segment_lengths(~voiced),
        ])  # fmt: skip


class _Energy:
    """How loud an utterance is, and how its loudness moves."""

    names = (
        *_named("loudness", *_MOMENTS, *_LEVELS, *_SLOPES), *_named("relative_loudness", "sd", *_LEVELS, *_SLOPES),
        *_named("log_loudness", *_MOMENTS), *_named("level", *_MOMENTS, *_LEVELS), *_named("level_active", *_SLOPES),
        *_named("level_voiced", *_MOMENTS), *_named("level_active", *_MOMENTS),
        "equivalent_level", "active_share", "loudness_peaks_a_second", "nuclei_a_second",
        *(f"modulation_{low:g}_{high:g}" for low, high in MODULATION_BANDS),
    )  # fmt: skip

    def measure(self, utterance: _Utterance) -> np.ndarray:
        """(names,) functionals."""
        level, voiced, active = utterance.spectral.level, utterance.voiced, utterance.active
        loudness = smoothed(utterance.spectral.loudness)
        logarithm = np.log(loudness)
        overall = np.concatenate([moments(loudness), percentiles(loudness), slopes(loudness)])
        return np.concatenate([
            overall, overall[1:] / overall[0],
            moments(logarithm), moments(level), percentiles(level), slopes(level, active),
            moments(level[voiced]), moments(level[active]),
            [10 * np.log10(np.mean(10 ** (level.astype(np.float64) / 10))), active.mean()],
            [num_peaks(loudness) / utterance.seconds, nuclei_a_second(level, voiced)],
            modulation_shares(logarithm),
        ])  # fmt: skip


class _Spectral:
    """The balance of the spectrum, and how it changes."""

    names = (
        *(name for shape in SHAPE_NAMES for name in _named(f"{shape}_active", *_MOMENTS)),
        *(name for shape in SHAPE_NAMES for name in _named(f"{shape}_voiced", *_MOMENTS)),
        *(f"{shape}_unvoiced_mean" for shape in SHAPE_NAMES),
    )

    def measure(self, utterance: _Utterance) -> np.ndarray:
        """(names,) functionals."""
        shape = utterance.spectral.shape
        return np.concatenate([
            moments(shape[utterance.active]), moments(shape[utterance.voiced]), moments(shape[utterance.unvoiced])[::2],
        ])  # fmt: skip


class _Mfcc:
    """The envelope of the spectrum."""

    names = (
        *(name for number in _CEPS for name in _named(f"mfcc{number}_active", *_MOMENTS)),
        *(name for number in _CEPS for name in _named(f"mfcc{number}_voiced", *_MOMENTS)),
        *(f"delta_mfcc{number}_active_sd" for number in _CEPS),
    )

    def measure(self, utterance: _Utterance) -> np.ndarray:
        """(names,) functionals."""
        cepstrum = utterance.spectral.cepstrum
        return np.concatenate([
            moments(cepstrum[utterance.active]), moments(cepstrum[utterance.voiced]),
            moments(deltas(cepstrum)[utterance.active])[1::2],
        ])  # fmt: skip


class _VoiceQuality:
    """How regular, noisy, breathy or pressed the voice is, and its formants."""

    names = (
        *_named("hnr", *_MOMENTS, *_LEVELS), *_named("jitter", *_MOMENTS, "p50"), *_named("shimmer", *_MOMENTS, "p50"),
        *_named("cycle_likeness", *_MOMENTS), "alike_share",
        *(name for harmonic in _HARMONIC_NAMES for name in _named(harmonic, *_MOMENTS)),
    )  # fmt: skip

    def __init__(self) -> None:
        self._noise = HarmonicsToNoise()
        self._formants = FormantFinder()

    def measure(self, utterance: _Utterance) -> np.ndarray:
        """(names,) functionals."""
        frames = np.flatnonzero(utterance.voiced)
        lags, hertz = utterance.pitch.lag[frames], utterance.pitch.hertz[frames]
        hnr = np.zeros(len(frames))
        harmonic = np.zeros((len(frames), len(_HARMONIC_NAMES)))
        present = np.ones(harmonic.shape, bool)
        for spectra, block in spectra_blocks(utterance.frames, frames):
            hnr[block] = self._noise.compute(spectra, lags[block])
            first, second = (harmonic_level(spectra, number * hertz[block]) for number in (1, 2))
            formants = self._formants.compute(spectra)
            level = formants.level.T
            differences = first - second, first - level[0], first - level[2], level[1] - level[0], level[2] - level[0]
            harmonic[block] = np.column_stack([*differences, formants.hertz, formants.bandwidth])
            present[block, len(differences) :] = np.tile(formants.found, 2)
        cycles = compare_cycles(utterance.samples, frames * SHIFT + SHIFT // 2, lags)
        alike = cycles.likeness >= MIN_LIKENESS
        jitter, shimmer = cycles.jitter[alike], cycles.shimmer[alike]
        return np.concatenate([
            moments(hnr), percentiles(hnr),
            moments(jitter), percentiles(jitter)[1:2], moments(shimmer), percentiles(shimmer)[1:2],
            moments(cycles.likeness), [alike.sum() / max(len(alike), 1)],
            moments(harmonic, present),
        ])  # fmt: skip


_PARTS = dict(zip(GROUPS, (_Pitch, _Energy, _Spectral, _Mfcc, _VoiceQuality), strict=True))
