"""A demo corpus in AESDD's layout: <emotion>/<letter><sentence> (<speaker>).wav, some second takes, one broken file.

As in the real corpus every actor says the same sentences in each emotion, odd speakers are men and even ones women, and
`s05 (3).wav` cannot be read.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import sentences
from .emotions import EMOTIONS, Actor
from .processes import run_isolated
from .recordings import write_wave
from .voices import RATE, Speaker, draw_speakers

DEFAULT_SPEAKERS = 6
_MIN_SPEAKERS, _MAX_SPEAKERS = 3, 60
_SENTENCES = 8
_BROKEN = ("sadness", 5, 3)  # emotion, sentence, speaker
_BROKEN_BYTES = 4000  # zeros, as a download leaves them that was broken off
_NOTICE = "SYNTHETIC: every voice of this corpus is made by espeak-ng; no human speaker is in it.\n"


@dataclass(frozen=True)
class Cast:
    """An actor's number, from 1 on, and the takes in order: (emotion, path in the corpus, text)."""

    number: int
    speaker: Speaker
    takes: tuple[tuple[str, str, str], ...]


def _path(emotion: str, sentence: int, number: int, take: str = "") -> str:
    return f"{emotion}/{emotion[0]}{sentence:02d} ({number}){take}.wav"


def plan(num_speakers: int, seed: int) -> list[Cast]:
    """Draw the actors, men and women in turn, and the sentences, the same for all actors and emotions.

    Every actor gives one sentence a second take (`b`), and leaves out what is broken in the real corpus.

    Raises:
        ValueError: fewer than 3 or more than 60 speakers, or a negative seed.
    """
    if not _MIN_SPEAKERS <= num_speakers <= _MAX_SPEAKERS:
        raise ValueError(f"--speakers {num_speakers}: from {_MIN_SPEAKERS} to {_MAX_SPEAKERS} can be made")
    if seed < 0:
        raise ValueError(f"--seed {seed}: a whole number from 0 on is expected")
    rng = np.random.default_rng([seed, 31])
    chosen = rng.permutation(len(sentences.SHARED))[:_SENTENCES]
    texts = {number: sentences.SHARED[index] for number, index in enumerate(chosen, 1)}
    women = num_speakers // 2
    voices = draw_speakers({"F": women, "M": num_speakers - women}, key=(seed, 31))
    cast = []
    for number in range(1, num_speakers + 1):
        voice = voices[women + number // 2] if number % 2 else voices[number // 2 - 1]
        again = (list(EMOTIONS)[int(rng.integers(len(EMOTIONS)))], int(rng.integers(1, _SENTENCES + 1)))
        takes = []
        for emotion in EMOTIONS:
            for sentence, text in texts.items():
                if (emotion, sentence, number) != _BROKEN:
                    takes.append((emotion, _path(emotion, sentence, number), text))
                if (emotion, sentence) == again:
                    takes.append((emotion, _path(emotion, sentence, number, "b"), text))
        cast.append(Cast(number, voice, tuple(takes)))
    return cast


def _act(cast: Cast, root: Path) -> int:
    """One actor, in a process of its own; returns the number of samples."""
    actor = Actor(cast.speaker)
    samples = 0
    for emotion, path, text in cast.takes:
        spoken = actor.say(text, emotion)
        write_wave(root / path, spoken)
        samples += len(spoken)
    return samples


def write_corpus(root: Path, num_speakers: int, seed: int, processes: int) -> str:
    """Write the corpus under `root` and return one line about it; the bytes do not depend on `processes`.

    Raises:
        ValueError, EspeakError: see `plan` and `Actor.say`.
    """
    casts = plan(num_speakers, seed)
    for emotion in EMOTIONS:
        (root / emotion).mkdir()
    (root / "README").write_text(_NOTICE)
    (root / _path(*_BROKEN)).write_bytes(bytes(_BROKEN_BYTES))
    samples = sum(run_isolated(_act, [(cast, root) for cast in casts], processes))
    takes = sum(len(cast.takes) for cast in casts)
    return f"{len(casts)} speakers, {len(EMOTIONS)} emotions, {takes} utterances, {samples / RATE / 60:.1f} minutes"
