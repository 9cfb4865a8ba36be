"""Lists of utterances from any file that begins its lines with them."""

import pytest

from speechlib.io.utterances import read_utterances


def test_lists_maps_and_directories(tmp_path):
    (tmp_path / "list").write_text("b\na\n")
    (tmp_path / "feats.scp").write_text("b x.ark:3\na x.ark:9\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "utt2spk").write_text("a s\nb s\n")
    for name in ("list", "feats.scp", "data"):
        assert read_utterances(tmp_path / name) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\n\nb\n", ":2: blank line"), ("a\nb\na\n", ":3: a was in line 1 already"), ("", "no utterance in it")],
)
def test_bad_lists(tmp_path, text, message):
    (tmp_path / "list").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_utterances(tmp_path / "list")
