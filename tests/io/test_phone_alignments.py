"""Phone alignments: every form of damage is told with its line."""

import numpy as np
import pytest

from speechlib.io.phone_alignments import Phone, as_arrays, read_phones
from speechlib.metrics.timit_phones import PHONES_61


def write(tmp_path, text):
    path = tmp_path / "phones.ctm"
    path.write_text(text)
    return path


def test_reading(tmp_path):
    path = write(tmp_path, ";; a comment\nu1 1 0 0.1 h#\nu1 1 0.1 0.05 sh 0.9\n\nu2 A 0.5 0.1 iy\n")
    phones = read_phones(path, PHONES_61)
    assert list(phones) == ["u1", "u2"]
    assert phones["u1"][0] == Phone(0.0, 0.1, "h#") and phones["u1"][1].end == pytest.approx(0.15)
    starts, ends, numbers = as_arrays(phones["u1"], {"h#": 4, "sh": 7})
    assert starts.tolist() == [0.0, 0.1] and numbers.tolist() == [4, 7]
    np.testing.assert_allclose(ends, [0.1, 0.15])


def test_gaps_and_an_end_before_the_audio_are_allowed(tmp_path):
    path = write(tmp_path, "u 1 0.0 0.1 h#\nu 1 0.3 0.1 sh\n")
    assert len(read_phones(path, PHONES_61, {"u": 2.0})["u"]) == 2


def test_times_that_were_rounded_do_not_overlap(tmp_path):
    path = write(tmp_path, "u 1 0.0000000 0.1426250 h#\nu 1 0.1426249 0.1 sh\nu 1 0.2426249 0.0074 iy\n")
    assert len(read_phones(path, PHONES_61, {"u": 0.25})["u"]) == 3  # and half a sample behind the audio is no error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u 1 0 0.1 h#\nu 1 0.05 0.1 sh\n", r"phones.ctm:2: utterance u: sh begins at 0.05 s, before h# ends at 0.1 s"),
        ("u 1 0.5 0.1 h#\nu 1 0.1 0.1 sh\n", r":2: .*in order of time"),
        ("u 1 0 0.1 tck\n", r":1: utterance u: label 'tck' is none of the 61 known ones \(did you mean"),
        ("u 1 0 0.1 h#\nu 1 0.9 0.2 sh\n", r":2: .*sh ends at 1.1 s, the audio at 1 s: are labels and audio"),
        ("u 1 0 h#\n", r":1: expected '<utterance> <channel>"),
        ("u 1 0 -0.1 h#\n", "positive duration"),
        ("u 1 nan 0.1 h#\n", ":1: expected"),
        ("u 1 0 inf h#\n", ":1: expected"),
        ("u 1 0 0 h#\n", "positive duration"),
        ("u 1 0 0.1 h# 1 2\n", ":1: expected"),
        ("", "no phone in it"),
    ],
)
def test_damage(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_phones(write(tmp_path, text), PHONES_61, {"u": 1.0})


def test_without_an_inventory_any_label_is_read(tmp_path):
    assert read_phones(write(tmp_path, "u 1 0 0.1 tck\n"))["u"][0].label == "tck"
