"""Transcripts in one spelling."""

import pytest

from speechlib.io.texts import normalise_text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("She had your dark suit, in greasy wash-water!", "she had your dark suit in greasy wash water"),
        ("Don\u2019t 'quote' rock 'n' roll", "don't quote rock n roll"),
        ("  \t", ""),
        ("... - ''", ""),
        ("CAFE\u0301 \u00dcber 42", "caf\u00e9 \u00fcber 42"),
        ("\u4f60\u597d\u3002", "\u4f60\u597d"),
    ],
)
def test_normalising(text, wanted):
    assert normalise_text(text) == wanted
    assert normalise_text(wanted) == wanted
