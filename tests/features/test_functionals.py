"""Functionals: finite for anything, named, in order, and saying what they are named for."""

import numpy as np
import pytest

from speechlib.features.contours import deltas
from speechlib.features.functionals import GROUPS, FunctionalOptions, Functionals
from speechlib.features.pitch import PitchCandidates, PitchFinder
from speechlib.features.power_spectra import frame_samples, spectra_blocks
from speechlib.features.spectral_shape import SHAPE_NAMES, SpectralFrames, SpectralShape

RATE = 16000


@pytest.fixture(scope="module")
def functionals():
    return Functionals()


def utterance(pitch=150.0, seconds=1.5, level=1000.0, jitter=0.0):
    """A buzz whose pitch moves, in syllables of half a second with noise in between."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * RATE)) / RATE
    moving = pitch * (1 + 0.1 * np.sin(2 * np.pi * 1.5 * time)) * (1 + jitter * rng.standard_normal(len(time)))
    phase = 2 * np.pi * np.cumsum(moving) / RATE
    buzz = sum(np.cos(number * phase) / number for number in range(1, 20))
    sounding = np.sin(2 * np.pi * time) > 0
    return (level * (buzz * sounding + 0.1 * rng.standard_normal(len(time)))).astype(np.float32)


def values(functionals, samples):
    return dict(zip(functionals.names, functionals(samples).tolist(), strict=True))


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE),
        np.zeros(1),
        np.full(RATE, 1234.0),
        np.full(RATE // 10, -32768.0),
        np.clip(1e6 * np.sin(np.arange(RATE) / 7), -32768, 32767),
        np.random.default_rng(0).normal(0, 1, RATE // 10),
        np.random.default_rng(1).integers(-32768, 32768, 2 * RATE, dtype=np.int16),
        np.eye(1, RATE, 800)[0] * 32767,
        np.sin(np.arange(RATE) / 20) * 2,
        utterance(),
        utterance(level=0.5),
    ],
)
def test_all_are_finite_for_any_waveform(functionals, samples):
    vector = functionals(samples)
    assert vector.shape == (functionals.dim,) and vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert np.abs(vector).max() < 1e5


@pytest.mark.parametrize("samples", [np.zeros(0), np.array([0, np.nan]), np.zeros((10, 2)), np.array([np.inf])])
def test_what_is_no_waveform(functionals, samples):
    with pytest.raises(ValueError, match="waveform"):
        functionals(samples)


def test_names_are_a_fixed_order_of_different_ones(functionals):
    assert functionals.dim == len(functionals.names) == len(set(functionals.names)) == 228
    assert functionals.names[:3] == ("pitch_mean", "pitch_sd", "pitch_p20")
    assert functionals.names[-1] == "bandwidth3_sd"
    whole = functionals(utterance())
    begin = 0
    for group in GROUPS:  # a group's values are a stretch of all
        part = Functionals(FunctionalOptions((group,)))
        assert part.names == functionals.names[begin : begin + part.dim]
        np.testing.assert_array_equal(part(utterance()), whole[begin : begin + part.dim])
        begin += part.dim
    assert begin == functionals.dim
    pair = Functionals(FunctionalOptions(("mfcc", "pitch")))  # in the order of GROUPS all the same
    assert pair.names[0] == "pitch_mean" and pair.names[-1] == "delta_mfcc13_active_sd"


def test_they_do_not_depend_on_what_was_computed_before(functionals):
    first = functionals(utterance())
    functionals(utterance(250, 3))
    np.testing.assert_array_equal(functionals(utterance()), first)
    np.testing.assert_array_equal(functionals(utterance().round().astype(np.int16)), functionals(utterance().round()))


def test_statistics_are_those_of_the_frames(functionals):
    samples = utterance()
    found = values(functionals, samples)
    finder, shape = PitchFinder(), SpectralShape()
    blocks = [spectra for spectra, _ in spectra_blocks(frame_samples(samples))]
    track = finder.track(PitchCandidates.joined([finder.candidates(spectra) for spectra in blocks]))
    spectral = SpectralFrames.joined([shape.compute(spectra) for spectra in blocks])
    voiced = track.voiced
    active = spectral.level > np.quantile(spectral.level, 0.95) - 30
    semitones = track.semitones[voiced]
    assert found["pitch_mean"] == pytest.approx(semitones.mean(), rel=1e-5)
    assert found["pitch_range"] == pytest.approx(np.ptp(np.quantile(semitones, (0.2, 0.8))), rel=1e-4)
    assert found["voiced_share"] == pytest.approx(voiced.mean())
    assert found["voiced_segments_a_second"] == pytest.approx((np.diff(voiced.astype(int), prepend=0) == 1).sum() / 1.5)
    centroid = spectral.shape[:, SHAPE_NAMES.index("centroid")]
    assert found["centroid_active_mean"] == pytest.approx(centroid[active].mean(), rel=1e-5)
    assert found["centroid_voiced_sd"] == pytest.approx(centroid[voiced].std(), rel=1e-4)
    assert found["centroid_unvoiced_mean"] == pytest.approx(centroid[active & ~voiced].mean(), rel=1e-5)
    assert found["mfcc2_voiced_mean"] == pytest.approx(spectral.cepstrum[voiced, 1].mean(), rel=1e-4)
    assert found["delta_mfcc3_active_sd"] == pytest.approx(deltas(spectral.cepstrum)[active, 2].std(), rel=1e-4)
    assert found["level_p50"] == pytest.approx(np.median(spectral.level), rel=1e-5)
    assert found["equivalent_level"] == pytest.approx(10 * np.log10(np.mean(10 ** (spectral.level / 10))), rel=1e-4)


def test_gain_moves_what_is_named_a_level_only(functionals):
    loud, soft = values(functionals, utterance(level=3000)), values(functionals, utterance(level=300))
    absolute = ("loudness", "level", "log_loudness", "equivalent_level")
    moved = {name for name in loud if abs(loud[name] - soft[name]) > 0.03 * abs(loud[name]) + 0.05}
    assert moved and all(name.startswith(absolute) for name in moved)
    assert loud["equivalent_level"] - soft["equivalent_level"] == pytest.approx(20, abs=0.05)


def test_they_say_what_they_are_named_for(functionals):
    low, high = values(functionals, utterance(110)), values(functionals, utterance(220))
    assert high["pitch_p50"] - low["pitch_p50"] == pytest.approx(12, abs=0.3)
    assert low["voiced_seconds_mean"] == pytest.approx(0.5, abs=0.05)
    rough = values(functionals, utterance(110, jitter=0.5))
    assert rough["jitter_p50"] > 2 * low["jitter_p50"] and rough["hnr_mean"] < low["hnr_mean"]
    assert low["h1_h2_mean"] == pytest.approx(20 * np.log10(2), abs=1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"groups": ("pitch", "energie")}, "groups=pitch,energie: expected one or more of pitch, energy"),
        ({"groups": ()}, "expected one or more"),
        ({"max_pitch": 30.0}, "min-pitch < max-pitch"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        FunctionalOptions(**options)


def test_anger_is_higher_louder_and_brighter_than_sadness(functionals, corpora):
    from speechlib.io.audio import read_audio

    for speaker in ("03", "08"):
        mean = {}
        for emotion in "WT":
            files = sorted((corpora / "emodb/wav").glob(f"{speaker}*{emotion}?.wav"))[:4]
            vectors = [functionals(read_audio(path)[0]) for path in files]
            mean[emotion] = dict(zip(functionals.names, np.mean(vectors, axis=0), strict=True))
        for name in ("pitch_p50", "loudness_mean", "centroid_voiced_mean", "nuclei_a_second"):
            assert mean["W"][name] > mean["T"][name], name
        assert mean["W"]["alpha_ratio_voiced_mean"] < mean["T"]["alpha_ratio_voiced_mean"]
