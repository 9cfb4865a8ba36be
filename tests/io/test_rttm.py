"""RTTM and UEM files: what is read, what is refused and with which words, and that writing keeps what it can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.io.rttm import Turn, read_rttm, write_rttm
from speechlib.io.uem import read_uem


def write(path, data: str | bytes):
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_speaker_lines_are_read_and_others_passed_over(tmp_path):
    text = (
        ";; a comment\n\n"
        "SPKR-INFO r1 1 <NA> <NA> <NA> unknown MÉO069 <NA> <NA>\n"
        "SPEAKER r1 1 3.168 0.800 <NA> <NA> MÉO069 <NA> <NA>\n"
        "SPEAKER  r2\t2 0 1e0 <NA> <NA> b <NA>\r\n"
        "NON-SPEECH r1 1 9 1 <NA> noise <NA> <NA> <NA>\n"
        "SPEAKER r1 1 3.5 0.25 <NA> <NA> MÉO069 <NA> <NA>\n"
        "SPEAKER r1 1 4 0.000 <NA> <NA> nobody <NA> <NA>"
    )
    turns = read_rttm(write(tmp_path / "ref.rttm", text))
    assert turns == {"r1": [(3.168, 0.8, "MÉO069"), (3.5, 0.25, "MÉO069")], "r2": [(0, 1, "b")]}
    assert turns["r1"][0] == Turn(start=3.168, duration=0.8, speaker="MÉO069")


def test_byte_order_mark_and_empty_file(tmp_path):
    marked = write(tmp_path / "a", "\ufeffSPEAKER r 1 0 1 <NA> <NA> s <NA> <NA>\n")
    assert read_rttm(marked) == {"r": [(0, 1, "s")]}
    assert read_rttm(write(tmp_path / "b", "")) == {}


def test_recording_without_speech_keeps_its_name(tmp_path):
    assert read_rttm(write(tmp_path / "a", "SPEAKER r 1 5 0 <NA> <NA> s <NA> <NA>\n")) == {"r": []}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER r 1 0 1 <NA> <NA>", r"ref:2: 7 columns; expected 'SPEAKER <recording> 1 <start> <duration>"),
        ("SPEAKR r 1 0 1 <NA> <NA> s", r"ref:2: 'SPEAKR' is no type of RTTM objects \(did you mean SPEAKER\?\)"),
        ("utt1 r 0.5 1.5", r"ref:2: 'utt1' is no type of RTTM objects.*expected 'SPEAKER"),
        ("SPEAKER r 1 x 1 <NA> <NA> s", r"ref:2: the start 'x' is no number"),
        ("SPEAKER r 1 -1 1 <NA> <NA> s", r"ref:2: the start is -1; expected seconds, not negative"),
        ("SPEAKER r 1 0 -0.5 <NA> <NA> s", r"ref:2: the duration is -0.5; expected seconds, not negative"),
        ("SPEAKER r 1 0 nan <NA> <NA> s", r"ref:2: the duration is nan"),
        ("SPEAKER r 1 0 1_0 <NA> <NA> s", r"ref:2: the duration '1_0' is no number"),
        ("SPEAKER r 1 0 1 <NA> <NA> <NA> <NA>", r"ref:2: a turn without a speaker; expected a name in column 8"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    path = write(tmp_path / "ref", f"SPEAKER r 1 0 1 <NA> <NA> s <NA> <NA>\n{line}\n")
    with pytest.raises(ValueError, match=message):
        read_rttm(path)


def test_other_encodings_are_refused(tmp_path):
    path = write(tmp_path / "ref", ";; ok\nSPEAKER r 1 0 1 <NA> <NA> Jörg <NA> <NA>\n".encode("latin1"))
    with pytest.raises(ValueError, match="ref:2: byte 0xf6 is not UTF-8; convert the file, e.g. with 'iconv"):
        read_rttm(path)


def test_written_files_are_sorted_and_rounded_so_that_turns_still_touch(tmp_path):
    third = 1 / 3
    write_rttm(tmp_path / "a", {"r2": [(0, 1, "é")], "r1": [(third, third, "y"), (0, third, "x"), (2, 0.0004, "z")]})
    assert (tmp_path / "a").read_text(encoding="utf-8").splitlines() == [
        "SPEAKER r1 1 0.000 0.333 <NA> <NA> x <NA> <NA>",
        "SPEAKER r1 1 0.333 0.334 <NA> <NA> y <NA> <NA>",
        "SPEAKER r2 1 0.000 1.000 <NA> <NA> é <NA> <NA>",
    ]


TURNS = st.lists(
    st.tuples(st.integers(0, 40_000_000), st.integers(1, 10_000), st.sampled_from(["a", "b", "発話者", "x\u00a0y"]))
)


@given(st.dictionaries(st.sampled_from(["r1", "r2"]), TURNS.filter(len)))
def test_what_was_written_is_read_again(tmp_path_factory, recordings):
    path = tmp_path_factory.getbasetemp() / "turns.rttm"
    turns = {r: [(s / 1000, d / 1000, name) for s, d, name in rows] for r, rows in recordings.items()}
    write_rttm(path, turns)
    assert read_rttm(path) == {recording: sorted(rows) for recording, rows in turns.items()}


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ({"r": [(0, 1, "two words")]}, "cannot write the name 'two words': expected one word"),
        ({"": [(0, 1, "s")]}, "cannot write the name ''"),
        ({"r": [(-0.1, 1, "s")]}, "cannot write a turn of 1 s at -0.1 s in r"),
        ({"r": [(0, float("nan"), "s")]}, "expected times that are finite and not negative"),
    ],
)
def test_what_cannot_be_read_again_is_not_written(tmp_path, turns, message):
    with pytest.raises(ValueError, match=message):
        write_rttm(tmp_path / "out", turns)
    assert not list(tmp_path.iterdir())


def test_uem(tmp_path):
    path = write(tmp_path / "all.uem", ";; scored\nr1 NA 0.000 30.000\nr2 1 5 6\nr1 1 40 50\n")
    assert read_uem(path) == {"r1": [(0, 30), (40, 50)], "r2": [(5, 6)]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r1 1 0\n", r"uem:1: 3 columns; expected '<recording> <channel> <start> <end>'"),
        ("r1 1 0 5\nr1 1 5 5\n", r"uem:2: the end 5 is not behind the start 5"),
        ("r1 1 zero 5\n", r"uem:1: the start 'zero' is no number"),
        ("", r"uem: the file is empty"),
    ],
)
def test_bad_uem(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_uem(write(tmp_path / "uem", text))
