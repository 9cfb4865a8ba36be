"""Tests of two-column files: what is read, what is refused and with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.io.maps import (
    read_lists,
    read_map,
    spk2utt_to_utt2spk,
    utt2spk_to_spk2utt,
    write_lists,
    write_map,
)

# Letters that trip careless code: blanks of Unicode that str.split() cuts at, and characters beyond the basic plane.
IDS = st.text(alphabet="ab-_.09éß\u00a0\u3000\u2028\uffff\U0001f600", min_size=1, max_size=6)


def write(path, data: bytes):
    path.write_bytes(data)
    return path


def test_blanks_and_order(tmp_path):
    path = write(tmp_path / "wav.scp", b"b  sox  x.wav -t wav - |\na\tc d.wav\n")
    assert list(read_map(path).items()) == [("b", "sox  x.wav -t wav - |"), ("a", "c d.wav")]


def test_last_line_without_newline_and_windows_ends(tmp_path):
    assert read_map(write(tmp_path / "m", b"a 1\r\nb 2")) == {"a": "1", "b": "2"}


def test_empty_file(tmp_path):
    assert read_map(write(tmp_path / "m", b"")) == {}


def test_text_may_lack_words(tmp_path):
    path = write(tmp_path / "text", "a\nb wörter sind da\nc \n".encode())
    assert read_map(path, allow_empty=True) == {"a": "", "b": "wörter sind da", "c": ""}
    with pytest.raises(ValueError, match=r"text:1: 'a' has no value; expected '<key> <value>'"):
        read_map(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a 1\n\nb 2\n", r"m:2: blank line; delete it"),
        (b"a 1\nb\n", r"m:2: 'b' has no value"),
        (b"a 1\nb \t\n", r"m:2: 'b' has no value"),
        (b"a 1\nb 2\na 3\n", r"m:3: 'a' was there already in line 1; keep one"),
        ("a 1\nb ü\n".encode("latin1"), r"m:2: byte 0xfc is not UTF-8; convert"),
    ],
)
def test_bad_lines_are_named(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        read_map(write(tmp_path / "m", data))


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_map(tmp_path / "m")


@given(st.dictionaries(IDS, IDS, max_size=20))
def test_what_is_written_is_read_and_sorted_by_bytes(tmp_path_factory, mapping):
    path = tmp_path_factory.getbasetemp() / "roundtrip"
    write_map(path, mapping)
    assert read_map(path) == mapping
    keys = [line.split()[0] for line in path.read_bytes().split(b"\n") if line]
    assert keys == sorted(keys)


@given(st.dictionaries(IDS, st.lists(IDS, min_size=1, max_size=4), max_size=10))
def test_lists_roundtrip(tmp_path_factory, lists):
    path = tmp_path_factory.getbasetemp() / "lists"
    write_lists(path, lists)
    assert read_lists(path) == lists


@pytest.mark.parametrize("mapping", [{"a b": "1"}, {"": "1"}, {"a": "1\n2"}, {"a\t": "1"}])
def test_what_could_not_be_read_is_not_written(tmp_path, mapping):
    with pytest.raises(ValueError, match="cannot write"):
        write_map(tmp_path / "m", mapping)
    assert not (tmp_path / "m").exists()


@given(st.dictionaries(IDS, IDS, max_size=30))
def test_speaker_lists_and_back(utt2spk):
    spk2utt = utt2spk_to_spk2utt(utt2spk)
    assert list(spk2utt) == sorted(set(utt2spk.values()))
    assert all(utterances == sorted(utterances) for utterances in spk2utt.values())
    assert spk2utt_to_utt2spk(spk2utt) == utt2spk
    assert list(spk2utt_to_utt2spk(spk2utt)) == sorted(utt2spk)


def test_an_utterance_has_one_speaker():
    with pytest.raises(ValueError, match="utterance 'u' is listed twice"):
        spk2utt_to_utt2spk({"a": ["u"], "b": ["u"]})
