"""Augmented copies of an utterance: rooms and sounds drawn and mixed at drawn SNRs (Kaldi's augment_data_dir.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speechlib.augment.clips import Clip, draw_from, is_silent, read_repeated
from speechlib.augment.options import BABBLE, MUSIC, NOISE, REVERB, AugmentOptions
from speechlib.augment.reverberation import early_power, power, reverberate, scale_to_power

SPEECH = "speech"  # the folder's name in MUSAN: other speakers, for babble
_MOST_DRAWS = 20  # of clips that turn out to be silent
_SHORTEST = 0.1  # seconds; no shorter piece of noise is placed behind another

Babble = Callable[[np.random.Generator, "str | None"], Clip]


@dataclass(frozen=True)
class Sounds:
    """What copies are made from.

    Attributes:
        noises: clips by noise, music and speech (other speakers, for babble).
        responses: impulse responses by room: smallroom, mediumroom, ...
        babble: draws a clip of another speaker than the one named, where `noises` has no speech.
    """

    noises: Mapping[str, Sequence[Clip]] = field(default_factory=dict)
    responses: Mapping[str, Sequence[Clip]] = field(default_factory=dict)
    babble: Babble | None = None

    def check(self, options: AugmentOptions) -> None:
        """Raise ValueError if a kind of the options has nothing to be made from."""
        for kind in sorted({part for joined in options.kinds for part in joined.split("+")}):
            if kind == REVERB and not any(self.responses.values()):
                raise ValueError("reverb is asked for, but there is no impulse response (--rirs)")
            if kind in (NOISE, MUSIC) and not self.noises.get(kind):
                have = " and ".join(sorted(name for name, clips in self.noises.items() if clips))
                raise ValueError(f"{kind} is asked for, but among the noises (--noise) there is {have or 'nothing'}: "
                                 f"add a folder {kind} to them, or leave {kind} out of the kinds")  # fmt: skip
            if kind == BABBLE and not self.noises.get(SPEECH) and self.babble is None:
                raise ValueError("babble is asked for, but there is neither speech among the noises nor anyone else")


@dataclass(frozen=True)
class Part:
    """A sound in the mix: samples (m,) float32 as mixed, from sample `start` on, at `snr` dB below the speech."""

    name: str
    channel: int
    start: int
    snr: float
    samples: np.ndarray


@dataclass(frozen=True)
class Copy:
    """An augmented copy before rounding.

    Attributes:
        samples: (n,) float32 in int16 range, of the original's length.
        speech: (n,) float32, the speech in it; the rest are the parts.
        speech_power: the mean square that SNRs count from.
        parts: the sounds mixed in.
        gain: what normalisation multiplied the speech by.
        room: name of the impulse response, with its channel behind a colon if it has several; "" for none.
        silent: names of drawn clips that were passed over since they are silent.
    """

    samples: np.ndarray
    speech: np.ndarray
    speech_power: float
    parts: tuple[Part, ...]
    gain: float
    room: str
    silent: tuple[str, ...]


def make_copy(
    samples: np.ndarray,
    kind: str,
    sounds: Sounds,
    options: AugmentOptions,
    rng: np.random.Generator,
    rate: int = 16000,
    speaker: str | None = None,
    within: bool = False,
) -> Copy:
    """Make one augmented copy.

    Args:
        samples: (n,) float32 in int16 range.
        kind: one of the options' kinds.
        sounds: to draw from.
        options: lists and intervals.
        rng: decides everything.
        rate: Hz, of the speech and of all sounds.
        speaker: passed on to `sounds.babble`.
        within: the samples are a crop of something longer: the first noise may have begun before it.

    Raises:
        ValueError: the speech is digital silence; or all drawn clips are.
    """
    if is_silent(samples):
        raise ValueError("digital silence: no SNR can be reached")
    drawing = _Drawing(sounds, options, rng, rate, speaker, within)
    original_power = speech_power = power(samples)
    speech, room = samples, ""
    *room_first, last = kind.split("+")
    if REVERB in (*room_first, last):
        response, room = drawing.response()
        speech = reverberate(samples, response)
        # scaled here and not at the end: the SNRs do not change by it, and the mix is then of a usual size
        speech, factor = scale_to_power(speech, original_power)
        if last != REVERB:
            speech_power = early_power(samples, response, rate) * factor**2
    parts = [] if last == REVERB else drawing.parts(last, len(samples), speech_power)
    mixed = speech.copy()
    for part in parts:
        mixed[part.start : part.start + len(part.samples)] += part.samples
    gain = 1.0
    if options.normalize and parts:
        mixed, gain = scale_to_power(mixed, original_power)
        speech = speech * np.float32(gain)
        speech_power *= gain**2
        parts = [replace(part, samples=part.samples * np.float32(gain)) for part in parts]
    return Copy(mixed, speech, speech_power, tuple(parts), gain, room, tuple(drawing.silent))


class _Drawing:
    """The draws for one copy; `silent` collects what had to be drawn again."""

    def __init__(self, sounds, options, rng, rate, speaker, within) -> None:
        self.sounds, self.options, self.rng, self.rate = sounds, options, rng, rate
        self.speaker, self.within = speaker, within
        self.silent: list[str] = []

    def response(self) -> tuple[np.ndarray, str]:
        """The samples of an impulse response, and its name."""
        rooms = self.sounds.responses
        wanted = [room for room in self.options.rooms if rooms.get(room)]

        def draw() -> Clip:
            if wanted:
                return draw_from(self.rng, rooms[wanted[int(self.rng.integers(len(wanted)))]])
            return draw_from(self.rng, [clip for room in sorted(rooms) for clip in rooms[room]])

        for _ in range(_MOST_DRAWS):
            clip = draw()
            channel = self.channel(clip)
            samples = clip.read(0, clip.num_samples, channel)
            if np.any(samples):
                return samples, clip.name if clip.channels == 1 else f"{clip.name}:{channel}"
            self.silent.append(clip.name)
        raise ValueError(f"{_MOST_DRAWS} drawn impulse responses are all zero, the last {self.silent[-1]}: remove them")

    def channel(self, clip: Clip) -> int:
        return int(self.rng.integers(clip.channels)) if clip.channels > 1 else 0

    def snr(self, snrs: Sequence[float]) -> float:
        return float(snrs[int(self.rng.integers(len(snrs)))])

    def parts(self, kind: str, count: int, speech_power: float) -> list[Part]:
        options, noises = self.options, self.sounds.noises
        if kind == NOISE:
            return self.foreground(noises[NOISE], count, speech_power)
        if kind == MUSIC:
            return [self.background(lambda: draw_from(self.rng, noises[MUSIC]), options.bg_snrs, count, speech_power)]
        number = options.babble_speakers[int(self.rng.integers(len(options.babble_speakers)))]
        speech, babble = noises.get(SPEECH), self.sounds.babble

        def draw() -> Clip:
            return draw_from(self.rng, speech) if speech else babble(self.rng, self.speaker)

        return [self.background(draw, options.babble_snrs, count, speech_power) for _ in range(number)]

    def background(self, draw: Callable[[], Clip], snrs: Sequence[float], count: int, speech_power: float) -> Part:
        """One sound over the whole utterance, from anywhere in the clip on, repeated if it is shorter."""
        snr = self.snr(snrs)
        for _ in range(_MOST_DRAWS):
            clip = draw()
            channel = self.channel(clip)
            longer = clip.num_samples - count
            begin = int(self.rng.integers(longer + 1 if longer >= 0 else clip.num_samples))
            piece = read_repeated(clip, begin, count, channel)
            if not is_silent(piece):
                return _scaled(clip.name, channel, 0, snr, piece, speech_power)
            self.silent.append(clip.name)
        raise ValueError(f"{_MOST_DRAWS} drawn clips are digital silence, the last {self.silent[-1]}: remove them")

    def foreground(self, clips: Sequence[Clip], count: int, speech_power: float) -> list[Part]:
        """One clip after the other, with silence between them (Kaldi's --fg-interval)."""
        parts: list[Part] = []
        position, failures = 0, 0
        while position < count and failures < _MOST_DRAWS:
            if parts and count - position < _SHORTEST * self.rate:
                break
            clip = draw_from(self.rng, clips)
            channel = self.channel(clip)
            snr = self.snr(self.options.fg_snrs)
            length, left = clip.num_samples, count - position
            if self.within and not parts and length > _SHORTEST * self.rate:
                # the crop's beginning lies anywhere in the noise
                begin = int(self.rng.integers(length - int(_SHORTEST * self.rate)))
            else:
                begin = int(self.rng.integers(length - left + 1)) if length > left else 0
            piece = clip.read(begin, min(length, begin + left), channel)
            if is_silent(piece):
                self.silent.append(clip.name)
                failures += 1
                continue
            parts.append(_scaled(clip.name, channel, position, snr, piece, speech_power))
            position += len(piece) + round(self.options.fg_interval * self.rate)
        if not parts:
            raise ValueError(f"{_MOST_DRAWS} drawn noises are digital silence, the last {self.silent[-1]}: remove them")
        return parts


def _scaled(name: str, channel: int, start: int, snr: float, piece: np.ndarray, speech_power: float) -> Part:
    # Kaldi takes the power of the whole clip, here it is that of the piece that is heard: the SNR is then as asked
    factor = (speech_power / 10 ** (snr / 10) / power(piece)) ** 0.5
    return Part(name, channel, start, snr, piece * np.float32(factor))
