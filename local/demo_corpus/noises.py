"""Synthetic noises and music-like sounds for demo corpora, with numpy alone."""

import numpy as np

NOISES = ("hiss", "hum", "street", "rain", "keyboard", "alarm", "engine")
KINDS = (*NOISES, "music")


def make_noise(rng: np.random.Generator, seconds: float, rate: int = 16000, kind: str | None = None) -> np.ndarray:
    """Draw a sound.

    Args:
        rng: draws it; the same state gives the same sound.
        seconds: its length.
        rate: Hz.
        kind: one of KINDS; None draws one of NOISES, which leaves out music.

    Returns:
        (round(seconds * rate),) float64 with a mean of 0 and a mean square of 1.

    Raises:
        ValueError: another kind, or less than one sample.
    """
    if kind is None:
        kind = NOISES[rng.integers(len(NOISES))]
    if kind not in KINDS:
        raise ValueError(f"noise of kind {kind!r}: expected {', '.join(KINDS)}")
    count = round(seconds * rate)
    if count < 1:
        raise ValueError(f"{seconds} s at {rate} Hz are no sample")
    # a little longer than wanted, so that events have room in the shortest one, too
    sound = _MAKERS[kind](rng, count + rate, rate)[:count]
    floor = 1e-3 * np.abs(sound).max() + 1e-9
    sound = sound + floor * rng.normal(size=count)  # no digital silence between events
    if count > 1:
        sound -= sound.mean()
    return sound / np.sqrt(np.mean(sound**2))


def _coloured(rng, count, rate, slope, low=20.0, high=np.inf):
    """Noise whose power falls with frequency^slope between two frequencies."""
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    gain = np.zeros(len(frequencies))
    band = (frequencies >= low) & (frequencies <= high)
    gain[band] = frequencies[band] ** (-slope / 2)
    spectrum = (rng.normal(size=len(gain)) + 1j * rng.normal(size=len(gain))) * gain
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise**2))


def _swells(rng, count, rate, every):
    """A slow envelope between about 0.3 and 1, with its turning points every so many seconds."""
    points = rng.uniform(0.3, 1.0, int(count / rate / every) + 3)
    return np.interp(np.arange(count) / rate / every, np.arange(len(points)), points)


def _harmonics(phase, amplitudes):
    return sum(gain * np.sin((index + 1) * phase) for index, gain in enumerate(amplitudes))


def _hiss(rng, count, rate):
    return _coloured(rng, count, rate, rng.uniform(0.0, 1.2))


def _hum(rng, count, rate):
    base = rng.choice([50.0, 60.0, 100.0, 120.0])
    phase = 2 * np.pi * base * np.arange(count) / rate
    gains = rng.uniform(0.1, 1.0, 12) / np.arange(1, 13)
    return _harmonics(phase, gains) + 0.3 * _coloured(rng, count, rate, 1.0)


def _street(rng, count, rate):
    near = _coloured(rng, count, rate, 1.0, 100.0, 3000.0) * _swells(rng, count, rate, 2.0) ** 2
    return _coloured(rng, count, rate, 2.0) + near


def _rain(rng, count, rate):
    drops = np.zeros(count)
    number = max(1, int(rng.uniform(100, 600) * count / rate))
    drops[rng.integers(0, count, number)] = rng.normal(size=number) ** 3
    decay = np.exp(-np.arange(int(0.004 * rate)) / (0.0008 * rate))
    drops = np.convolve(drops, decay * rng.normal(size=len(decay)))[:count]
    drops /= np.sqrt(np.mean(drops**2))
    return drops + 0.7 * _coloured(rng, count, rate, 0.5)


def _keyboard(rng, count, rate):
    sound = 0.02 * _coloured(rng, count, rate, 1.0)
    time = np.arange(int(0.06 * rate)) / rate
    at = 0.0
    while at < count / rate - 0.1:
        click = rng.normal(size=len(time)) * np.exp(-time / rng.uniform(0.002, 0.008))
        click += 0.5 * np.sin(2 * np.pi * rng.uniform(200, 900) * time) * np.exp(-time / 0.015)
        begin = int(at * rate)
        sound[begin : begin + len(time)] += rng.uniform(0.4, 1.0) * click
        at += rng.uniform(0.08, 0.4)
    return sound


def _alarm(rng, count, rate):
    time = np.arange(count) / rate
    first, second = rng.uniform(600, 2500, 2)
    period = rng.uniform(0.3, 1.2)
    frequency = np.where(time % period < period / 2, first, second)
    tone = _harmonics(2 * np.pi * np.cumsum(frequency) / rate, (1.0, 0.3, 0.2))
    return tone * (time % (3 * period) < 2 * period) + 0.05 * _coloured(rng, count, rate, 1.0)


def _engine(rng, count, rate):
    speed = rng.uniform(20, 60) * (0.7 + 0.6 * _swells(rng, count, rate, 1.5))
    gains = rng.uniform(0.3, 1.0, 20) / np.sqrt(np.arange(1, 21))
    return _harmonics(2 * np.pi * np.cumsum(speed) / rate, gains) + 0.5 * _coloured(rng, count, rate, 1.5)


def _music(rng, count, rate):
    """Chords of plucked tones over a bass, of one key and tempo."""
    beat = 60.0 / rng.uniform(70, 150)
    tonic = rng.uniform(110, 220)
    major = np.array([0, 2, 4, 5, 7, 9, 11])
    timbre = rng.uniform(0.1, 1.0, 6) / np.arange(1, 7)
    decay = rng.uniform(0.2, 0.8)
    sound = np.zeros(count)
    for index in range(int(count / rate / beat) + 1):
        begin = int(index * beat * rate)
        time = np.arange(min(count - begin, int(4 * beat * rate))) / rate
        envelope = np.minimum(time / 0.01, 1.0) * np.exp(-time / decay)
        if index % 4 == 0:
            root = rng.integers(7)
            steps = [root - 7, root, root + 2, root + 4]
        else:
            steps = [rng.integers(0, 14)]
        for step in steps:
            semitones = major[step % 7] + 12 * (step // 7)
            phase = 2 * np.pi * tonic * 2 ** (semitones / 12) * time
            sound[begin : begin + len(time)] += rng.uniform(0.5, 1.0) * envelope * _harmonics(phase, timbre)
    return sound


_MAKERS = {
    "hiss": _hiss,
    "hum": _hum,
    "street": _street,
    "rain": _rain,
    "keyboard": _keyboard,
    "alarm": _alarm,
    "engine": _engine,
    "music": _music,
}
