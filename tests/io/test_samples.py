"""Databases as samples: CSV, Kaldi and audformat; label CSVs read strictly; predictions; features by content."""

import numpy as np
import pytest

from speechlib.io.feature_store import FeatureStore, code_digest, sample_keys
from speechlib.io.label_csv import read_label_csv, seconds_of
from speechlib.io.predictions import read_predictions, write_predictions
from speechlib.io.sample_sources import read_audformat_database, read_csv_database, read_kaldi_database
from speechlib.io.samples import check_audio, join_samples
from speechlib.io.wav_writer import write_wav


def wav(path, seconds=0.2, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(size=int(16000 * seconds)) * 1000
    write_wav(path, samples.astype(np.int16), 16000)
    return path


@pytest.fixture
def table(tmp_path):
    """A CSV file beside its audio, with a blank and a parenthesis in a name."""
    for number, name in enumerate(("a b (1).wav", "c.wav")):
        wav(tmp_path / "audio" / name, seed=number)
    path = tmp_path / "labels.csv"
    path.write_text("file;Speaker; emotion\na b (1).wav;s1;anger\nc.wav;s2;\n")
    return path


def test_csv_columns_whatever_the_delimiter(table):
    found = read_label_csv(table)
    assert found.columns == {
        "file": ["a b (1).wav", "c.wav"], "speaker": ["s1", "s2"], "emotion": ["anger", None]
    }  # fmt: skip
    assert found.lines == [2, 3]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r":1: expected a header"),
        ("files,speaker\na,b\n", r":1: there is no column 'file' \(did you mean files\?\)"),
        ("file,x,x\n", r":1: the column 'x' is there twice"),
        ("file,x\na,b,c\n", r":2: expected 2 fields, got 3"),
        ("file,x\n,b\n", r":2: the file name is empty"),
        ("file,x\n", r"no line below the header"),
        (b"file,x\na,b\nc,\xe9\n", r":3: byte 0xe9 is not UTF-8"),
        ('file,x\na,"b\n', r"not a CSV file"),
    ],
)
def test_csv_files_that_are_none(tmp_path, text, message):
    path = tmp_path / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        read_label_csv(path)


def test_columns_get_new_names(tmp_path):
    (tmp_path / "x.csv").write_text("path,Participant ID\na,7\n")
    found = read_label_csv(tmp_path / "x.csv", {"path": "file", "Participant ID": "speaker"})
    assert found.columns == {"file": ["a"], "speaker": ["7"]}


@pytest.mark.parametrize("text, seconds", [("1.5", 1.5), ("0 days 00:00:01.5", 1.5), ("1 days 01:00:00", 90000.0)])
def test_times(text, seconds):
    assert seconds_of(text, "here") == seconds


@pytest.mark.parametrize("text", ["-1", "soon", "inf", "nan", ""])
def test_times_that_are_none(text):
    with pytest.raises(ValueError, match="here: expected seconds"):
        seconds_of(text, "here")


def test_a_csv_database_finds_its_audio(table):
    found = read_csv_database("db", table, audio_path="audio", absolute_path=False)
    assert found.names == ["a b (1).wav", "c.wav"] and found.databases == ["db", "db"]
    assert found.columns["emotion"] == ["anger", None]
    samples, rate = found.audio(0)
    assert rate == 16000 and len(samples) == 3200 and found.duration(0) == pytest.approx(0.2)


def test_all_missing_files_are_listed_at_once(table):
    with pytest.raises(ValueError, match="(?s)2 of 2 audio files are not there.*line 2: .*line 3: "):
        read_csv_database("db", table)


def test_a_csv_file_runs_no_command(tmp_path):
    (tmp_path / "x.csv").write_text("file\ntouch hacked |\n")
    with pytest.raises(ValueError, match="1 of 1 audio files are not there"):
        read_csv_database("db", tmp_path / "x.csv")


def test_pieces_of_files(tmp_path):
    wav(tmp_path / "a.wav", 1.0)
    (tmp_path / "x.csv").write_text("file,start,end\na.wav,0.25,0.5\na.wav,0 days 00:00:00.5,NaT\n")
    found = read_csv_database("db", tmp_path / "x.csv")
    assert [len(found.audio(row)[0]) for row in range(2)] == [4000, 8000]
    assert found.duration(0) == 0.25 and found.duration(1) == 0.5
    (tmp_path / "x.csv").write_text("file,start,end\na.wav,0.25,x\n")
    with pytest.raises(ValueError, match="x.csv:2: end: expected seconds"):
        read_csv_database("db", tmp_path / "x.csv")


def test_a_file_listed_twice_is_an_error(tmp_path):
    wav(tmp_path / "a.wav")
    (tmp_path / "x.csv").write_text("file\na.wav\na.wav\n")
    with pytest.raises(ValueError, match="x.csv:3: a.wav was in line 2 already"):
        read_csv_database("db", tmp_path / "x.csv")


def test_a_data_directory(tmp_path):
    path = wav(tmp_path / "r.wav", 1.0)
    for name, text in {
        "wav.scp": f"r {path}\n", "segments": "u1 r 0.0 0.5\nu2 r 0.5 0.9\n", "utt2spk": "u1 s\nu2 s\n",
        "spk2utt": "s u1 u2\n", "spk2gender": "s f\n", "text": "u1 HELLO\nu2 YOU\n", "utt2emotion": "u1 anger\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    found = read_kaldi_database("db", tmp_path)
    assert found.names == ["u1", "u2"] and found.ends.tolist() == [0.5, 0.9]
    assert found.columns == {
        "speaker": ["s", "s"], "gender": ["f", "f"], "text": ["HELLO", "YOU"], "emotion": ["anger", None]
    }  # fmt: skip
    assert len(found.audio(1)[0]) == 6400
    (tmp_path / "segments").write_text("u1 r 0.0 0.5\n")
    with pytest.raises(ValueError, match="segments: u2 of utt2spk is not there"):
        read_kaldi_database("db", tmp_path)


AUDFORMAT = """name: x
schemes:
  emotion: {dtype: str}
  speaker: {dtype: str, labels: {s1: {gender: female}, s2: {gender: male}}}
tables:
  files: {type: filewise, columns: {speaker: {scheme_id: speaker}}}
  emotion.train: {type: filewise, columns: {emotion: {scheme_id: emotion}}}
  emotion.test: {type: filewise, columns: {emotion: {scheme_id: emotion}}}
"""


def test_an_audformat_database_joins_its_tables(tmp_path):
    wav(tmp_path / "a.wav")
    wav(tmp_path / "b.wav")
    for name, text in {
        "db.yaml": AUDFORMAT, "db.files.csv": "file,speaker\na.wav,s1\nb.wav,s2\n",
        "db.emotion.train.csv": "file,emotion\na.wav,anger\n", "db.emotion.test.csv": "file,emotion\nb.wav,joy\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    found = read_audformat_database("db", tmp_path, target="emotion", tables={})
    assert found.columns["emotion"] == ["anger", "joy"] and found.columns["gender"] == ["female", "male"]
    assert found.columns["table:emotion.train"] == ["emotion.train", None]
    by_speaker = read_audformat_database("db", tmp_path, target="gender", tables={})
    assert by_speaker.names == ["a.wav", "b.wav"] and by_speaker.columns["emotion"] == ["anger", "joy"]
    (tmp_path / "b.wav").unlink()
    with pytest.raises(ValueError, match="1 audio files are not there"):
        read_audformat_database("db", tmp_path, target="emotion", tables={})
    with pytest.raises(ValueError, match=r"no table has the column 'emotions' \(did you mean emotion\?\)"):
        read_audformat_database("db", tmp_path, target="emotions", tables={})


def test_tables_are_joined_and_cut(table):
    one = read_csv_database("x", table, audio_path="audio", absolute_path=False)
    two = join_samples([one, one.take([1]).with_column("age", ["30"])])
    assert len(two) == 3 and two.columns["age"] == [None, None, "30"]
    assert one.take(np.array([False, True])).names == ["c.wav"]
    with pytest.raises(ValueError, match=r"no column 'emotions' \(did you mean emotion\?\), which the test needs"):
        one.column("emotions", "the test")


def test_unusable_audio_is_listed_at_once(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"no audio")
    wav(tmp_path / "c.wav")
    (tmp_path / "x.csv").write_text("file\na.wav\nb.wav\nc.wav\n")
    with pytest.raises(ValueError, match="(?s)2 of 3 recordings cannot be used.*a.wav.*b.wav"):
        check_audio(read_csv_database("db", tmp_path / "x.csv"))


def test_predictions_come_back(tmp_path):
    p = np.array([[0.25, 0.75], [1 / 3, 2 / 3]])
    write_predictions(tmp_path / "p.csv", ["a,1", "b"], ["x", "y"], ["y", "y"], ["x", "y"], p)
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "file,truth,predicted,x,y"
    found = read_predictions(tmp_path / "p.csv")
    assert (found.files, found.truth, found.predicted) == (["a,1", "b"], ["x", "y"], ["y", "y"])
    assert found.classes == ["x", "y"]
    np.testing.assert_allclose(found.probabilities, p, rtol=1e-8)


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,predicted\n", ":1: expected the columns file,truth,predicted"),
        ("file,truth,predicted,x\na,b,c\n", ":2: expected 4 fields, got 3"),
        ("file,truth,predicted,x\na,b,c,d\n", ":2: a probability is not a number"),
        ("file,truth,predicted,x\n", "no prediction"),
    ],
)
def test_predictions_that_are_none(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_predictions(tmp_path / "p.csv")


def test_classes_named_as_columns_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="need names of their own"):
        write_predictions(tmp_path / "p.csv", ["a"], ["x"], ["x"], ["truth", "x"], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="do not belong together"):
        write_predictions(tmp_path / "p.csv", ["a"], ["x"], ["x"], ["x"], [[0.5, 0.5]])


def test_the_store_gives_back_what_it_got(tmp_path):
    store = FeatureStore(tmp_path, "mfcc", {"options": 1})
    vectors = {"k1": np.arange(3.0), "k2": np.arange(3.0) + 5}
    store.write(vectors)
    store.write({"k3": np.ones(3)})
    found = FeatureStore(tmp_path, "mfcc", {"options": 1}).read(["k1", "k3", "k9"])
    assert set(found) == {"k1", "k3"} and (found["k1"] == vectors["k1"]).all()
    frames = FeatureStore(tmp_path, "mfcc", {"options": 2})
    assert frames.read(["k1"]) == {}  # another option, another place
    frames.write({"a": np.arange(6.0).reshape(3, 2), "b": np.ones((1, 2)), "c": np.zeros((0, 2))})
    found = frames.read(["a", "b", "c"])
    assert found["a"].tolist() == [[0, 1], [2, 3], [4, 5]] and found["b"].shape == (1, 2) and found["c"].shape == (0, 2)


def test_a_damaged_shard_is_not_there(tmp_path):
    store = FeatureStore(tmp_path, "mfcc", {})
    store.write({"k": np.ones(2)})
    shard = next(store.folder.glob("*.npz"))
    for contents in (shard.read_bytes()[:40], b"", b"\x80\x04N."):
        shard.write_bytes(contents)
        assert store.read(["k"]) == {}


def test_keys_follow_the_contents(tmp_path):
    path = wav(tmp_path / "a.wav", seed=1)
    wav(tmp_path / "b.wav", seed=1)
    (tmp_path / "x.csv").write_text("file,start,end\na.wav,,\nb.wav,,\na.wav,0.05,0.1\n")
    before = sample_keys(read_csv_database("db", tmp_path / "x.csv"))
    assert before[0] == before[1] != before[2]
    wav(path, seed=2)
    after = sample_keys(read_csv_database("db", tmp_path / "x.csv"))
    assert after[0] != before[0] and after[1] == before[1]


def test_code_has_a_hash():
    assert code_digest("features") != code_digest("features", "io/cli.py")
    assert code_digest("features") == code_digest("features")
