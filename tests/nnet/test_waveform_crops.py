"""Crops with features on the fly: equal to crops of stored features; speed; determinism."""

import numpy as np
import pytest

from speechlib.features.build import OPTIONS, build_extractor
from speechlib.features.frontend import FrontendOptions, apply_frontend, normalise_crop
from speechlib.nnet.crops import CropBatches, CropOptions, CropSampler, StoredFrames
from speechlib.nnet.waveform_crops import Augmentation, Geometry, WaveformCrops

CONTEXTS = {"none": 0, "crop": 0, "sliding": 20, "utterance": None}


def corpus(snip_edges=False):
    rng = np.random.default_rng(0)
    options = OPTIONS["mfcc"](num_ceps=5, num_mel_bins=10, dither=0.0, snip_edges=snip_edges, sample_frequency=8000)
    waves = [(300 * rng.standard_normal(n)).astype(np.float32) for n in (9000, 4000, 2400, 12345, 1000)]
    for wave in waves:
        wave *= np.linspace(1, 20, len(wave), dtype=np.float32)  # no frame is like another
    frames = [build_extractor(options).num_frames(len(wave)) for wave in waves]
    decisions = [(rng.random(n) < 0.6).astype(np.float32) for n in frames]
    return options, waves, frames, decisions


def make(options, waves, frames, decisions, frontend, augmentation=None, crops=30):
    context = CONTEXTS[frontend.cmn]
    if context is not None:
        context += frontend.deltas * frontend.delta_window
    voiced = [np.flatnonzero(decided) for decided in decisions]
    sampler = CropSampler([len(v) for v in voiced], [0, 1, 0, 1, 1], CropOptions(crops), 12, 4)

    def make_features():
        extractor = build_extractor(options)
        return lambda samples, key: extractor.compute(samples, key).numpy()

    return WaveformCrops(
        lambda utterance, first, past: waves[utterance][first:past], [len(wave) for wave in waves], voiced, frames,
        sampler, Geometry(80, 4, context), make_features, lambda features, v: apply_frontend(features, v, frontend),
        lambda crop: normalise_crop(crop, frontend), augmentation,
    )  # fmt: skip


@pytest.mark.parametrize("snip_edges", [False, True])
@pytest.mark.parametrize("cmn", ["none", "crop", "sliding", "utterance"])
@pytest.mark.parametrize("deltas", [0, 2])
def test_without_augmentation_they_are_crops_of_stored_features(cmn, deltas, snip_edges):
    options, waves, frames, decisions = corpus(snip_edges)
    frontend = FrontendOptions(cmn=cmn, cmn_window=39, vad=True, deltas=deltas)
    crops = make(options, waves, frames, decisions, frontend)
    extractor = build_extractor(options)
    stored = [apply_frontend(extractor.compute(wave).numpy(), v, frontend)
              for wave, v in zip(waves, decisions, strict=True)]  # fmt: skip
    expected = CropBatches(StoredFrames(stored), crops.sampler, lambda crop: normalise_crop(crop, frontend))
    assert min(map(len, stored)) < 30  # one goes round
    for number in range(6):
        for found, wanted in zip(crops.batch(number), expected.batch(number), strict=True):
            np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_augmentation_sees_the_samples_and_its_own_random_numbers():
    options, waves, frames, decisions = corpus()
    frontend = FrontendOptions(cmn="none", vad=True)
    drawn = []

    def change(samples, rng, utterance):
        drawn.append(float(rng.random()))
        return samples + rng.standard_normal(len(samples)).astype(np.float32)

    crops = make(options, waves, frames, decisions, frontend, Augmentation(change))
    first, _ = crops.batch(3)
    assert len(set(drawn)) == 12
    crops.batch(4)
    again, _ = crops.batch(3)
    np.testing.assert_array_equal(first, again)
    assert drawn[24:] == drawn[:12] != drawn[12:24]


def test_speed_moves_frames_and_keeps_the_first_voiced_one():
    options, waves, frames, _ = corpus()
    rate, length = 8000, len(waves[0])
    # a tone that rises: played faster, it rises faster
    time = np.arange(length) / rate
    waves[0] = (3000 * np.sin(2 * np.pi * (300 + 900 * time) * time)).astype(np.float32)
    decisions = [np.ones(n, np.float32) for n in frames]
    decisions[0][:10] = 0
    frontend = FrontendOptions(cmn="none", vad=True)

    def play(samples, factor):
        wanted = round(len(samples) / factor)
        return np.interp(np.arange(wanted) * factor, np.arange(len(samples)), samples).astype(np.float32)

    stored = build_extractor(options).compute(waves[0]).numpy()
    for speed in (0.8, 1.0, 1.25):
        augmentation = Augmentation(lambda samples, rng, utterance: samples, lambda rng, s=speed: s, play)
        crops = make(options, waves, frames, decisions, frontend, augmentation)
        crop = crops.crop(0, 20, 30, np.random.default_rng(0), "")
        assert crop.shape == (30, 5)
        # energy (C0) follows the frame of the original that is played, whatever the pitch does
        reference = stored[30 + np.floor(np.arange(30) * speed).astype(int)]
        slow = np.abs(crop[:, 0] - reference[:, 0]).mean()
        assert slow < 1.5, (speed, slow)
    fast = Augmentation(lambda samples, rng, utterance: samples, lambda rng: 1.25, play)
    short = make(options, waves, frames, decisions, frontend, fast, crops=100)
    assert short.crop(2, 3, 100, np.random.default_rng(0), "").shape == (100, 5)  # too short: it goes round
