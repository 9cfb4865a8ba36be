"""Tests of a data directory read as one object, and of durations worked out for it."""

import pytest

from speechlib.io.datadir import DataDir
from speechlib.io.datadir_durations import utterance_durations


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "utt2spk").write_text("a-1 a\na-2 a\nb-1 b\n")
    return tmp_path


def test_files_that_are_not_there(folder):
    data = DataDir(folder)
    assert data.utterances() == ["a-1", "a-2", "b-1"]
    assert data.spk2utt == {"a": ["a-1", "a-2"], "b": ["b-1"]}
    assert data.speakers() == ["a", "b"]
    assert data.segments is data.wav_scp is data.text is data.utt2dur is data.feats_scp is None


def test_every_file(folder):
    contents = {
        "spk2utt": "a a-1 a-2\nb b-1\n",
        "wav.scp": "r sox r.flac -t wav - |\n",
        "segments": "a-1 r 0.5 2\na-2 r 2 -1 1\nb-1\tr\t3\t4.25\n",
        "text": "a-1 hello  you\na-2\nb-1 ho\n",
        "utt2dur": "a-1 1.5\na-2 7\nb-1 1.25\n",
        "utt2num_frames": "a-1 150\na-2 700\nb-1 125\n",
        "utt2emotion": "a-1 joy\n",
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    data = DataDir(folder)
    assert data.wav_scp == {"r": "sox r.flac -t wav - |"}
    assert data.segments == {"a-1": ("r", 0.5, 2.0), "a-2": ("r", 2.0, -1.0), "b-1": ("r", 3.0, 4.25)}
    assert data.channels == {"a-2": 1}
    assert data.text == {"a-1": "hello  you", "a-2": "", "b-1": "ho"}
    assert data.utt2dur == {"a-1": 1.5, "a-2": 7.0, "b-1": 1.25}
    assert data.utt2num_frames == {"a-1": 150, "a-2": 700, "b-1": 125}
    assert data.map("utt2emotion") == {"a-1": "joy"}


def test_errors_name_file_and_line(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="no such data directory"):
        DataDir(tmp_path / "none")
    (folder / "segments").write_text("a-1 r 0 1\na-2 r 0\n")
    (folder / "utt2num_frames").write_text("a-1 10\na-2 3.5\n")
    data = DataDir(folder)
    (folder / "channels").mkdir()
    (folder / "channels" / "segments").write_text("a-1 r 0 1 0\na-2 r 0 1 left\n")
    with pytest.raises(ValueError, match=r"segments:2: expected a channel from 0 on in the fifth column, found 'left'"):
        _ = DataDir(folder / "channels").channels
    with pytest.raises(ValueError, match=r"segments:2: expected '<utterance> <recording> <start> <end>'"):
        _ = data.segments
    with pytest.raises(ValueError, match=r"utt2num_frames:2: expected 'a-2 <int>', found '3.5'"):
        _ = data.utt2num_frames
    (folder / "utt2spk").unlink()
    with pytest.raises(FileNotFoundError, match="utt2spk: no such file; every data directory has one"):
        _ = DataDir(folder).utt2spk


def test_real_directories(corpora, golden):
    data = DataDir(corpora / "speechocean762" / "train")
    assert data.utterances() == sorted(data.wav_scp) == sorted(data.text)
    assert data.wav_scp[data.utterances()[0]].endswith(".flac")
    assert all("\t" not in value for value in data.text.values())
    assert any(end == -1 for _, _, end in DataDir(golden).segments.values())


def test_durations_of_segments_to_the_end(folder):
    (folder / "wav.scp").write_text("r missing.wav\n")
    (folder / "segments").write_text("a-1 r 0.5 2\na-2 r 2 -1\n")
    durations = utterance_durations(folder)
    assert durations.seconds == {"a-1": 1.5} and durations.bad[0][:2] == ("r", "missing")
    (folder / "reco2dur").write_text("r 10\n")
    durations = utterance_durations(folder)
    assert durations.seconds == {"a-1": 1.5, "a-2": 8.0} and not durations.bad and durations.source == "segments"


def test_durations_of_frames(folder):
    (folder / "utt2num_frames").write_text("a-1 100\n")
    assert utterance_durations(folder).seconds == pytest.approx({"a-1": 1.0})
    assert utterance_durations(folder, frame_shift=0.02).seconds == pytest.approx({"a-1": 2.0})
    (folder / "frame_shift").write_text("0.005\n")
    (folder / "wav.scp").write_text("a-1 missing.wav\n")
    assert utterance_durations(folder).seconds == pytest.approx({"a-1": 0.5})


def test_durations_of_audio(folder, golden):
    (folder / "wav.scp").write_text(f"a-1 {golden}/wav/spkA-utt1.wav\na-2 missing.wav\n")
    durations = utterance_durations(folder)
    assert durations.seconds["a-1"] > 3 and [row[:2] for row in durations.bad] == [
        ("a-2", "missing"),
        ("b-1", "missing"),
    ]


def test_durations_of_features(folder, golden):
    scp = next((golden / "io").glob("*.scp"), None) or pytest.skip("no scp among the golden files")
    first = scp.read_text().split("\n")[0].split()
    (folder / "feats.scp").write_text(f"a-1 {golden}/io/{first[1].rpartition('/')[2]}\n")
    assert utterance_durations(folder).seconds["a-1"] > 0


def test_no_source_of_durations(folder):
    with pytest.raises(FileNotFoundError, match="none is there"):
        utterance_durations(folder)
