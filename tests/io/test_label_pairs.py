"""References and hypotheses: the same utterances in both, an empty hypothesis is one."""

import pytest

from speechlib.io.label_pairs import read_label_pairs


def pairs(tmp_path, references, hypotheses):
    (tmp_path / "ref").write_text(references)
    (tmp_path / "hyp").write_text(hypotheses)
    return read_label_pairs(tmp_path / "ref", tmp_path / "hyp")


def test_pairs(tmp_path):
    assert pairs(tmp_path, "u1 a b\nu2 c\n", "u2\nu1 a\n") == [("u1", ["a", "b"], ["a"]), ("u2", ["c"], [])]


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        ("u1 a\nu12 b\n", "u1 a\n", r"hyp: 1 of 2 utterances are not there, such as u12 \(did you mean u1\?\)"),
        ("u1 a\n", "u1 a\nu2 b\n", "ref: 1 of 2 utterances are not there, such as u2"),
        ("u1\n", "u1 a\n", "has no value"),
        ("", "", "no utterance in it"),
    ],
)
def test_what_does_not_belong_together(tmp_path, references, hypotheses, message):
    with pytest.raises(ValueError, match=message):
        pairs(tmp_path, references, hypotheses)
