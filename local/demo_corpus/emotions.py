"""Acted emotions for synthetic speakers: pitch, range, rate, loudness and voice quality (after Juslin & Laukka, 2003).

espeak-ng sets pitch, pitch range and rate; what it cannot say (spectral tilt, breath, tremor, creak) is done to its
samples. Every actor has an own strength of acting, every utterance its own deviations: a listener errs now and then.
"""

from dataclasses import dataclass, fields

import numpy as np

from .espeak import Synthesiser
from .voices import RATE, Speaker

_LEAD_S, _TAIL_S = (0.08, 0.2), (0.08, 0.25)  # silence before and behind the speech
_STRENGTH, _OWN_STRENGTH, _TAKE_STRENGTH = (0.8, 1.15), (0.85, 1.15), (0.7, 1.2)  # of actor, actor and emotion, take
_LEVEL = 700.0  # RMS of unmoved speech in int16 range
_FLOOR = 8.0  # RMS of the microphone's noise
_TREMOR_HZ, _CREAK_HZ = 6.5, 35.0
_TILT_PIVOT_HZ, _TILT_OCTAVES = 500.0, (-2.0, 3.5)  # the slope is flat outside these octaves around the pivot
_BREATH_HZ = 1500.0  # aspiration noise lies above
_ENVELOPE_S = 0.02
_NEVER_NEGATIVE = ("breath", "tremor", "creak")


@dataclass(frozen=True)
class Manner:
    """How an utterance departs from a speaker's plain reading, or by how much such departures vary.

    Attributes:
        pitch, pitch_range: points of espeak-ng's scale (0 to 99).
        rate: natural logarithm of the factor of the speaking rate.
        level: dB.
        tilt: dB an octave; above 0 the voice is bright and tense, below it soft.
        breath: amplitude of aspiration noise over the speech's own.
        tremor: share of the pitch that a slow vibrato moves up and down.
        creak: depth of fast irregular changes of amplitude and pitch, 0 to 1.
    """

    pitch: float = 0.0
    pitch_range: float = 0.0
    rate: float = 0.0
    level: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    creak: float = 0.0


EMOTIONS = {
    "anger": Manner(pitch=12, pitch_range=24, rate=0.15, level=8, tilt=2.6, creak=0.1),
    "disgust": Manner(pitch=-11, pitch_range=2, rate=-0.18, level=-1, tilt=1.2, creak=0.7),
    "fear": Manner(pitch=24, pitch_range=-8, rate=0.2, level=-1, tilt=-0.3, breath=0.05, tremor=0.04, creak=0.1),
    "happiness": Manner(pitch=22, pitch_range=32, rate=0.02, level=3, tilt=1.0),
    "sadness": Manner(pitch=-12, pitch_range=-20, rate=-0.2, level=-6, tilt=-2.2, breath=0.12, tremor=0.01),
}
# Standard deviations between the takes of one actor and emotion, and between actors.
_BETWEEN_TAKES = Manner(pitch=5, pitch_range=9, rate=0.07, level=2.0, tilt=0.7, breath=0.02, tremor=0.006, creak=0.08)
_BETWEEN_ACTORS = Manner(level=1.5, tilt=0.5, breath=0.02)


def _deviate(manner: Manner, spread: Manner, rng: np.random.Generator) -> Manner:
    """A manner with normal deviations; what cannot be negative stays at or above 0."""
    values = {
        field.name: getattr(manner, field.name) + getattr(spread, field.name) * rng.normal() for field in fields(Manner)
    }
    return Manner(**{name: max(value, 0.0) if name in _NEVER_NEGATIVE else value for name, value in values.items()})


class Actor:
    """A speaker who acts, in a process of its own (see Synthesiser); says texts in the order asked."""

    def __init__(self, speaker: Speaker):
        self.speaker = speaker
        self._rng = np.random.default_rng([*speaker.key, 2])
        self._synthesiser = Synthesiser(seed=int(self._rng.integers(1, 2**31)))
        self._synthesiser.set_voice(f"en-us+{speaker.variant}")
        strength = self._rng.uniform(*_STRENGTH)
        self._strengths = {emotion: strength * self._rng.uniform(*_OWN_STRENGTH) for emotion in EMOTIONS}
        self._habit = _deviate(Manner(), _BETWEEN_ACTORS, self._rng)

    def manner(self, emotion: str) -> Manner:
        """Draw how the next take of an emotion is spoken."""
        strength = self._strengths[emotion] * self._rng.uniform(*_TAKE_STRENGTH)
        acted = {
            field.name: getattr(self._habit, field.name) + strength * getattr(EMOTIONS[emotion], field.name)
            for field in fields(Manner)
        }
        return _deviate(Manner(**acted), _BETWEEN_TAKES, self._rng)

    def say(self, text: str, emotion: str) -> np.ndarray:
        """Say a text: (samples,) int16 at 16 kHz.

        Raises:
            KeyError: no such emotion.
            EspeakError: espeak-ng failed.
        """
        import soxr

        rng, speaker = self._rng, self.speaker
        manner = self.manner(emotion)
        speech = self._synthesiser.say(
            text,
            pitch=int(np.clip(round(speaker.pitch + manner.pitch), 0, 99)),
            pitch_range=int(np.clip(round(speaker.pitch_range + manner.pitch_range), 0, 99)),
            rate=round(speaker.rate * np.exp(manner.rate) / speaker.warp),
        )
        voice = soxr.resample(speech.samples.astype(np.float64), speech.rate * speaker.warp, RATE, quality="HQ")
        voice = shape_voice(voice, manner, rng)
        lead, tail = (round(rng.uniform(*seconds) * RATE) for seconds in (_LEAD_S, _TAIL_S))
        samples = np.pad(voice, (lead, tail)) + _FLOOR * rng.standard_normal(lead + len(voice) + tail)
        return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def shape_voice(voice: np.ndarray, manner: Manner, rng: np.random.Generator) -> np.ndarray:
    """Tremor, creak, tilt, breath and level of a manner, done to speech.

    Args:
        voice: (samples,) at 16 kHz.
        manner: pitch, range and rate of it are not looked at.
        rng: draws phases and noise.

    Returns:
        (samples,) about as many, in int16 range (not yet clipped).
    """
    wobble = _slow_noise(len(voice), _CREAK_HZ, rng)
    times = np.arange(len(voice)) / RATE
    speed = 1 + manner.tremor * np.sin(2 * np.pi * (_TREMOR_HZ * times + rng.random()))
    speed += 0.04 * manner.creak * wobble
    positions = np.cumsum(np.maximum(speed, 0.5))
    voice = np.interp(positions[positions < len(voice) - 1], np.arange(len(voice)), voice)
    voice = voice * np.maximum(1 + 0.6 * manner.creak * wobble[: len(voice)], 0.1)
    voice = _tilt(voice, manner.tilt)
    if manner.breath:
        voice = voice + manner.breath * _aspiration(voice, rng)
    return voice * (_LEVEL * 10 ** (manner.level / 20) / np.sqrt(np.mean(voice**2)))


def _filter(samples: np.ndarray, gain_of) -> np.ndarray:
    """Multiply the spectrum by gain_of(frequencies in Hz); padded, so that the end does not leak into the start."""
    size = 1 << (len(samples) + RATE // 10).bit_length()
    spectrum = np.fft.rfft(samples, size) * gain_of(np.fft.rfftfreq(size, 1 / RATE))
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _tilt(voice: np.ndarray, slope: float) -> np.ndarray:
    def gain(frequencies):
        octaves = np.log2(np.maximum(frequencies, 1.0) / _TILT_PIVOT_HZ)
        return 10 ** (slope * np.clip(octaves, *_TILT_OCTAVES) / 20)

    return _filter(voice, gain)


def _aspiration(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise above `_BREATH_HZ` that is as loud as the voice, moment by moment."""
    width = round(_ENVELOPE_S * RATE)
    power = np.convolve(voice**2, np.full(width, 1 / width), mode="same")
    noise = _filter(rng.standard_normal(len(voice)), lambda f: f > _BREATH_HZ)
    return np.sqrt(power) * noise / np.sqrt(np.mean(noise**2))


def _slow_noise(count: int, highest_hz: float, rng: np.random.Generator) -> np.ndarray:
    """(count,) noise below a frequency, with a mean square of 1."""
    noise = _filter(rng.standard_normal(count), lambda f: f < highest_hz)
    return noise / np.sqrt(np.mean(noise**2))
