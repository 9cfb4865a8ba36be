"""Audio for features on the fly, and UtteranceAudio: the fifth column of segments chooses the channel."""

import numpy as np
import pytest

from speechlib.io.audio import UtteranceAudio, write_wav
from speechlib.io.datadir import DataDir
from speechlib.io.sound_clips import AudioCache
from speechlib.io.training_audio import check_other_audio, read_training_audio

RATE = 8000


@pytest.fixture
def sides(tmp_path) -> np.ndarray:
    samples = np.random.default_rng(0).integers(-9000, 9000, (RATE, 2), dtype=np.int16)
    write_wav(tmp_path / "call.wav", samples, RATE)
    (tmp_path / "wav.scp").write_text(f"call {tmp_path}/call.wav\n")
    (tmp_path / "utt2spk").write_text("a-1 a\nb-1 b\n")
    (tmp_path / "segments").write_text("a-1 call 0.1 0.4 0\nb-1 call 0.1 0.4 1\n")
    return samples


def read(folder):
    return read_training_audio(
        DataDir(folder), ["a-1", "b-1"], RATE, lambda n: n // 80, None, 1, None, AudioCache(1 << 20)
    )


def test_each_utterance_has_its_channel(tmp_path, sides):
    found = read(tmp_path)
    utterances = {name: samples for name, samples, _ in UtteranceAudio(tmp_path)}
    for channel, name in enumerate(("a-1", "b-1")):
        expected = sides[800:3200, channel]
        np.testing.assert_array_equal(found.clips[name].read(0, 2400, 0), expected)
        np.testing.assert_array_equal(utterances[name], expected)
    assert found.digests["a-1"] != found.digests["b-1"]


def test_the_same_samples_on_another_side_are_no_leak_of_this_one(tmp_path, sides):
    found = read(tmp_path)
    clips = {"a-1": found.clips["a-1"]}
    other = tmp_path / "other"
    other.mkdir()
    (other / "wav.scp").write_text((tmp_path / "wav.scp").read_text())
    (other / "utt2spk").write_text("c-1 c\n")
    (other / "segments").write_text("c-1 call 0.1 0.4 1\n")
    check_other_audio(DataDir(tmp_path), clips, [str(other)], RATE)
    (other / "segments").write_text("c-1 call 0.1 0.4 0\n")
    with pytest.raises(ValueError, match="c-1"):
        check_other_audio(DataDir(tmp_path), clips, [str(other)], RATE)


def test_channels_that_are_not_there(tmp_path, sides):
    (tmp_path / "segments").write_text("a-1 call 0.1 0.4 0\nb-1 call 0.1 0.4 2\n")
    with pytest.raises(ValueError, match="utterance b-1: .*has 2 channels, segments asks for 2, counted from 0"):
        read(tmp_path)
    audio = UtteranceAudio(tmp_path)
    assert [name for name, _, _ in audio] == ["a-1"]
    assert [(name, reason) for name, reason, _ in audio.bad] == [("b-1", "wrong-channel")]
    (tmp_path / "segments").write_text("a-1 call 0.1 0.4 0\nb-1 call 0.1 0.4\n")
    with pytest.raises(ValueError, match="utterance b-1: .*has 2 channels where one is expected"):
        read(tmp_path)
