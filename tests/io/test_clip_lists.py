"""Lists of noises: what the layouts of MUSAN, RIRS_NOISES and other folders mean, bad files, reading in pieces."""

import numpy as np
import pytest
import soundfile

from speechlib.augment.speed import resample
from speechlib.io.bad_audio import BadAudio
from speechlib.io.clip_lists import LIST_NAME, find_clips, list_clips, read_clips, write_clips
from speechlib.io.datadir import DataDir
from speechlib.io.other_speakers import OtherSpeakers
from speechlib.io.sound_clips import AudioCache, SoundClip, open_noises, open_responses
from speechlib.io.wav_writer import write_wav


def put(path, count=400, channels=None, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = count if channels is None else (count, channels)
    write_wav(path, np.random.default_rng(count).integers(-1000, 1000, shape).astype(np.int16), rate)
    return path


def kinds_of(clips):
    return {clip.name: (clip.kind, clip.room) for clip in clips}


def test_musan_and_rirs_noises(tmp_path):
    musan, rirs = tmp_path / "musan", tmp_path / "RIRS_NOISES"
    put(musan / "noise/free-sound/noise-free-sound-0000.wav")
    put(musan / "music/fma/music-fma-0000.wav")
    put(musan / "speech/us-gov/speech-us-gov-0000.wav")
    (musan / "README").write_text("text")
    for room in ("smallroom", "mediumroom", "largeroom"):
        put(rirs / f"simulated_rirs/{room}/Room001/Room001-00001.wav")
    put(rirs / "pointsource_noises/noise-free-sound-0000.wav")
    put(rirs / "real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1_far_angla.wav", channels=8)
    put(rirs / "real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav", channels=8)
    clips, bad = find_clips(musan)
    assert not bad and kinds_of(clips) == {
        "musan/music/fma/music-fma-0000.wav": ("music", "-"),
        "musan/noise/free-sound/noise-free-sound-0000.wav": ("noise", "-"),
        "musan/speech/us-gov/speech-us-gov-0000.wav": ("speech", "-"),
    }
    found = kinds_of(find_clips(rirs, "rir")[0])
    simulated = {f"{room}room" for room in ("small", "medium", "large")}
    assert {room for kind, room in found.values() if kind == "rir"} == simulated | {"real"}
    assert sum(kind == "noise" for kind, _ in found.values()) == 2
    assert find_clips(rirs)[0][-1].name.startswith("RIRS_NOISES/simulated")
    # a part of MUSAN is told by the folder's own name
    assert [clip.kind for clip in find_clips(musan / "music")[0]] == ["music"]


def test_any_folder(tmp_path):
    folder = tmp_path / "my noises"
    put(folder / "001 - Dog bark/1.wav", rate=44100)
    soundfile.write(folder / "001 - Dog bark/2.OGG", np.random.default_rng(0).normal(0, 0.1, 4000), 8000, format="OGG")
    put(folder / "some_rirs/a.wav", channels=3)
    put(folder / "speechbrain_noise/b.wav")
    put(folder / ".hidden/c.wav")
    put(folder / "._d.wav")
    (folder / "loop").symlink_to(folder)
    expected = {"001 - Dog bark/1.wav": "noise", "001 - Dog bark/2.OGG": "noise", "some_rirs/a.wav": "rir"}
    expected |= {"speechbrain_noise/b.wav": "noise"}
    for unnamed in ("noise", "rir"):  # where a folder says what is a response, the others are none
        clips, _ = find_clips(folder, unnamed)
        assert {clip.name.removeprefix("my noises/"): clip.kind for clip in clips} == expected
    put(tmp_path / "plain/x.wav")
    assert [clip.kind for clip in find_clips(tmp_path / "plain", "rir")[0]] == ["rir"]
    assert [clip.kind for clip in find_clips(tmp_path / "plain")[0]] == ["noise"]


def test_lists_are_read_as_they_were_written(tmp_path):
    put(tmp_path / "a/noise/x y.wav", 700, 2, 8000)
    clips = list_clips(tmp_path / "a")
    write_clips(tmp_path / LIST_NAME, clips)
    assert list_clips(tmp_path) == list_clips(tmp_path / LIST_NAME) == read_clips(tmp_path / LIST_NAME) == clips
    assert (clips[0].rate, clips[0].channels, clips[0].samples) == (8000, 2, 700)
    with pytest.raises(ValueError, match="two clips"):
        write_clips(tmp_path / "twice.tsv", clips * 2)
    assert not (tmp_path / "twice.tsv").exists()


@pytest.mark.parametrize(
    "line", ["noise\t-\tx\t16000\t1\t5", "noise\t-\tx\t16000\t1\tmany\tp", "nois\t-\tx\t1\t1\t1\tp"]
)
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "clips.tsv"
    write_clips(path, [])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"clips.tsv:2: expected 7 columns"):
        read_clips(path)


def test_folders_without_use(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        list_clips(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no audio in it"):
        list_clips(tmp_path)
    put(tmp_path / "noise/good.wav")
    (tmp_path / "noise/bad.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match=r"1 of 2 files .* cannot be read.*LFS"):
        list_clips(tmp_path)
    clips, bad = find_clips(tmp_path)
    assert len(clips) == 1 and [error.reason for error in bad] == ["lfs-pointer"]


def test_pieces_channels_and_rates(tmp_path):
    rng = np.random.default_rng(0)
    samples = rng.integers(-1000, 1000, (5000, 3)).astype(np.int16)
    write_wav(tmp_path / "x.wav", samples, 16000)
    cache = AudioCache()
    clip = SoundClip("x", str(tmp_path / "x.wav"), 16000, resample, cache)
    assert (clip.num_samples, clip.channels) == (5000, 3)
    for channel in range(3):
        assert np.array_equal(clip.read(100, 300, channel), samples[100:300, channel])
    segment = SoundClip("x", str(tmp_path / "x.wav"), 16000, resample, cache, segment=(0.1, 0.2), channel=2)
    assert (segment.num_samples, segment.channels) == (1600, 1)
    assert np.array_equal(segment.read(0, 5, 0), samples[1600:1605, 2])
    slower = SoundClip("x", str(tmp_path / "x.wav"), 8000, resample, cache)
    assert slower.num_samples == 2500 and slower.read(0, 2500, 1).shape == (2500,)
    expected = resample(samples[:, 1].astype(np.float32), 16000, 8000)
    np.testing.assert_allclose(slower.read(10, 20, 1), expected[10:20], atol=1e-3)


def test_long_recordings_are_read_in_pieces_and_not_kept(tmp_path):
    samples = np.arange(31 * 1000, dtype=np.int16)
    write_wav(tmp_path / "long.wav", samples, 1000)
    cache = AudioCache()
    clip = SoundClip("x", str(tmp_path / "long.wav"), 1000, resample, cache)
    assert clip.read(30000, 30003, 0).tolist() == [30000, 30001, 30002] and not cache._held


def test_the_cache_is_bounded():
    cache = AudioCache(max_bytes=100)
    made = []

    def make(name):
        def made_now():
            made.append(name)
            return np.zeros(12, np.float32)

        return cache.get((name,), made_now)

    for name in "ababcab":
        make(name)
    assert made == ["a", "b", "c", "a", "b"] and cache._bytes <= 100
    with pytest.raises(ValueError, match="read-only"):
        make("b")[0] = 1


def test_a_list_that_is_out_of_date_is_noticed(tmp_path):
    put(tmp_path / "noise/x.wav", 400)
    clips = list_clips(tmp_path)
    put(tmp_path / "noise/x.wav", 500)
    clip = open_noises(clips, 16000, resample, AudioCache())["noise"][0]
    with pytest.raises(BadAudio, match="than listed"):
        clip.read(0, 400, 0)
    assert open_responses(clips, 16000, resample, AudioCache()) == {}


def test_other_speakers(tmp_path):
    lines, wavs = [], []
    for speaker in "abc":
        for index in range(2):
            path = put(tmp_path / f"{speaker}{index}.wav", 3200)
            lines.append(f"{speaker}{index} {speaker}\n")
            wavs.append(f"{speaker}{index} {path}\n")
    (tmp_path / "utt2spk").write_text("".join(lines))
    (tmp_path / "wav.scp").write_text("".join(wavs))
    rng = np.random.default_rng(0)
    others = OtherSpeakers(DataDir(tmp_path), 16000, resample, AudioCache())
    drawn = {others.draw(rng, "a1").name for _ in range(50)}
    assert drawn == {"b0", "b1", "c0", "c1"}
    (tmp_path / "b0.wav").write_bytes(b"")
    fresh = OtherSpeakers(DataDir(tmp_path), 16000, resample, AudioCache())
    assert {fresh.draw(rng, "a1").name for _ in range(50)} == {"b1", "c0", "c1"}
    (tmp_path / "segments").write_text("".join(f"{s}{i} {s}0 0.0 0.1\n" for s in "abc" for i in range(2)))
    clip = OtherSpeakers(DataDir(tmp_path), 16000, resample, AudioCache()).draw(rng, "b0")
    assert clip.num_samples == 1600
    (tmp_path / "utt2spk").write_text("a0 a\n")
    with pytest.raises(ValueError, match="but one"):
        OtherSpeakers(DataDir(tmp_path), 16000, resample, AudioCache()).draw(rng, "a0")
