"""From espeak-ng's phoneme events to TIMIT's 61 phone labels with closures, flaps and pauses (TIMIT's PHONCODE.DOC)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .espeak import PhonemeEvent, Speech

TIMIT_LABELS = frozenset(
    "b d g p t k dx q bcl dcl gcl pcl tcl kcl jh ch s sh z zh f th v dh m n ng em en eng nx l r w y hh hv el "
    "iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h pau epi h#".split()
)

# en-us mnemonics of espeak-ng 1.5x -> TIMIT labels; a vowel with r (`A@`, start) takes two.
_PHONES = {
    "@": "ax", "@2": "ax", "@5": "ax", "@-": "ax", "@#": "ax", "a#": "ax", "a2": "ax", "a#2": "ax",
    "3": "axr", "3:": "er", "@L": "el",
    "a": "ae", "aa": "ae", "A:": "aa", "A#": "aa", "0": "aa", "0#": "aa", "02": "ah", "V": "ah",
    "E": "eh", "E2": "eh", "E#": "ix", "I": "ih", "I2": "ix", "I#": "ix", "I2#": "ix", "i": "iy", "i:": "iy",
    "O": "ao", "O2": "ao", "O:": "ao", "o:": "ow", "oU": "ow", "oU#": "ow", "U": "uh", "u:": "uw", "u": "uw",
    "aI": "ay", "aU": "aw", "eI": "ey", "OI": "oy",
    "A@": "aa r", "O@": "ao r", "o@": "ao r", "e@": "eh r", "i@": "iy ax", "i@3": "ih axr", "U@": "uh r",
    "aI@": "ay ax", "aI3": "ay axr", "aU@": "aw axr",
    "p": "p", "b": "b", "t": "t", "t2": "t", "d": "d", "k": "k", "g": "g", "tS": "ch", "dZ": "jh", "t#": "dx",
    "?": "q", "f": "f", "v": "v", "v#": "v", "T": "th", "D": "dh", "s": "s", "z": "z", "z#": "z", "z/2": "z",
    "S": "sh", "Z": "zh", "h": "hh", "m": "m", "n": "n", "N": "ng", "m-": "em", "n-": "en", "l-": "el", "N-": "eng",
    "l": "l", "r": "r", "r-": "r", "r/": "r", "j": "y", ";": "y", "w": "w", "w#": "w",
}  # fmt: skip

_CLOSURES = {
    "p": "pcl", "t": "tcl", "k": "kcl", "ch": "tcl",
    "b": "bcl", "d": "dcl", "g": "gcl", "jh": "dcl",
}  # fmt: skip
_VOICED_STOPS = frozenset("b d g jh".split())
_VOICELESS = frozenset("p t k ch f th s sh hh q h# pau epi".split())
_CORONALS = frozenset("t d n s z dx ch jh sh zh y th dh".split())
_VOWELS = frozenset("iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h".split())

_FRAME_S = 0.0025  # analysis step for silences and bursts
_MIN_SILENCE_S = 0.015  # shorter gaps stay with the phone before them
_MIN_PAUSE_S = 0.1  # longer silences are `pau`, shorter ones between phones are `epi`
_MIN_LIQUID_S = 0.025  # espeak-ng puts a liquid's event behind the formant transition from its vowel
_LIQUID_SHARE = 0.3
_FIRST_SHARE = 0.6  # of the vowel in vowel + r
_SILENT = 0.03  # frame level over the utterance's level
_MURMUR_BRIGHTNESS = 0.15  # level of the difference signal over the signal's: below in voiced closures


@dataclass(frozen=True)
class Segment:
    """A labelled stretch of samples [start, end); `event` counts the spoken (not pause) event, None in silence."""

    start: int
    end: int
    label: str
    event: int | None


class _Piece(NamedTuple):
    start: int
    label: str
    event: int | None = None
    stressed: bool = False


def to_timit(mnemonic: str) -> list[str]:
    """One or two context-free TIMIT labels of an espeak-ng mnemonic; none for a pause.

    Raises:
        ValueError: the mnemonic is not one of American English.
    """
    if mnemonic.startswith("_"):
        return []
    if mnemonic not in _PHONES:
        raise ValueError(
            f"espeak-ng's phoneme {mnemonic!r} has no TIMIT label: change the word that holds it, "
            f"or add the phoneme to the table in {__file__}"
        )
    return _PHONES[mnemonic].split()


def _levels(samples: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """(frames,) level and brightness (level of the first difference over the level) of every whole frame."""
    count = len(samples) // frame
    frames = samples[: count * frame].astype(np.float64).reshape(count, frame)
    level = np.sqrt((frames**2).mean(axis=1))
    difference = np.sqrt((np.diff(frames, axis=1) ** 2).mean(axis=1))
    return level, difference / np.maximum(level, 1.0)


class _Segmenter:
    def __init__(self, speech: Speech):
        self.rate = speech.rate
        self.frame = max(1, round(_FRAME_S * speech.rate))
        self.level, self.brightness = _levels(speech.samples, self.frame)
        self.threshold = _SILENT * float(np.sqrt(np.mean(speech.samples.astype(np.float64) ** 2)))
        self.end = len(speech.samples)

    def silence_start(self, start: int, end: int) -> int:
        """First sample of the silence at the end of [start, end); `end` if there is none worth a label."""
        first, frame = -(-start // self.frame), end // self.frame
        while frame > first and self.level[frame - 1] < self.threshold:
            frame -= 1
        position = max(frame * self.frame, start + self.frame)
        return position if end - position >= _MIN_SILENCE_S * self.rate else end

    def burst(self, start: int, end: int) -> int:
        """First sample of a voiced stop's burst in [start, end): where the murmur of the closure gets bright."""
        first, last = start // self.frame + 1, end // self.frame
        frame = first + 3  # the tail of the vowel before it is bright too
        while frame < last and self.brightness[frame] < _MURMUR_BRIGHTNESS:
            frame += 1
        if frame == first + 3:
            return start
        return min(frame, last - 1) * self.frame if last - 1 > first else start


def _refine(labels: list[str], stressed: list[bool], durations_s: list[float]) -> list[str]:
    """Allophones that follow from the neighbours: hv, nx, ux, ax-h, ix (PHONCODE.DOC's descriptions)."""
    refined = list(labels)
    for i, label in enumerate(labels):
        before = labels[i - 1] if i else "h#"
        after = labels[i + 1] if i + 1 < len(labels) else "h#"
        if label == "hh" and before not in _VOICELESS and before not in _CLOSURES:
            refined[i] = "hv"
        elif label == "n" and before in _VOWELS and after in _VOWELS and not stressed[i + 1] and durations_s[i] < 0.055:
            refined[i] = "nx"
        elif label == "uw" and before in _CORONALS:
            refined[i] = "ux"
        elif label == "ax" and before in _VOICELESS and after in _VOICELESS and durations_s[i] < 0.06:
            refined[i] = "ax-h"
        elif label == "ih" and not stressed[i] and durations_s[i] < 0.06:
            refined[i] = "ix"
    return refined


def segment(speech: Speech) -> list[Segment]:
    """Contiguous TIMIT segments of an utterance from sample 0 to its end, with `h#` at both ends.

    espeak-ng's event marks the burst of a voiceless stop (its closure is the silence before), the start of the murmur
    of a voiced one after a voiced sound, and the steady part of a vowel behind a nasal or liquid.

    Args:
        speech: samples (samples,) and phoneme events at the same rate.

    Returns:
        segments in time order; each starts where the one before ends.

    Raises:
        ValueError: a phoneme has no TIMIT label.
    """
    tool = _Segmenter(speech)
    events = [event for event in speech.events if event.start < tool.end]
    spoken = [i for i, event in enumerate(events) if to_timit(event.mnemonic)]
    if not spoken:
        raise ValueError("the utterance holds no phoneme")
    starts = [event.start for event in events] + [tool.end]
    sound_ends = [tool.silence_start(start, end) for start, end in zip(starts, starts[1:], strict=False)]
    _move_liquids(events, starts, sound_ends, tool.rate)

    pieces: list[_Piece] = [_Piece(0, "h#")]
    for count, i in enumerate(spoken):
        event, start, end = events[i], starts[i], sound_ends[i]
        labels = to_timit(event.mnemonic)
        closure = _CLOSURES.get(labels[0])
        closed = closure is not None and pieces[-1].label in ("pau", "epi") and i - 1 in spoken
        if labels[0] == "q":  # a glottal stop is its silence; the event has next to no sound
            if pieces[-1].label == "epi":
                start = pieces.pop().start
            end = starts[i + 1]
        elif closed:  # the silence before the event is the stop's closure
            pieces[-1] = _Piece(pieces[-1].start, closure, count)
        elif labels[0] in _VOICED_STOPS:
            burst = tool.burst(start, end)
            if burst > start:
                pieces.append(_Piece(start, closure, count))
                start = burst
        pieces.append(_Piece(start, labels[0], count, event.stressed))
        if len(labels) == 2:
            pieces.append(_Piece(start + int(_FIRST_SHARE * (end - start)), labels[1], count))
        next_spoken = spoken[count + 1] if count + 1 < len(spoken) else len(events)
        silence = starts[next_spoken] - end
        if silence > 0:
            pieces.append(_Piece(end, "pau" if silence >= _MIN_PAUSE_S * tool.rate else "epi"))
    return _finish(pieces, tool)


def _move_liquids(events: list[PhonemeEvent], starts: list[int], sound_ends: list[int], rate: int) -> None:
    """Give a liquid behind a vowel its share of the transition that espeak-ng counts to the vowel."""
    for i in range(1, len(events)):
        label, before = (to_timit(events[k].mnemonic)[-1:] for k in (i, i - 1))
        if label and before and label[0] in ("l", "r") and before[0] in _VOWELS and sound_ends[i - 1] == starts[i]:
            if sound_ends[i] - starts[i] < _MIN_LIQUID_S * rate:
                joint = sound_ends[i] - starts[i - 1]
                starts[i] = sound_ends[i - 1] = min(starts[i], sound_ends[i] - int(_LIQUID_SHARE * joint))


def _finish(pieces: list[_Piece], tool: _Segmenter) -> list[Segment]:
    """Close the utterance with h#, drop empty pieces between, and choose allophones."""
    last = len(pieces) - 1 if pieces[-1].label in ("pau", "epi") else len(pieces)
    pieces = [*pieces[:last], _Piece(pieces[last].start if last < len(pieces) else tool.end, "h#")]
    ends = [piece.start for piece in pieces[1:]] + [tool.end]
    kept = [(p, end) for p, end in zip(pieces, ends, strict=True) if end > p.start or p.label == "h#"]
    labels = _refine(
        [piece.label for piece, _ in kept],
        [piece.stressed for piece, _ in kept],
        [(end - piece.start) / tool.rate for piece, end in kept],
    )
    return [Segment(p.start, end, label, p.event) for (p, end), label in zip(kept, labels, strict=True)]
