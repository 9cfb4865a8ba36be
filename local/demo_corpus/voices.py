"""Synthetic speakers: an espeak-ng variant with its own pitch, range, rate, vocal-tract length and spectral tilt."""

import re
from dataclasses import dataclass

import numpy as np

from .espeak import Synthesiser
from .phones import Segment, segment
from .words import align_words

RATE = 16000  # of every corpus
_LANGUAGE = "en-us"
# Variants without echo (it fills closures) and without robot effects. Several speakers share each, so that neighbours
# are similar and the variant alone does not give a speaker away.
_VARIANTS = {
    "F": ("f1", "Annie", "shelby", "aunty", "grandma", "belinda", "linda", "steph"),
    "M": ("m1", "m3", "m4", "m6", "Alex", "rob", "quincy", "Mario"),
}
_PITCH = {"F": (18, 62), "M": (22, 78)}  # espeak-ng's scale, 50 = the variant's own
_WARP = {"F": (0.96, 1.15), "M": (0.88, 1.06)}  # formants and pitch times this: 1 / relative vocal-tract length
_LEAD_S, _TAIL_S = (0.09, 0.22), (0.10, 0.28)  # silence before and behind the speech


@dataclass(frozen=True)
class Speaker:
    """What a synthetic speaker keeps in all sentences; `key` seeds everything that varies between them."""

    sex: str
    variant: str
    pitch: float
    pitch_range: float
    rate: float
    warp: float
    tilt: float
    key: tuple[int, ...]

    def describe(self) -> str:
        """One line for a corpus' speaker table."""
        return (
            f"{_LANGUAGE}+{self.variant} pitch {self.pitch:.1f} range {self.pitch_range:.1f} "
            f"rate {self.rate:.1f} warp {self.warp:.3f} tilt {self.tilt:+.3f}"
        )


@dataclass(frozen=True)
class Utterance:
    """int16 samples (samples,) at 16 kHz; phones and words as (start, end, label) in samples."""

    samples: np.ndarray
    phones: list[tuple[int, int, str]]
    words: list[tuple[int, int, str]]


def draw_speakers(count: dict[str, int], key: tuple[int, ...]) -> list[Speaker]:
    """Draw speakers of each sex ("F", "M"), women first.

    The ranges are cut into as many equal parts as there are speakers and each takes one part of each range, in shuffled
    order: the voices spread over the whole space whatever the number of speakers.
    """
    speakers = []
    for sex in ("F", "M"):
        number = count.get(sex, 0)
        rng = np.random.default_rng([*key, ord(sex)])

        def spread(low: float, high: float, rng=rng, number=number) -> np.ndarray:
            return low + (high - low) * (rng.permutation(number) + rng.random(number)) / max(number, 1)

        pitch, warp = spread(*_PITCH[sex]), spread(*_WARP[sex])
        pitch_range, rate, tilt = spread(30, 70), spread(145, 190), spread(-0.35, 0.35)
        variants = rng.permutation([_VARIANTS[sex][i % len(_VARIANTS[sex])] for i in range(number)])
        for i in range(number):
            values = (float(v[i]) for v in (pitch, pitch_range, rate, warp, tilt))
            speakers.append(Speaker(sex, str(variants[i]), *values, key=(*key, ord(sex), i)))
    return speakers


class Voice:
    """A speaker's mouth: says texts in the order asked, in a process of its own (see Synthesiser)."""

    def __init__(self, speaker: Speaker):
        self.speaker = speaker
        self._rng = np.random.default_rng([*speaker.key, 1])
        self._synthesiser = Synthesiser(seed=int(self._rng.integers(1, 2**31)))
        self._synthesiser.set_voice(f"{_LANGUAGE}+{speaker.variant}")
        self._pronunciations: dict[str, list[str]] = {}

    def say(self, text: str) -> Utterance:
        """Say a text with this speaker's voice, a little different every time.

        Raises:
            ValueError: a phoneme has no TIMIT label, or a word is not heard.
        """
        rng, speaker = self._rng, self.speaker
        warp = speaker.warp * rng.uniform(0.985, 1.015)
        speech = self._synthesiser.say(
            text,
            # Resampling by the warp raises pitch and speed with the formants: the rate is taken back, the pitch is not
            # (shorter vocal tracts go with higher voices).
            pitch=int(np.clip(round(speaker.pitch + rng.normal(0, 3)), 0, 99)),
            pitch_range=int(np.clip(round(speaker.pitch_range + rng.normal(0, 5)), 0, 99)),
            rate=round(speaker.rate * rng.uniform(0.93, 1.07) / warp),
        )
        lead, tail = (round(rng.uniform(*seconds) * RATE) for seconds in (_LEAD_S, _TAIL_S))
        source_rate = speech.rate * warp
        clean = _resample(speech.samples.astype(np.float32), source_rate)
        total = lead + len(clean) + tail

        segments = segment(speech)
        scale = RATE / source_rate
        cuts = [lead + round(s.start * scale) for s in segments[1:]]
        starts, ends = [0, *cuts], [*cuts, total]
        phones = [(a, b, s.label) for a, b, s in zip(starts, ends, segments, strict=True) if b > a]
        words = self._word_times(text, speech.events, segments, starts, ends)
        return Utterance(self._record(clean, lead, tail), phones, words)

    def _word_times(self, text, events, segments: list[Segment], starts, ends) -> list[tuple[int, int, str]]:
        words = re.findall(r"[a-z']+", text.lower())
        for word in words:
            if word not in self._pronunciations:
                self._pronunciations[word] = self._synthesiser.text_to_phonemes(word)
        spoken = [event.mnemonic for event in events if not event.mnemonic.startswith("_")]
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for s, start, end in zip(segments, starts, ends, strict=True):
            if s.event is not None:
                first.setdefault(s.event, start)
                last[s.event] = end
        ranges = align_words([self._pronunciations[word] for word in words], spoken)
        return [(first[a], last[b - 1], word) for (a, b), word in zip(ranges, words, strict=True)]

    def _record(self, clean: np.ndarray, lead: int, tail: int) -> np.ndarray:
        """Tilt, level and a mild noise floor, drawn anew for every sentence as if by a new recording."""
        rng = self._rng
        tilted = clean.copy()
        tilted[1:] -= np.float32(self.speaker.tilt) * clean[:-1]
        samples = np.concatenate([np.zeros(lead, np.float32), tilted, np.zeros(tail, np.float32)])
        level = float(np.sqrt(np.mean(tilted**2)))
        samples *= np.float32(rng.uniform(500, 1100) / level)
        noise_level = 800 * 10 ** (-rng.uniform(32, 42) / 20)
        samples += (noise_level * rng.standard_normal(len(samples))).astype(np.float32)
        return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def _resample(samples: np.ndarray, rate: float) -> np.ndarray:
    import soxr

    return soxr.resample(samples, rate, RATE, quality="HQ")
