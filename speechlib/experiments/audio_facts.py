"""What the decoded audio of samples tells by itself: its hash, its sampling rate, and whether it is silent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from speechlib.io.samples import Samples


@dataclass(frozen=True)
class AudioFacts:
    """(rows,) hash of the decoded audio, sampling rate in Hz, and whether all values are the same."""

    digests: list[str]
    rates: list[int]
    silent: np.ndarray


def audio_facts(samples: Samples) -> AudioFacts:
    """Read all samples once.

    Raises:
        BadAudio: one cannot be read.
    """
    digests, rates, silent = [], [], []
    for row in range(len(samples)):
        audio, rate = samples.audio(row)
        digests.append(audio_digest(audio, rate))
        rates.append(rate)
        silent.append(is_silent(audio))
    return AudioFacts(digests, rates, np.array(silent, bool))


def audio_digest(audio: np.ndarray, rate: int) -> str:
    """Hash of decoded audio and its sampling rate, whatever its file's header."""
    return hashlib.sha256(f"{rate}\n".encode() + audio.tobytes()).hexdigest()


def is_silent(audio: np.ndarray) -> bool:
    """Whether there is no sample, or all have the same value."""
    return not len(audio) or bool(audio.max() == audio.min())
