"""Subword models of sentencepiece."""

from __future__ import annotations

import os
from typing import Any


def load_subwords(path: str | os.PathLike) -> Any:
    """A sentencepiece processor.

    Raises:
        OSError: no such file. ValueError: it is no model of sentencepiece.
    """
    import sentencepiece  # not needed by who only writes messages about it

    with open(path, "rb") as file:
        content = file.read()
    processor = sentencepiece.SentencePieceProcessor()
    try:
        if not processor.LoadFromSerializedProto(content) or not processor.get_piece_size():
            raise RuntimeError
    except RuntimeError:
        raise ValueError(f"{path}: no model of sentencepiece: make it with train_subwords") from None
    return processor
