"""Columns of words in text files of millions of lines, cut and converted by numpy a block at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

import numpy as np

BLOCK_BYTES = 1 << 19  # what is worked on stays in the processor's cache
_FRONT, _BEHIND = 8, 64  # zeros around the text, so that eight bytes can be had before and behind every word
WORD = np.dtype("<u8")
_LONGEST_WORD = 4096  # bytes, as keys of archives
_MOST_PADDING, _ALLOWED_PADDING = 64, 1 << 24  # times the bytes of a text; bytes in any case


class Block:
    """Some lines of a file, each of the same number of words.

    Attributes:
        source: name of the file, for messages.
        first_line: number of the first line, from 1.
        num_lines, num_columns, num_bytes: how many there are.
    """

    def __init__(self, source: str, first_line: int, data: bytes, num_columns: int):
        """Cut whole lines into words.

        Raises:
            ValueError: a line with another number of words, or a zero byte; with file:line.
        """
        self.source, self.first_line, self.num_columns = source, first_line, num_columns
        cuts = None
        if b"\0" not in data:
            cuts = self._cut(data)
        if cuts is None:
            data = self._tidy(data)
            cuts = self._cut(data)
        assert cuts is not None
        self._ends = cuts.reshape(-1, num_columns)
        self.num_lines = len(self._ends)
        self.num_bytes = len(data)

    def _cut(self, data: bytes) -> np.ndarray | None:
        """Where the words end, if single blanks and line ends are all there is between them."""
        text = np.frombuffer(b"".join([bytes(_FRONT), data, bytes(_BEHIND)]), dtype=np.uint8)
        cuts = np.flatnonzero(text[_FRONT : _FRONT + len(data)] <= 32)
        cuts += _FRONT
        if len(cuts) % self.num_columns or len(cuts) == 0:
            return None
        after = text[cuts].reshape(-1, self.num_columns)
        blanks = (after[:, :-1] == 32) | (after[:, :-1] == 9)
        if not ((after[:, -1] == 10).all() and blanks.all()):
            return None
        if cuts[0] == _FRONT or (np.diff(cuts) < 2).any():
            return None
        self._text = text
        return cuts

    def _tidy(self, data: bytes) -> bytes:
        """The same words with single blanks between them."""
        lines = data.split(b"\n")
        lines.pop()
        tidy = []
        for number, line in enumerate(lines, self.first_line):
            words = line.split()
            if b"\0" in line or any(byte < 32 for word in words for byte in word):
                raise ValueError(f"{self.source}:{number}: control characters: expected a text file")
            if not words:
                raise ValueError(f"{self.source}:{number}: blank line; delete it")
            if len(words) != self.num_columns:
                raise ValueError(
                    f"{self.source}:{number}: '{_show(line)}' has {len(words)} words; "
                    f"expected {self.num_columns}, as in the lines before"
                )
            tidy.append(b" ".join(words))
        return b"\n".join([*tidy, b""])

    def limits(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """(lines,) starts and ends of the words of a column in the block's text."""
        ends = self._ends[:, column]
        if column:
            return self._ends[:, column - 1] + 1, ends
        starts = np.empty_like(ends)
        starts[0] = _FRONT
        starts[1:] = self._ends[:-1, -1] + 1
        return starts, ends

    def word(self, line: int, column: int) -> str:
        """One word; `line` counts from 0 within the block."""
        starts, ends = self.limits(column)
        return self._text[starts[line] : ends[line]].tobytes().decode(errors="replace")

    def place(self, line: int) -> str:
        """`file:line` of a line of the block."""
        return f"{self.source}:{self.first_line + line}"

    def padded(self, column: int, width: int = 1) -> np.ndarray:
        """(lines, groups) uint64: each word's bytes in groups of eight, zeros behind; at least `width` groups."""
        starts, ends = self.limits(column)
        lengths = ends - starts
        longest = int(lengths.max())
        if longest > _LONGEST_WORD:
            line = int(np.argmax(lengths))
            raise ValueError(f"{self.place(line)}: a word of {longest} bytes; expected {_LONGEST_WORD} at the most")
        width = max(width, -(-longest // 8))
        self.check_room(8 * width * self.num_lines, len(self._text), int(np.argmax(lengths)))
        if len(self._text) < ends[-1] + 8 * width:
            self._text = np.concatenate([self._text, np.zeros(8 * width, np.uint8)])
        eights, masks = eights_of(self._text), _masks(width)
        groups = np.empty((width, self.num_lines), WORD)  # group by group in memory, as they are compared and hashed
        for group in range(width):
            np.bitwise_and(eights[starts + 8 * group], masks[group][lengths], out=groups[group])
        return groups.T

    def check_room(self, needed: int, text_bytes: int, line: int) -> None:
        """Raise a ValueError where words, each padded to the longest, would take far more than their text."""
        if needed > _MOST_PADDING * text_bytes + _ALLOWED_PADDING:
            raise ValueError(
                f"{self.place(line)}: a word much longer than all the others: damaged, or not a list of names"
            )

    def matches(self, column: int, words: Sequence[bytes]) -> np.ndarray:
        """(lines,) int8 place of each line's word among at most 127 given ones, -1 where it is none of them."""
        width = max(-(-len(word) // 8) for word in words)
        groups = self.padded(column, width)
        found = np.full(self.num_lines, -1, np.int8)
        for index, word in enumerate(words):
            pattern = np.frombuffer(word.ljust(8 * groups.shape[1], b"\0"), WORD)
            same = groups[:, 0] == pattern[0]
            for group in range(1, groups.shape[1]):
                same &= groups[:, group] == pattern[group]
            found += same.view(np.int8) * np.int8(index + 1)  # the words are distinct: one of them at most
        return found

    def numbers(self, column: int, what: str = "score") -> np.ndarray:
        """(lines,) float64 values of a column, each rounded as Python's float() does.

        Raises:
            ValueError: a word that is no number, or not a finite one; with file:line.
        """
        starts, ends = self.limits(column)
        values, easy = _plain_decimals(self._text, starts, ends)
        for line in np.flatnonzero(~easy).tolist():
            word = self._text[starts[line] : ends[line]].tobytes()
            try:
                values[line] = float(word.replace(b"_", b"?"))  # Python's 1_000 is no number in a file
            except ValueError:
                word = word.decode(errors="replace")
                raise ValueError(f"{self.place(line)}: '{word}' is no number; expected a {what}") from None
        finite = np.isfinite(values)
        if not finite.all():
            line = int(np.argmin(finite))
            raise ValueError(f"{self.place(line)}: the {what} is {self.word(line, column)}; expected a finite number")
        return values


def iterate_blocks(path: str | os.PathLike, num_columns: Sequence[int], expected: str) -> Iterator[Block]:
    """Read a file of lines that all have the same number of words.

    Args:
        path: a file, `command |` or `-` (Kaldi's rxfilename).
        num_columns: the numbers of words that are allowed; the first line decides.
        expected: what a line looks like, for the message.

    Raises:
        ValueError: an empty file, or a line that does not fit; with file:line. OSError: it cannot be read.
    """
    source = os.fspath(path)
    line, columns = 1, 0
    # Freeing one large array tells glibc to keep smaller ones at hand (mallopt(3), M_MMAP_THRESHOLD) instead of asking
    # the kernel for fresh pages in every operation, which would take a third of the time.
    np.empty(1 << 24, np.uint8)
    with _open(source) as stream:
        while data := stream.read(BLOCK_BYTES):
            if not data.endswith(b"\n"):
                data += stream.readline()
                if not data.endswith(b"\n"):
                    data += b"\n"
            if not columns:
                first = data[: data.index(b"\n")]
                columns = len(first.split(None, max(num_columns)))  # a line of a million words is not cut up
                if columns not in num_columns:
                    raise ValueError(f"{source}:1: '{_show(first)}': expected '{expected}'")
            block = Block(source, line, data, columns)
            yield block
            line += block.num_lines
    if line == 1:
        raise ValueError(f"{source}: the file is empty; expected lines of '{expected}'")


def eights_of(text: np.ndarray) -> np.ndarray:
    """(bytes - 7,) uint64 view: the eight bytes that begin at each place, the first of them the lowest."""
    return np.ndarray((len(text) - 7,), WORD, buffer=text, strides=(1,))


def _open(source: str) -> AbstractContextManager[BinaryIO]:
    if os.path.isfile(source):
        return open(source, "rb")
    from speechlib.io.specifiers import open_input  # pipes; most lists are files, and imports cost a command its start

    return open_input(source)


def _show(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:60]


def _masks(width: int) -> np.ndarray:
    """(width, 8 width + 1): what keeps the first n bytes, by group of eight and n."""
    kept = np.clip(np.arange(8 * width + 1)[None, :] - 8 * np.arange(width)[:, None], 0, 8)
    return _LOW_BYTES[kept]


_POWERS = 10.0 ** np.arange(9)
_ONES = 0x0101010101010101


def _plain_decimals(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of words such as -12.345678, and which words are such: eight digits and point, and a 0 in front, at most.

    The digits are moved together over the point, and eight at a time become a number by three multiplications of a
    64-bit word (Lemire, 2018). The quotient of two exact numbers is rounded once, as in strtod.
    """
    first = text[starts]
    negative = first == ord("-")
    starts = starts + negative
    starts += text[starts] == ord("0")
    lengths = ends - starts
    word = eights_of(text)[ends - 8]
    easy = lengths.view(np.uint64) <= 8
    np.minimum(lengths, 8, out=lengths)
    word &= _HIGH_BYTES[lengths]  # what stands before the word goes
    # The lowest byte that is a point, by the trick that finds a zero byte; it is the only one in a plain decimal.
    marked = word ^ WORD.type(0x2E * _ONES)
    found = marked - WORD.type(_ONES)
    np.invert(marked, out=marked)
    found &= marked
    found &= WORD.type(0x80 * _ONES)
    np.negative(found, out=marked)
    found &= marked
    found >>= WORD.type(7)  # one at the point's byte, or nothing
    has_point = found != 0
    before = found - WORD.type(1)  # the bytes below it, all if there is none
    point = found * WORD.type(255)
    whole = word & before
    word ^= whole
    word &= ~point
    shift = has_point.view(np.uint8).astype(WORD)
    found *= WORD.type(0x0001020304050607)
    found >>= WORD.type(56)
    decimals = (7 - found.view(np.int64)) * has_point
    shift *= WORD.type(8)
    whole <<= shift
    word |= whole
    lengths -= has_point
    values, digits = _eight_digits(word, lengths)
    easy &= digits
    easy &= (lengths > 0) | (first == ord("0")) | ((lengths == 0) & (text[starts - 1] == ord("0")) & negative)
    values /= _POWERS[decimals]
    values *= _SIGNS[negative.view(np.int8)]
    return values, easy


_SIGNS = np.array([1.0, -1.0])
_LOW_BYTES = np.array([(1 << (8 * count)) - 1 for count in range(9)], dtype=WORD)
_HIGH_BYTES = ~_LOW_BYTES[::-1].copy()
_ZEROS_BEFORE = _LOW_BYTES[::-1] & WORD.type(0x30 * _ONES)


def _eight_digits(groups: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number that the last `count` of eight characters spell, and whether they are digits."""
    digits = groups & _HIGH_BYTES[count]
    digits |= _ZEROS_BEFORE[count]
    digits ^= WORD.type(0x30 * _ONES)
    beyond = digits + WORD.type(0x76 * _ONES)  # sets the highest bit of what is above nine
    beyond |= digits
    beyond &= WORD.type(0x80 * _ONES)
    shifted = digits >> WORD.type(8)
    digits *= WORD.type(10)
    digits += shifted
    high = digits >> WORD.type(16)
    high &= WORD.type(0x000000FF000000FF)
    high *= WORD.type(0x0000271000000001)
    digits &= WORD.type(0x000000FF000000FF)
    digits *= WORD.type(0x000F424000000064)
    digits += high
    digits >>= WORD.type(32)
    return digits.view(np.int64).astype(np.float64), beyond == 0
