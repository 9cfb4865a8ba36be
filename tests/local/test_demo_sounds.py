"""Synthetic rooms and noises of the demo corpora: seeded, plausible, and told apart by their size or kind."""

import subprocess
import sys

import numpy as np
import pytest

from local.demo_corpus.noises import KINDS, NOISES, make_noise
from local.demo_corpus.rooms import SIZES, simulate_rir
from speechlib.io.clip_lists import list_clips


def reverberation_time(response: np.ndarray, rate: int) -> float:
    """Seconds for 60 dB, from -5 to -25 dB of Schroeder's backward integral."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0])
    return 3 * (np.argmax(level < -25) - np.argmax(level < -5)) / rate


@pytest.mark.parametrize("size", SIZES)
def test_rooms_are_seeded_and_sound_like_rooms(size):
    responses = [simulate_rir(np.random.default_rng(seed), 16000, size) for seed in range(12)]
    again = simulate_rir(np.random.default_rng(0), 16000, size)
    assert np.array_equal(responses[0], again) and not np.array_equal(responses[0], responses[1])
    for response in responses:
        peak = int(np.argmax(np.abs(response)))
        assert response.dtype == np.float64 and response[peak] == 1.0
        # the direct sound is the strongest and comes after 0.3 to 3.5 m
        assert 0.3 < peak / 16000 * 343 < 3.6
        assert np.abs(response[: peak - 4]).max() < 0.1
        assert abs(response.sum()) < 0.2 * np.abs(response).sum()
    assert 0.1 < np.median([reverberation_time(response, 16000) for response in responses]) < 1.5


def test_larger_rooms_reverberate_longer():
    def median(size):
        times = [reverberation_time(simulate_rir(np.random.default_rng(seed), 8000, size), 8000) for seed in range(12)]
        return np.median(times)

    assert median("small") < median("medium")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [1 / 16000, 0.01, 3.0])
def test_noises_are_seeded_and_of_unit_power(kind, seconds):
    noise = make_noise(np.random.default_rng(3), seconds, 16000, kind)
    assert len(noise) == round(16000 * seconds)
    assert np.array_equal(noise, make_noise(np.random.default_rng(3), seconds, 16000, kind))
    assert np.mean(noise**2) == pytest.approx(1.0)
    if seconds > 1:
        assert abs(noise.mean()) < 1e-9
        assert np.mean(noise == 0) < 0.01
        assert not np.array_equal(noise, make_noise(np.random.default_rng(4), seconds, 16000, kind))


def test_music_has_tones_and_hiss_has_none():
    def flatness(kind):
        power = np.abs(np.fft.rfft(make_noise(np.random.default_rng(0), 4.0, 16000, kind))) ** 2 + 1e-9
        return np.exp(np.mean(np.log(power))) / np.mean(power)

    assert flatness("music") < 0.1 * flatness("hiss")


def test_no_kind_draws_a_noise_but_no_music():
    drawn = {tuple(make_noise(np.random.default_rng(seed), 0.01)[:3]) for seed in range(20)}
    assert len(drawn) == 20 and "music" not in NOISES


def test_errors_name_what_there_is():
    with pytest.raises(ValueError, match="small, medium, large"):
        simulate_rir(np.random.default_rng(0), 16000, "huge")
    with pytest.raises(ValueError, match="rate"):
        simulate_rir(np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="hiss.*music"):
        make_noise(np.random.default_rng(0), 1.0, 16000, "quiet")
    with pytest.raises(ValueError, match="no sample"):
        make_noise(np.random.default_rng(0), 0.0)


def test_sounds_have_the_layouts_of_the_corpora_and_the_same_bytes(root, tmp_path):
    def make(name, seed):
        command = [sys.executable, root / "local/make_demo_noise.py", "--noises", "1", "--music", "1", "--rooms", "2"]
        subprocess.run([*command, "--seed", str(seed), tmp_path / name], check=True, capture_output=True)
        files = sorted((tmp_path / name).rglob("*.wav"))
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    made = make("a", 3)
    assert made == make("b", 3)
    other = make("b", 4)
    assert made.keys() == other.keys() and not any(made[name] == other[name] for name in made)
    kinds = [(clip.kind, clip.room) for part in ("musan", "RIRS_NOISES") for clip in list_clips(tmp_path / "a" / part)]
    assert sorted(set(kinds)) == [("music", "-"), ("noise", "-"), ("rir", "mediumroom"), ("rir", "smallroom")]
    assert len(kinds) == len(NOISES) + 1 + 4
