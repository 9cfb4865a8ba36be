"""Names and their numbers: a hash table that numpy fills with a block of lines at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechlib.io.text_columns import WORD, Block


class NameTable:
    """Numbers names from 0 as they come, in no certain order within a block; open addressing, names compared whole."""

    def __init__(self, names: Sequence[str] = ()):
        self._names: list[str] = []
        self._source = ""  # the file that was read last, for messages
        self._count = 0
        self._seen = 0  # bytes of the blocks that were looked at
        self._groups = np.zeros((1, 0), WORD)  # (groups, room for names): eight bytes of every name together
        self._hashes = np.zeros(0, WORD)
        self._slots = np.full(0, -1, np.int32)
        if names:
            self._add_all(names)

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> list[str]:
        """All names, by number; the list grows as more are read.

        Raises:
            ValueError: a name that is not UTF-8.
        """
        new = np.ascontiguousarray(self._groups[:, len(self._names) : self._count].T)
        for name in new.view(f"S{8 * len(self._groups)}").ravel().tolist():
            try:
                self._names.append(name.decode())
            except UnicodeDecodeError:
                raise ValueError(
                    f"{self._source}: name {name!r} is not UTF-8; convert the file, as with 'iconv -f latin1 -t utf8'"
                ) from None
        return self._names

    def numbers(self, block: Block, column: int, add: bool = True) -> np.ndarray:
        """(lines,) int32 numbers of a column's names; unknown names are added, or with add=False get -1."""
        self._source = block.source
        self._seen += block.num_bytes
        groups = block.padded(column, len(self._groups))
        if groups.shape[1] > len(self._groups):
            block.check_room(8 * groups.shape[1] * len(self), self._seen, 0)
        return self._look_up(groups, add)

    def _look_up(self, groups: np.ndarray, add: bool) -> np.ndarray:
        if groups.shape[1] > len(self._groups):
            longer = np.zeros((groups.shape[1] - len(self._groups), self._groups.shape[1]), WORD)
            self._groups = np.concatenate([self._groups, longer])
            # A hash covers the zeros behind a name, too.
            self._hashes = _hash(self._groups.T)
            self._refill(len(self._slots))
        hashes = _hash(groups)
        self._reserve(len(self) + (len(groups) if add else 0))
        place = (hashes & WORD.type(len(self._slots) - 1)).astype(np.int64)
        numbers = self._slots[place]
        pending = np.flatnonzero(~self._same(groups, numbers))
        while len(pending):
            empty = numbers[pending] < 0
            if not add:
                pending = pending[~empty]
            elif empty.any():
                new = pending[empty]
                # Of several lines that want the same free slot the first gets it; all look again below.
                self._slots[place[new[::-1]]] = new[::-1]
                new = new[self._slots[place[new]] == new]
                self._slots[place[new]] = self._append(groups[new], hashes[new])
                numbers[pending] = self._slots[place[pending]]
            same = self._same(groups[pending], numbers[pending])
            pending = pending[~same]
            place[pending] = (place[pending] + 1) & (len(self._slots) - 1)
            numbers[pending] = self._slots[place[pending]]
            found = self._same(groups[pending], numbers[pending])
            pending = pending[~found]
        return numbers

    def _append(self, groups: np.ndarray, hashes: np.ndarray) -> np.ndarray:
        """Store distinct new names; their numbers."""
        end = self._count + len(groups)
        if end > len(self._hashes):
            room = 2 * end - len(self._hashes)
            self._groups = np.concatenate([self._groups, np.zeros((len(self._groups), room), WORD)], axis=1)
            self._hashes = np.concatenate([self._hashes, np.zeros(room, WORD)])
        numbers = np.arange(self._count, end, dtype=np.int32)
        self._groups[:, self._count : end] = groups.T
        self._hashes[self._count : end] = hashes
        self._count = end
        return numbers

    def _same(self, groups: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        if not len(self):
            return np.zeros(len(groups), bool)
        same = numbers >= 0
        for column in range(groups.shape[1]):  # -1 looks at the last name; that is no match whatever it is
            same &= self._groups[column][numbers] == groups[:, column]
        return same

    def _reserve(self, count: int) -> None:
        if len(self._slots) < 2 * count or not len(self._slots):
            self._refill(1 << (4 * count + 15).bit_length())

    def _refill(self, size: int) -> None:
        self._slots = np.full(size, -1, np.int32)
        pending = np.arange(len(self), dtype=np.int32)
        place = (self._hashes[: self._count] & WORD.type(max(size, 1) - 1)).astype(np.int64)
        while len(pending):
            free = self._slots[place[pending]] < 0
            self._slots[place[pending[free]]] = pending[free]
            pending = pending[self._slots[place[pending]] != pending]
            place[pending] = (place[pending] + 1) & (size - 1)

    def _add_all(self, names: Sequence[str]) -> None:
        encoded = [name.encode() for name in names]
        width = max(1, -(-max(map(len, encoded)) // 8))
        padded = b"".join(name.ljust(8 * width, b"\0") for name in encoded)
        groups = np.frombuffer(padded, WORD).reshape(-1, width)
        numbers = self._look_up(groups, add=True)
        if len(self) != len(names):
            raise ValueError("a table of names needs distinct names")
        order = np.empty_like(numbers)  # the table's own order is another
        order[numbers] = np.arange(len(names), dtype=np.int32)
        used = self._slots >= 0
        self._slots[used] = order[self._slots[used]]
        self._groups, self._hashes = self._groups[:, numbers], self._hashes[numbers]


def _hash(groups: np.ndarray) -> np.ndarray:
    hashes = np.full(len(groups), 0x9E3779B97F4A7C15, WORD)
    for column in range(groups.shape[1]):
        hashes ^= groups[:, column]
        hashes *= WORD.type(0xD6E8FEB86659FD93)
        hashes ^= hashes >> WORD.type(32)
    # Once more, or the last letters of a word would not reach the low bits that choose the slot.
    hashes *= WORD.type(0xD6E8FEB86659FD93)
    hashes ^= hashes >> WORD.type(32)
    return hashes
