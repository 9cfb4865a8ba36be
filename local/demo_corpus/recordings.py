"""What happens to clean speech between mouth and file: a room, noise and a level, the same for a whole session."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .noises import make_noise
from .rooms import simulate_rir
from .voices import RATE

_NOISE_S = 8.0  # of one session; utterances take pieces of it


@dataclass(frozen=True)
class Session:
    """A session's room (samples,), noise (samples,) and how they are mixed; the level is the RMS in int16 range."""

    room: np.ndarray
    noise: np.ndarray
    snr_db: float
    level: float

    def record(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The speech (samples,) as int16 samples (samples,) of the same length, from this session's microphone."""
        size = 1 << (len(speech) + len(self.room)).bit_length()
        spectrum = np.fft.rfft(speech, size) * np.fft.rfft(self.room, size)
        heard = np.fft.irfft(spectrum, size)[: len(speech)]
        power = np.mean(heard**2)
        start = int(rng.integers(len(self.noise)))
        noise = np.take(self.noise, np.arange(start, start + len(heard)), mode="wrap")
        gain = np.sqrt(power / max(float(np.mean(noise**2)), 1e-12) / 10 ** (self.snr_db / 10))
        mixed = heard + gain * noise
        mixed *= self.level / np.sqrt(np.mean(mixed**2))
        return np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)


def draw_session(rng: np.random.Generator, sizes: tuple[str, ...], kinds: tuple[str, ...], snrs_db) -> Session:
    """Draw a session.

    Args:
        rng: of this session alone, so that it does not depend on the others.
        sizes: of rooms (`rooms.simulate_rir`), one is drawn.
        kinds: of noise (`noises.make_noise`), one is drawn.
        snrs_db: lowest and highest signal-to-noise ratio.
    """
    room = simulate_rir(rng, RATE, sizes[int(rng.integers(len(sizes)))])
    room = room[int(np.argmax(np.abs(room))) :]  # the direct sound first, so that speech stays where it was
    noise = make_noise(rng, _NOISE_S, RATE, kind=kinds[int(rng.integers(len(kinds)))])
    return Session(room, noise, float(rng.uniform(*snrs_db)), float(rng.uniform(600, 2500)))


def write_wave(path: Path, samples: np.ndarray) -> None:
    """Write int16 samples (samples,) as a RIFF file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
