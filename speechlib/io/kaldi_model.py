"""Kaldi's model files as a flat sequence of tokens, numbers and arrays, e.g. <Plda> mean transform psi </Plda>."""

import re
from typing import Any

import numpy as np

from speechlib.io import ark
from speechlib.io.specifiers import open_input

_TOKEN = re.compile(rb"(<[^\s>]*>)\s?")
_WORD = re.compile(rb"\s*([^\s\[\]]+)")
_SPACE = re.compile(rb"\s*")


def read_model(rxfilename: str) -> list[str | float | np.ndarray]:
    """Read a model that is made of tokens like <Plda>, full matrices, vectors and, in text, numbers.

    Args:
        rxfilename: file, `command |` or `-`, binary or text.

    Returns:
        Tokens as str with their brackets, numbers as float, arrays (a bracket on one line is a vector).

    Raises:
        ValueError: damaged data, or a packed (triangular) matrix; the message has file and offset.
        OSError: the file is missing or the command failed.
    """
    with open_input(rxfilename) as stream:
        data = stream.read()
    is_binary = data[:2] == b"\0B"
    read_item = _read_binary if is_binary else _read_text
    position, items = (2 if is_binary else _SPACE.match(data).end()), []
    while position < len(data):
        try:
            item, position = read_item(data, position)
        except ValueError as error:
            raise ValueError(f"{rxfilename}: offset {position}: {error}") from error
        items.append(item)
    return items


def _read_binary(data: bytes, position: int) -> tuple[Any, int]:
    if token := _TOKEN.match(data, position):
        return token[1].decode(), token.end()
    return ark.decode_headless(data, position)


def _read_text(data: bytes, position: int) -> tuple[Any, int]:
    if data[position : position + 1] == b"[":
        item, end = ark.decode(data[: data.find(b"]", position) + 1], position)
        return item, _SPACE.match(data, end).end()
    word = _WORD.match(data, position)
    if not word:
        raise ValueError(f"{data[position : position + 20]!r}: expected a token, a number or an array")
    text = word[1].decode(errors="replace")
    return text if text.startswith("<") else float(text), _SPACE.match(data, word.end()).end()
