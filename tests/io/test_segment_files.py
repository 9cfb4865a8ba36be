"""Segments files on their own: reading, names, writing, and what is refused."""

import pytest

from speechlib.io.segment_files import Segment, read_segments, read_timed_segments, write_segments


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "segments"
    segments = [Segment("b", 0.0, 1.25), Segment("a", 10.0, 11.5, 1), Segment("a", 2.0, 3.0005)]
    assert write_segments(path, segments) == 3
    assert path.read_text() == (
        "a-00002000-00003000 a 2.000 3.000\n"  # rounded alike in the name and in the time
        "a-00010000-00011500 a 10.000 11.500 1\n"
        "b-00000000-00001250 b 0.000 1.250\n"
    )
    found = read_segments(path)
    assert found["a-00010000-00011500"] == Segment("a", 10.0, 11.5, 1)
    assert found["b-00000000-00001250"] == Segment("b", 0.0, 1.25, None)


def test_no_segment_at_all(tmp_path):
    path = tmp_path / "segments"
    assert write_segments(path, []) == 0
    assert read_segments(path) == {} and path.read_bytes() == b""


def test_names_are_not_ascii_nor_short(tmp_path):
    path = tmp_path / "segments"
    write_segments(path, [Segment("trñ-00", 0.5, 0.75)])
    assert read_segments(path)["trñ-00-00000500-00000750"].recording == "trñ-00"


@pytest.mark.parametrize(
    "line", ["a 0", "a 0 1 2 3", "a 1 1", "a 2 1", "a -1 1", "a x 1", "a 0 1 left", "a 0 inf", "a 0 nan"]
)
def test_bad_lines_are_named(tmp_path, line):
    path = tmp_path / "segments"
    path.write_text(f"u1 r 0 1\nu2 {line}\n")
    with pytest.raises(ValueError, match=r"segments:2: expected '<utterance> <recording> <start> <end>"):
        read_segments(path)


def test_the_recordings_end(tmp_path):
    path = tmp_path / "segments"
    path.write_text("u r 1.5 -1\n")
    assert read_segments(path)["u"].end == -1
    with pytest.raises(ValueError, match="utterance u ends at -1"):
        read_timed_segments(path)


def test_two_segments_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="two segments would be called a-00000000-00001000"):
        write_segments(tmp_path / "segments", [Segment("a", 0, 1), Segment("a", 0.0001, 1)])
    assert not (tmp_path / "segments").exists()
