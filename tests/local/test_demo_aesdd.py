"""The demo corpus in AESDD's layout: same bytes for the same seed, emotions that can be told, but not too easily."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader")

from local.demo_corpus import aesdd_layout
from local.demo_corpus.emotions import EMOTIONS, Actor, Manner, shape_voice
from local.demo_corpus.processes import run_isolated

RATE = 16000
SPEAKERS = 4
BROKEN = "sadness/s05 (3).wav"


@pytest.fixture(scope="module")
def demo(root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "made up/AESDD"
    options = ("--layout", "aesdd", "--speakers", str(SPEAKERS), "--seed", "3", "--nj", "2")
    command = [sys.executable, root / "local/make_demo_corpus.py", *options, out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "4 speakers, 5 emotions, 163 utterances" in done.stdout, done.stderr
    return out


@pytest.fixture(scope="module")
def waves(demo) -> dict[str, np.ndarray]:
    """(samples,) by path in the corpus, without the broken file."""
    paths = {str(path.relative_to(demo)): path for path in sorted(demo.rglob("*.wav"))}
    return {name: soundfile.read(path, dtype="int16")[0] for name, path in paths.items() if name != BROKEN}


def test_the_layout_is_aesdds(demo, waves):
    assert sorted(path.name for path in demo.iterdir() if path.is_dir()) == sorted(EMOTIONS)
    expected = {
        f"{emotion}/{emotion[0]}{sentence:02d} ({speaker}).wav"
        for emotion in EMOTIONS
        for sentence in range(1, 9)
        for speaker in range(1, SPEAKERS + 1)
    }
    assert {name for name in waves if not name.endswith("b.wav")} == expected - {BROKEN}
    second = [re.fullmatch(r"\w+/[adfhs]\d\d \((\d)\)b\.wav", name) for name in waves if name.endswith("b.wav")]
    assert sorted(match[1] for match in second) == list("1234")
    assert "SYNTHETIC" in (demo / "README").read_text()
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(demo / BROKEN)


def test_everybody_says_the_same_sentences_and_odd_speakers_are_men():
    casts = aesdd_layout.plan(7, seed=1)
    assert [cast.speaker.sex for cast in casts] == list("MFMFMFM")
    assert len({cast.speaker.key for cast in casts}) == 7
    texts = {}
    for cast in casts:
        for emotion, path, text in cast.takes:
            assert path.startswith(f"{emotion}/{emotion[0]}")
            assert texts.setdefault(path.split("/")[1][1:3], text) == text
    assert len(set(texts.values())) == len(texts) == 8
    assert casts == aesdd_layout.plan(7, seed=1) and casts[0].takes != aesdd_layout.plan(7, seed=2)[0].takes


@pytest.mark.parametrize("speakers, seed, message", [(2, 0, "from 3 to 60 can be made"), (6, -1, "--seed -1")])
def test_what_cannot_be_made(speakers, seed, message):
    with pytest.raises(ValueError, match=message):
        aesdd_layout.plan(speakers, seed)


def test_an_actors_bytes_depend_on_nobody_else(demo, tmp_path):
    cast = aesdd_layout.plan(SPEAKERS, seed=3)[3]
    for emotion in EMOTIONS:
        (tmp_path / emotion).mkdir()
    run_isolated(aesdd_layout._act, [(cast, tmp_path)], processes=1)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.wav")}
    assert len(made) == len(cast.takes) == 41
    assert all((demo / name).read_bytes() == data for name, data in made.items())


def _unknown_emotion(cast) -> int:
    Actor(cast.speaker).say("No.", "boredom")
    return 0


def test_an_unknown_emotion_is_an_error():
    with pytest.raises(KeyError, match="boredom"):
        run_isolated(_unknown_emotion, [(aesdd_layout.plan(3, seed=0)[0],)], processes=1)


def level(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(samples.astype(float) ** 2))


def test_levels_stay_within_the_files_range(waves):
    assert 1000 < min(np.abs(samples.astype(int)).max() for samples in waves.values())
    assert np.mean([np.abs(samples.astype(int)).max() >= 32767 for samples in waves.values()]) < 0.01
    loud, soft = ([level(s) for name, s in waves.items() if name.startswith(e)] for e in ("anger", "sadness"))
    assert np.mean(loud) > np.mean(soft) + 8


def tone(seconds: float = 1.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return 1000 * sum(np.sin(2 * np.pi * f * times) for f in (250.0, 1000.0))


def line(samples: np.ndarray, frequency: float) -> float:
    """Amplitude in dB at a frequency."""
    times = np.arange(len(samples)) / RATE
    return 20 * np.log10(np.abs(np.mean(samples * np.hanning(len(samples)) * np.exp(-2j * np.pi * frequency * times))))


def test_the_tilt_is_in_decibels_an_octave():
    for slope in (-3.0, 2.0):
        shaped = shape_voice(tone(), Manner(tilt=slope), np.random.default_rng(0))
        difference = line(shaped, 1000) - line(shaped, 250) - (line(tone(), 1000) - line(tone(), 250))
        assert difference == pytest.approx(2 * slope, abs=0.05)


def test_the_level_is_in_decibels():
    plain, loud = (shape_voice(tone(), Manner(level=value), np.random.default_rng(0)) for value in (0.0, 6.0))
    assert level(loud) - level(plain) == pytest.approx(6.0, abs=1e-9)


def test_breath_tremor_and_creak():
    rng = np.random.default_rng(0)
    plain, breathy = (shape_voice(tone(), Manner(breath=value), rng) for value in (0.0, 0.3))
    spectra = [np.abs(np.fft.rfft(s * np.hanning(len(s)))) ** 2 for s in (plain, breathy)]
    noise = [spectrum[2000:].sum() / spectrum.sum() for spectrum in spectra]
    assert noise[0] < 1e-6 and noise[1] == pytest.approx(0.3**2 / (1 + 0.3**2), rel=0.15)
    wobbly = shape_voice(tone(), Manner(tremor=0.05), rng)
    assert line(wobbly, 1000) < line(plain, 1000) - 6  # the line has spread over its sidebands
    creaky = shape_voice(tone(4), Manner(creak=0.5), rng)
    spread = [np.std([level(part) for part in np.array_split(s, len(s) // 800)]) for s in (plain, creaky)]
    assert spread[0] < 0.2 < 1 < spread[1]


def describe(samples: np.ndarray) -> list[float]:
    """Level, its spread, brightness, median and spread of log2 F0 (by autocorrelation), and duration."""
    samples = samples.astype(float)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 640)[::320] * np.hanning(640)
    powers = np.abs(np.fft.rfft(frames, 2048)) ** 2
    levels = 10 * np.log10(powers.sum(1) + 1)
    lags = np.fft.irfft(powers)[:, 35:260] / powers.mean(1, keepdims=True)
    pitch = np.log2(RATE / (35 + lags.argmax(1)))[levels > levels.max() - 20]
    bands = np.log10(powers[levels > levels.max() - 20].mean(0)[:1024].reshape(8, -1).sum(1))
    return [levels.max(), levels.std(), *np.diff(bands), np.median(pitch), pitch.std(), np.log(len(samples))]


def test_emotions_can_be_told_for_unseen_speakers_but_not_always(waves):
    features = np.array([describe(samples) for samples in waves.values()])
    emotions = np.array([list(EMOTIONS).index(name.split("/")[0]) for name in waves])
    speakers = np.array([int(name.split("(")[1][0]) for name in waves])
    predicted = np.empty_like(emotions)
    for speaker in range(1, SPEAKERS + 1):
        held_out = speakers == speaker
        known, labels = features[~held_out], emotions[~held_out]
        means = np.array([known[labels == emotion].mean(0) for emotion in range(5)])
        within = np.cov((known - means[labels]).T) + 1e-6 * np.eye(features.shape[1])
        # linear discriminant analysis: the nearest mean by Mahalanobis distance
        differences = features[held_out][:, None] - means
        distances = np.einsum("nci,ij,ncj->nc", differences, np.linalg.inv(within), differences)
        predicted[held_out] = distances.argmin(1)
    recalls = [np.mean(predicted[emotions == emotion] == emotion) for emotion in range(5)]
    assert 0.45 < np.mean(recalls) < 0.95 and min(recalls) > 0.2


def test_it_becomes_a_data_directory(root, demo, tmp_path):
    script = root / "egs/emotion/local/prepare_corpus.sh"
    done = subprocess.run([script, demo, tmp_path / "data dir"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 speakers, 163 utterances" in done.stdout and f"{BROKEN}: left out, it is known to be" in done.stderr
    emotions = [line.split()[1] for line in (tmp_path / "data dir/utt2emotion").read_text().splitlines()]
    assert {emotion: emotions.count(emotion) > 30 for emotion in emotions} == dict.fromkeys(EMOTIONS, True)
