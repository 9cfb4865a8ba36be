"""Recordings at another rate: copies with their names, and files replaced in place."""

import numpy as np
import pytest
import soundfile

from speechlib.experiments.resampling import copy_names, resample_in_place, resampled_copies, wanted_rate
from speechlib.io.audio import audio_info, read_audio
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.wav_writer import write_wav

TIMES = np.arange(8000) / 8000


def quiet(line):
    pass


def table(entries, channels=None, starts=None, ends=None, databases=None):
    count = len(entries)
    return Samples(databases or ["d"] * count, [str(entry) for entry in entries], [str(entry) for entry in entries],
                   np.array(starts or [0.0] * count), np.array(ends or [-1.0] * count), channels or [None] * count,
                   {"emotion": [str(row) for row in range(count)]})  # fmt: skip


@pytest.fixture
def recordings(tmp_path):
    """A tone at 8 kHz, the same at 16 kHz, and two channels of tones at 8 kHz."""
    (tmp_path / "x/sub").mkdir(parents=True)
    paths = [tmp_path / "x/a.wav", tmp_path / "x/sub/b.wav", tmp_path / "x/two.flac"]
    write_wav(paths[0], 5000 * np.sin(2 * np.pi * 440 * TIMES), 8000)
    write_wav(paths[1], 5000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000), 16000)
    soundfile.write(paths[2], 0.3 * np.sin(2 * np.pi * TIMES[:, None] * [440, 880]), 8000)
    return paths


def tone_of(path):
    samples, rate = read_audio(path)
    return np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples), np.abs(samples[500:-500]).max()


def test_copies_keep_names_level_times_and_labels(tmp_path, recordings):
    said = []
    samples = table([recordings[0], recordings[0], *recordings[1:]], starts=[0.0, 0.5, 0.0, 0.0],
                    ends=[0.5, -1.0, -1.0, -1.0])  # fmt: skip
    copies = resampled_copies(samples, 16000, tmp_path / "out", said.append)
    names = [entry.removeprefix(f"{tmp_path}/out/") for entry in copies.entries]
    assert names == ["d/a.wav", "d/a.wav", "d/sub/b.wav", "d/two.wav"]
    assert all((audio_info(entry).rate, audio_info(entry).channels) == (16000, 1) for entry in copies.entries)
    for entry in copies.entries[1:3]:
        assert tone_of(entry) == (440, pytest.approx(5000, rel=2e-3))
    assert copies.ends.tolist() == samples.ends.tolist() and copies.columns == samples.columns
    assert len(copies.audio(0)[0]) == 8000
    assert "note: 1 recordings have more than one channel: the first was taken" in said
    assert said[-1] == "3 copies made, 0 were there"
    resampled_copies(samples, 16000, tmp_path / "out", said.append)
    assert said[-1] == "0 copies made, 3 were there"
    write_wav(recordings[0], 5000 * np.sin(2 * np.pi * 600 * TIMES), 8000)
    resampled_copies(samples, 16000, tmp_path / "out", said.append)
    assert said[-1] == "1 copies made, 2 were there" and tone_of(tmp_path / "out/d/a.wav")[0] == 600


def test_channels_commands_and_loud_recordings(tmp_path, recordings):
    square = tmp_path / "x/square.wav"
    write_wav(square, 32767 * np.sign(np.sin(2 * np.pi * 100 * TIMES + 0.1)), 8000)
    said = []
    samples = table([recordings[2], recordings[2], f"cat {recordings[0]} |", square], channels=[0, 1, None, None])
    samples.names[2] = "utt/1"
    copies = resampled_copies(samples, 11025, tmp_path / "out", said.append)
    assert [tone_of(entry)[0] for entry in copies.entries[:3]] == [440, 880, 440]
    assert copies.channels == [None] * 4 and copies.entries[2].endswith("/out/d/utt_1.wav")
    assert any("1 recordings are softer" in line for line in said)
    assert 32000 < np.abs(read_audio(copies.entries[3])[0]).max() <= 32767


def test_names_never_meet(tmp_path):
    paths = [tmp_path / name for name in ("a.wav", "a.flac", "b.wav", "a.wav")]
    for path in paths:
        path.touch()
    samples = table(paths, channels=[None, None, None, 1], databases=["d", "d", "e", "d"])
    assert copy_names(samples) == ["d/a.wav", "d/a.flac.wav", "e/b.wav", "d/a.wav.wav"]
    assert copy_names(samples.take([0, 0, 0, 0]))[1:] == ["d/a.wav.wav", "d/a.wav-channelNone.wav", "d/a.wav-3.wav"]


def test_in_place_only_what_has_another_rate_is_replaced(tmp_path, recordings):
    before = recordings[1].stat().st_mtime_ns
    assert resample_in_place(table([*recordings, recordings[0]]), 16000, quiet) == 2
    assert recordings[1].stat().st_mtime_ns == before
    assert tone_of(recordings[0]) == (440, pytest.approx(5000, rel=2e-3))
    info = soundfile.info(recordings[2])
    assert (info.samplerate, info.channels, info.format, info.frames) == (16000, 2, "FLAC", 16000)
    assert resample_in_place(table(recordings), 16000, quiet) == 0


def test_in_place_nothing_is_touched_where_one_cannot_be(tmp_path, recordings):
    (tmp_path / "link.wav").symlink_to(recordings[0])
    opus = tmp_path / "c.opus"
    soundfile.write(opus, 0.1 * TIMES, 8000, format="OGG", subtype="OPUS")
    contents = recordings[0].read_bytes()
    bad = table([recordings[0], tmp_path / "link.wav", "cat x |", opus])
    with pytest.raises(ValueError, match="3 of 4 recordings cannot be resampled; set replace = False") as error:
        resample_in_place(bad, 44100, quiet)
    assert "c.opus: OGG of coding OPUS at 44100 Hz" in str(error.value)
    assert str(error.value).count("no plain file") == 2 and recordings[0].read_bytes() == contents


def test_recordings_that_cannot_be_read_are_listed(tmp_path, recordings):
    for name in ("p.wav", "q.wav"):
        (tmp_path / name).write_text("text")
    samples = table([tmp_path / "p.wav", recordings[0], tmp_path / "q.wav"])
    with pytest.raises(ValueError, match="2 of 3 recordings cannot be resampled:\n.*p.wav.*\n.*q.wav"):
        resampled_copies(samples, 16000, tmp_path / "out", quiet)


def test_the_rate_must_be_one_of_audio(write_ini):
    assert wanted_rate(ExperimentIni(write_ini())) == 16000
    with pytest.raises(ValueError, match=r"\[RESAMPLE\] rate: expected 1000 to 384000 Hz, got 16"):
        wanted_rate(ExperimentIni(write_ini(RESAMPLE={"rate": "16"})))
