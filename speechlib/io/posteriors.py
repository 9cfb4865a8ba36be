"""Kaldi's tables of selected Gaussians (vectors of integer vectors, util/kaldi-holder-inl.h) and of posteriors
(hmm/posterior.cc): for each frame of an utterance a list of Gaussians, with or without values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from speechlib.io.specifiers import open_input, parse_rspecifier, parse_wspecifier, read_script
from speechlib.io.tables import TableWriter, open_table

_CHUNK = 1 << 20
_RECORD = np.dtype([("size", "u1"), ("value", "<i4")])  # every integer and every float is preceded by its size, 4


class Ragged(NamedTuple):
    """Lists of Gaussians of T frames.

    Attributes:
        offsets: (T + 1,) int64, where the entries of each frame begin.
        gaussians: (entries,) int32.
        values: (entries,) float32, or None for a mere selection.
    """

    offsets: np.ndarray
    gaussians: np.ndarray
    values: np.ndarray | None = None

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.offsets) - 1


def join(lists: list[Ragged]) -> Ragged:
    """The lists of several utterances, one after the other."""
    ends = np.cumsum([0] + [int(item.offsets[-1]) for item in lists])
    offsets = [item.offsets[:-1] + end for item, end in zip(lists, ends, strict=False)]
    has_values = lists[0].values is not None
    return Ragged(
        np.concatenate([*offsets, ends[-1:]]),
        np.concatenate([item.gaussians for item in lists]),
        np.concatenate([item.values for item in lists]) if has_values else None,
    )


def cut(joined: Ragged, lengths: np.ndarray) -> Iterator[Ragged]:
    """Undo `join` for utterances of so many frames."""
    past = np.concatenate(([0], np.cumsum(lengths)))
    for first, last in zip(past, past[1:], strict=False):
        offsets = joined.offsets[first : last + 1]
        part = slice(int(offsets[0]), int(offsets[-1]))
        values = None if joined.values is None else joined.values[part]
        yield Ragged(offsets - offsets[0], joined.gaussians[part], values)


class _Truncated(ValueError):
    """More bytes are needed."""


def read_gselect(rspecifier: str) -> Iterator[tuple[str, Ragged]]:
    """Yield utterance and selected Gaussians, in the table's order, binary or text.

    Raises:
        ValueError: damaged data; the message names the file and the utterance. OSError: it cannot be read.
    """
    return _read(rspecifier, False)


def read_posteriors(rspecifier: str) -> Iterator[tuple[str, Ragged]]:
    """Yield utterance and posteriors; as `read_gselect`."""
    return _read(rspecifier, True)


class RaggedWriter:
    """Writes a table of selections or posteriors; a context manager, like `open_table`.

    Args:
        wspecifier: `ark:`, `ark,t:`, `ark,scp:`.
    """

    def __init__(self, wspecifier: str):
        self._binary = parse_wspecifier(wspecifier).binary
        self._table: TableWriter = open_table(wspecifier)

    def write(self, key: str, ragged: Ragged) -> None:
        """Write the lists of one utterance: a selection where there are no values, else posteriors."""
        self._table.write_pieces(key, [_encode_binary(ragged) if self._binary else _encode_text(ragged)])

    def __enter__(self) -> RaggedWriter:
        return self

    def __exit__(self, kind, value, traceback) -> None:
        self._table.__exit__(kind, value, traceback)


def pair(
    utterances: Iterable[tuple[str, np.ndarray]], lists: Iterator[tuple[str, Ragged]], warn: Callable[[str], None]
) -> Iterator[tuple[str, np.ndarray, Ragged]]:
    """Join features with their selections or posteriors, both in the same order of utterances.

    Utterances without lists, or with lists for another number of frames, are left out with a warning, as Kaldi does.
    Lists that come before their features are kept until these come.

    Args:
        utterances: (utterance, (frames, dim) features).
        lists: of `read_gselect` or `read_posteriors`.
        warn: is called with a message.
    """
    waiting: dict[str, Ragged] = {}
    for utterance, features in utterances:
        while utterance not in waiting:
            following = next(lists, None)
            if following is None:
                break
            waiting[following[0]] = following[1]
        found = waiting.pop(utterance, None)
        if found is None:
            warn(f"utterance {utterance} has no selected Gaussians or posteriors: left out")
        elif found.num_frames != len(features):
            counts = f"{len(features)} frames of features, Gaussians for {found.num_frames}"
            warn(f"utterance {utterance} has {counts}: left out")
        else:
            yield utterance, features, found


def _read(rspecifier: str, with_values: bool) -> Iterator[tuple[str, Ragged]]:
    specifier = parse_rspecifier(rspecifier)
    if specifier.kind == "ark":
        with open_input(specifier.name) as stream:
            yield from _read_archive(stream, specifier.name or "-", with_values)
        return
    for key, entry in read_script(specifier.name).items():
        with open_input(entry) as stream:
            buffer = b""
            while True:
                piece = stream.read(_CHUNK)
                buffer += piece
                try:
                    value, _ = _decode(buffer, 0, with_values, not piece)
                    break
                except ValueError as error:
                    if not isinstance(error, _Truncated) or not piece:
                        raise ValueError(f"{entry}: utterance {key!r}: {error}") from None
        yield key, value


def _read_archive(stream, name: str, with_values: bool) -> Iterator[tuple[str, Ragged]]:
    buffer, position, is_last = b"", 0, False
    while True:
        key = ""
        try:
            while position < len(buffer) and buffer[position] in b" \t\r\n":
                position += 1
            if position == len(buffer) and is_last:
                return
            space = buffer.find(b" ", position)
            if space < 0:
                raise _Truncated("ends within a key")
            key = buffer[position:space].decode(errors="replace")
            value, end = _decode(buffer, space + 1, with_values, is_last)
        except ValueError as error:
            if not isinstance(error, _Truncated) or is_last:
                raise ValueError(f"{name}: utterance {key!r}: {error}") from None
            buffer, position = buffer[position:], 0
            # As much again as is held, so that a long record is not begun too often.
            piece = stream.read(max(_CHUNK, len(buffer)))
            is_last = not piece
            buffer += piece
            continue
        yield key, value
        position = end


def _decode(buffer: bytes, position: int, with_values: bool, is_last: bool) -> tuple[Ragged, int]:
    if buffer[position : position + 2] == b"\0B":
        return _decode_binary(buffer, position + 2, with_values)
    newline = buffer.find(b"\n", position)
    if newline < 0:
        if not is_last or len(buffer) < position + 2:
            raise _Truncated("truncated: no end of line")
        newline = len(buffer)
    line = buffer[position:newline].decode(errors="replace")
    return (_parse_posteriors(line) if with_values else _parse_gselect(line)), newline + 1


def _decode_binary(buffer: bytes, position: int, with_values: bool) -> tuple[Ragged, int]:
    records = np.frombuffer(buffer, _RECORD, (len(buffer) - position) // _RECORD.itemsize, position)
    if not len(records):
        raise _Truncated("truncated: no number of frames")
    num_frames = int(records["value"][0])
    if records["size"][0] != 4 or num_frames < 0:
        raise ValueError("damaged: expected the number of frames")
    width = 2 if with_values else 1
    values = records["value"]
    counts = _counts(values, num_frames, width)
    total = 1 + num_frames + width * int(counts.sum())
    if total > len(records):
        raise _Truncated(f"truncated: {total} numbers expected, {len(records)} are there")
    if not (records["size"][:total] == 4).all():
        raise ValueError("damaged: not a table of "
                         + ("posteriors" if with_values else "selected Gaussians (vectors of integer vectors)"))
    starts = 1 + np.arange(num_frames) + width * np.concatenate(([0], np.cumsum(counts)))[:-1].astype(np.int64)
    is_entry = np.ones(total, bool)
    is_entry[0] = False
    is_entry[starts] = False
    entries = values[:total][is_entry]
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    end = position + total * _RECORD.itemsize
    if with_values:
        entries = entries.reshape(-1, 2)
        floats = np.ascontiguousarray(entries[:, 1]).view(np.float32)
        return Ragged(offsets, entries[:, 0].astype(np.int32), floats), end
    return Ragged(offsets, entries.astype(np.int32), None), end


def _counts(values: np.ndarray, num_frames: int, width: int) -> np.ndarray:
    """Entries of each frame: the count is followed by that many entries, then comes the next count."""
    if num_frames and len(values) > 1:
        stride = 1 + width * int(values[1])  # most often all frames have as many
        if stride > 0 and 1 + stride * num_frames <= len(values):
            guess = values[1 : 1 + stride * num_frames : stride]
            if (guess == values[1]).all():
                return guess.astype(np.int64)
    # The buffer holds many utterances: only what this one may reach to is turned into Python's numbers, piece by piece.
    piece = 8 * num_frames + 64
    numbers, base = values[:piece].tolist(), 0
    counts, position = [], 1
    for _ in range(num_frames):
        if position >= len(values):
            raise _Truncated("truncated: ends within the list of frames")
        if position - base >= len(numbers):
            numbers, base = values[position : position + piece].tolist(), position
        count = numbers[position - base]
        if count < 0:
            raise ValueError(f"damaged: a frame with {count} Gaussians")
        counts.append(count)
        position += 1 + width * count
    return np.array(counts, np.int64)


def _parse_gselect(line: str) -> Ragged:
    lists = line.split(";")
    if lists and lists[-1].strip():
        raise ValueError(f"{lists[-1].strip()[:30]!r} at the end: each frame's Gaussians end in a semicolon")
    rows = [item.split() for item in lists[:-1]]
    return Ragged(_offsets(rows), _integers([word for row in rows for word in row]))


def _parse_posteriors(line: str) -> Ragged:
    text = line.strip()
    if text and not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"{text[:30]!r}: expected posteriors, [ Gaussian value ... ] for every frame")
    rows = [item.split() for item in text[1:-1].replace("] [", "][").split("][")] if text else []
    words = [word for row in rows for word in row]
    if any(len(row) % 2 for row in rows):
        raise ValueError("a frame with a Gaussian without its value")
    try:
        values = np.array([float(word) for word in words[1::2]], np.float32)
    except ValueError as error:
        raise ValueError(f"not a posterior: {error}") from None
    return Ragged(_offsets([row[::2] for row in rows]), _integers(words[::2]), values)


def _integers(words: list[str]) -> np.ndarray:
    try:
        return np.array([int(word) for word in words], np.int32)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not the number of a Gaussian: {error}") from None


def _offsets(rows: list[list[str]]) -> np.ndarray:
    return np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64))).astype(np.int64)


def _encode_binary(ragged: Ragged) -> bytes:
    counts = np.diff(ragged.offsets)
    width = 1 if ragged.values is None else 2
    records = np.empty(1 + len(counts) + width * len(ragged.gaussians), _RECORD)
    records["size"] = 4
    values = records["value"]
    values[0] = len(counts)
    starts = 1 + np.arange(len(counts)) + width * ragged.offsets[:-1]
    is_entry = np.ones(len(records), bool)
    is_entry[0] = False
    is_entry[starts] = False
    values[starts] = counts
    entries = ragged.gaussians.astype(np.int32)
    if ragged.values is not None:
        entries = np.stack([entries, np.asarray(ragged.values, np.float32).view(np.int32)], axis=1).reshape(-1)
    values[is_entry] = entries
    return b"\0B" + records.tobytes()


def _encode_text(ragged: Ragged) -> bytes:
    offsets, gaussians = ragged.offsets.tolist(), ragged.gaussians.tolist()
    if ragged.values is None:
        words = [f"{gaussian} " for gaussian in gaussians]
        frames = ["".join(words[a:b]) + "; " for a, b in zip(offsets, offsets[1:], strict=False)]
    else:
        pairs = zip(gaussians, ragged.values.tolist(), strict=True)
        words = [f"{gaussian} {value:.7g} " for gaussian, value in pairs]
        frames = ["[ " + "".join(words[a:b]) + "] " for a, b in zip(offsets, offsets[1:], strict=False)]
    return ("".join(frames) + "\n").encode()
