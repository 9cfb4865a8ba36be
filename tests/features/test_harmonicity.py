"""Harmonicity: periodic sounds have it, noise and silence do not, and what speech a VAD of it finds."""

import numpy as np
import pytest

from speechlib.features.harmonicity import HarmonicityExtractor, HarmonicityOptions, harmonicity_vad


def buzz(pitch, seconds, rate):
    """A train of smooth pulses, as a glottis makes."""
    time = np.arange(int(seconds * rate)) / rate
    harmonics = np.arange(1, int(0.45 * rate / pitch))
    return 800 * np.cos(2 * np.pi * pitch * time[:, None] * harmonics).sum(axis=1) / np.sqrt(len(harmonics))


def noise(seconds, rate, scale=500.0, seed=0):
    return scale * np.random.default_rng(seed).standard_normal(int(seconds * rate))


def measure(samples, rate, options=None, piece=None):
    extractor = HarmonicityExtractor(rate, options)
    piece = piece or max(1, len(samples))
    blocks = list(extractor.stream(samples[first : first + piece] for first in range(0, len(samples), piece)))
    if not blocks:
        return np.zeros(0), np.zeros(0)
    return tuple(map(np.concatenate, zip(*blocks, strict=True)))


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("pitch", [75, 140, 330])
def test_periodic_sounds_are_harmonic_at_every_pitch_and_rate(rate, pitch):
    harmonicity, _ = measure(buzz(pitch, 0.5, rate), rate)
    assert harmonicity[10:-10].min() > 0.55
    random, _ = measure(noise(3, rate), rate)
    assert np.quantile(random, 0.99) < HarmonicityOptions().onset
    mixed, _ = measure(buzz(pitch, 0.5, rate) + noise(0.5, rate, 150), rate)
    assert np.median(random) < mixed[10:-10].mean() < harmonicity[10:-10].mean()


def test_rumble_is_not_harmonic_although_its_band_is_narrow():
    rate = 16000
    spectrum = np.fft.rfft(noise(4, rate))
    freqs = np.fft.rfftfreq(4 * rate, 1 / rate)
    rumble = np.fft.irfft(spectrum / (1 + (freqs / 120) ** 2))
    harmonicity, level = measure(rumble * 3000 / rumble.std(), rate)
    assert np.mean(harmonicity > HarmonicityOptions().onset) < 0.02


def test_frames_are_those_of_features_and_centred_alike():
    rate = 16000
    samples = np.concatenate((np.zeros(rate), buzz(120, 1, rate), np.zeros(rate)))
    harmonicity, level = measure(samples, rate)
    assert len(harmonicity) == len(level) == 300
    voiced = np.flatnonzero(harmonicity > 0.4)
    assert abs(voiced[0] - 100) <= 2 and abs(voiced[-1] - 199) <= 2
    # In the middle of the sound the level is the mean square of what is in the band.
    assert level[150] == pytest.approx(np.mean(samples[rate : 2 * rate] ** 2), rel=0.7)
    for count, frames in ((0, 0), (79, 0), (80, 1), (239, 1), (240, 2)):
        assert len(measure(np.ones(count), rate)[0]) == frames == HarmonicityExtractor(rate).num_frames(count)


@pytest.mark.parametrize("piece", [1, 77, 1000, 100_000])
def test_pieces_do_not_matter(piece):
    rate = 8000
    samples = np.concatenate((buzz(100, 0.3, rate), noise(0.35, rate))).astype(np.float32)
    whole, levels = measure(samples, rate)
    harmonicity, level = measure(samples, rate, piece=piece)
    np.testing.assert_array_equal(harmonicity, whole)
    np.testing.assert_array_equal(level, levels)


def test_long_audio_is_measured_without_keeping_it():
    def hour():  # of zeros, a tenth of it is enough to see
        for _ in range(360):
            yield np.zeros(8000, np.float32)

    sizes = [len(harmonicity) for harmonicity, _ in HarmonicityExtractor(8000).stream(hour())]
    assert sum(sizes) == 36000 and max(sizes) <= 512


def test_loudness_does_not_matter_but_silence_does():
    rate = 16000
    samples = buzz(150, 0.4, rate)
    loud, _ = measure(samples, rate)
    soft, _ = measure(samples / 50, rate)
    np.testing.assert_allclose(soft, loud, atol=1e-4)
    assert not measure(np.zeros(rate), rate)[0].any()
    dither = np.random.default_rng(1).integers(-1, 2, rate)  # one bit is no sound
    assert not measure(dither, rate)[0].any()


def test_speech_is_voiced_stretches_with_their_surroundings():
    rate, options = 16000, HarmonicityOptions(margin=100, min_silence=300)
    quiet = noise(1, rate, 5)
    parts = quiet, buzz(120, 0.5, rate), quiet[:3200], buzz(100, 0.3, rate), quiet, buzz(110, 0.03, rate), quiet
    samples = np.concatenate(parts)
    voiced = harmonicity_vad(*measure(samples, rate, options), options)
    assert voiced.dtype == np.float32 and len(voiced) == 403
    changes = np.flatnonzero(np.diff(voiced))
    # one stretch over the pause of 200 ms, and not the click of 30 ms
    assert len(changes) == 2
    assert abs(changes[0] - 89) <= 4 and abs(changes[1] - 209) <= 4


def test_hysteresis_keeps_what_an_onset_began():
    options = HarmonicityOptions(onset=0.5, offset=0.2, margin=0, min_silence=0, min_voiced=0)
    harmonicity = np.array([0.3, 0.3, 0.1, 0.3, 0.6, 0.3, 0.1, 0.0])
    assert harmonicity_vad(harmonicity, np.ones(8), options).tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
    level = np.array([1, 1, 1, 1, 1, 1e-5, 1, 1])  # far below the loud frames
    assert harmonicity_vad(harmonicity, level, options).tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


def test_no_frames():
    assert harmonicity_vad(np.zeros(0), np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"min_pitch": 500.0}, "min-pitch < max-pitch"),
        ({"high_freq": 300.0}, "not below max-pitch"),
        ({"offset": 0.9}, "offset <= onset"),
        ({"margin": -1.0}, "margin=-1.0"),
        ({"frame_shift": 0.0}, "frame-shift=0.0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        HarmonicityOptions(**options)


def test_a_rate_below_the_pitch_range():
    with pytest.raises(ValueError, match="audio of 1000 Hz"):
        HarmonicityExtractor(1000)


def test_real_speech_and_an_almost_silent_recording(corpora):
    from speechlib.io.audio import read_audio

    samples, rate = read_audio(corpora / "pyaa_dialogue/diarizationExample.wav")
    assert harmonicity_vad(*measure(samples, rate)).mean() > 0.8  # its reference has speech throughout
    samples, rate = read_audio(corpora / "format_samples/pyannote_almost_silent.wav")
    assert not harmonicity_vad(*measure(samples, rate)).any()
