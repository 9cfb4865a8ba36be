"""Transcripts in one spelling: lower case, letters and apostrophes alone."""

from __future__ import annotations

import unicodedata


def normalise_text(text: str) -> str:
    """Lower case; all characters but letters, their marks, digits and inner apostrophes as single blanks.

    Letters of any script stay; composed forms (NFC), so that a text has one spelling.
    """
    lowered = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    kept = "".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in lowered)
    return " ".join(word for word in (word.strip("'") for word in kept.split()) if word)
