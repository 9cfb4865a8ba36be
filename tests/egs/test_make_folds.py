"""egs/emotion/local/make_folds.py: the notebook's sessions, one fold a speaker, and what folds.json says of them."""

import importlib.util
import json

import pytest

from speechlib.io.maps import write_map


@pytest.fixture(scope="module")
def make_folds(root):
    spec = importlib.util.spec_from_file_location("make_folds", root / "egs/emotion/local/make_folds.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook_rule(count):
    """As the notebook has it, for its 604 files."""
    part = (count // 120) % 6 + 1
    return 5 if part == 6 else part


def test_sessions_of_604_files_are_the_notebooks(make_folds):
    utterances = [f"u{number:03d}" for number in range(604)]
    sessions = make_folds.notebook_sessions(utterances, 1)
    assert [len(members) for members in sessions.values()] == [120, 120, 120, 120, 124]
    assert 604 - len(sessions["session5"]) == 480
    order = [name for members in sessions.values() for name in members]  # as they were shuffled
    assert sorted(order) == utterances != order
    for count, name in enumerate(order):
        assert name in sessions[f"session{notebook_rule(count)}"]


@pytest.mark.parametrize("count, sizes", [(5, [1, 1, 1, 1, 1]), (23, [4, 4, 4, 4, 7]), (225, [45, 45, 45, 45, 45])])
def test_sessions_of_other_numbers_of_files(make_folds, count, sizes):
    utterances = [f"u{number:03d}" for number in range(count)]
    sessions = make_folds.notebook_sessions(utterances, 1)
    assert [len(members) for members in sessions.values()] == sizes
    assert make_folds.notebook_sessions(utterances[::-1], 1) == sessions  # the order of the table does not matter
    assert count == 5 or make_folds.notebook_sessions(utterances, 2) != sessions


@pytest.fixture
def data(tmp_path):
    write_map(tmp_path / "utt2spk", {f"{speaker}-{number}": speaker for speaker in "abc" for number in range(4)})
    return tmp_path


def read(path):
    return path.read_text().split()


def test_speakers_are_left_out_one_at_a_time(make_folds, data, tmp_path, capsys):
    make_folds.main([str(data), str(tmp_path / "folds")])
    assert read(tmp_path / "folds/folds") == ["a", "b", "c"]
    assert read(tmp_path / "folds/b/test") == ["b-0", "b-1", "b-2", "b-3"]
    assert read(tmp_path / "folds/b/train") == [f"{speaker}-{number}" for speaker in "ac" for number in range(4)]
    description = json.loads((tmp_path / "folds/folds.json").read_text())
    assert description["protocol"] == "loso" and description["seed"] is None and not description["speakers_shared"]
    assert description["folds"][1] == {"name": "b", "train": 8, "test": 4}
    assert "no speaker on both sides" in capsys.readouterr().out


def test_shared_speakers_are_marked_and_the_split_has_a_hash(make_folds, data, tmp_path, capsys):
    found = {}
    for name, seed in (("one", "1"), ("same", "1"), ("other", "2")):
        make_folds.main(["--protocol", "notebook", "--seed", seed, str(data), str(tmp_path / name)])
        found[name] = json.loads((tmp_path / name / "folds.json").read_text())
        tested = [read(tmp_path / name / fold / "test") for fold in read(tmp_path / name / "folds")]
        assert [len(fold) for fold in tested] == [2, 2, 2, 2, 4]
        assert sorted(sum(tested, [])) == sorted(f"{speaker}-{number}" for speaker in "abc" for number in range(4))
        for fold, members in zip(read(tmp_path / name / "folds"), tested, strict=True):
            assert sorted(members + read(tmp_path / name / fold / "train")) == sorted(sum(tested, []))
    assert found["one"]["speakers_shared"] and found["one"]["seed"] == 1
    assert found["one"]["sha256"] == found["same"]["sha256"] != found["other"]["sha256"]
    assert "SPEAKERS ARE SHARED" in capsys.readouterr().out


@pytest.mark.parametrize(
    "protocol, speakers, message",
    [("loso", "aaa", "needs two speakers, found 1: a"), ("notebook", "abca", "4 utterances are too few for 5")],
)
def test_too_few(make_folds, tmp_path, protocol, speakers, message):
    write_map(tmp_path / "utt2spk", {f"{speaker}-{number}": speaker for number, speaker in enumerate(speakers)})
    with pytest.raises(ValueError, match=f"{tmp_path}: .*{message}"):
        make_folds.main(["--protocol", protocol, str(tmp_path), str(tmp_path / "folds")])
    assert not (tmp_path / "folds").exists()
