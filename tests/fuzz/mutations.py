"""Damage to files: bits, numbers, tokens and lines of valid ones, and bytes that never were one."""

from __future__ import annotations

import contextlib
import io
import random
import re
import struct
import zipfile
import zlib

_NUMBERS = (b"nan", b"inf", b"-1", b"0", b"1e999", b"-1e-999", b"99999999999999999999", b"2147483648", b"0x10",
            b"1_0", "\u0661".encode(), b"1.5", b"")  # fmt: skip
_SIZES = (0, 1, 2, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x40000000, 0x10000, 0xFFFFFFFE)
_PIECES = (
    *(b"\0", b"\xff\xfe", b"\xe9", b"\r\n", b"\r", b"\n\n", b"\t", b" ", b"\xc2\xa0", b"\xef\xbb\xbf", b"[", b"]"),
    *(b"<", b">", b"|", b"touch ran_code |", b"| touch ran_code", b"$(touch ran_code)", b"%(a)s", b"&a [*a]", b"*a"),
    *(b"{", b"}", b"'", b'"', b"#", b"=", b":", b"\0B", b"\0BFM \4", b"\x1c", b"\x85", "\u2028".encode()),
    *(b"-", b",", b";", b"..", b"/"),
    b"!!python/object/apply:os.system ['touch ran_code']",
)
_BRACKETS = ((b"[", b"]"), (b"{", b"}"), (b"{a: ", b"}"), (b'{"a":', b"}"), (b"(", b")"), (b"-", b""))
_WORD = re.compile(rb"[^\s,;:=\[\]{}]+")


def mutate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A damaged copy of `data`; `others` lend their parts. Zip archives are damaged inside, with right checksums."""
    if zipfile.is_zipfile(io.BytesIO(data)) and chance.random() < 0.8:
        damaged = (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError, IndexError, RuntimeError)
        with contextlib.suppress(*damaged):  # of what is damaged already, only the bytes
            return _mutate_archive(data, others, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_MUTATIONS)(data, others, chance)
    return data[: 1 << 18]


def _truncate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flip(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    copy = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if copy:
            copy[_place(copy, chance)] ^= 1 << chance.randrange(8)
    return bytes(copy)


def _set_byte(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    copy = bytearray(data)
    if copy:
        copy[_place(copy, chance)] = chance.choice((0, 1, 4, 8, 10, 32, 127, 128, 255, chance.randrange(256)))
    return bytes(copy)


def _set_integer(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    size = chance.choice(_SIZES) + chance.choice((0, 0, 0, -1, 1))
    code = chance.choice(("<I", ">I", "<H", ">H", "<Q", ">Q", "<f", "<d"))
    if code[1] in "fd":
        piece = struct.pack(code, chance.choice((float("nan"), float("inf"), -1.0, 1e30, 0.0)))
    else:
        piece = struct.pack(code, size % (1 << 8 * struct.calcsize(code)))
    at = _place(data, chance)
    return data[:at] + piece + data[at + len(piece) :]


def _remove(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.choice((1, 2, 4, 5, 16, 200)) :]


def _insert(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.choice(_PIECES) * chance.choice((1, 1, 1, 2, 50)) + data[at:]


def _insert_noise(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.randbytes(chance.choice((1, 3, 20, 300))) + data[at:]


def _repeat(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    piece = data[at : at + chance.choice((1, 4, 16, 64, 300))]
    return data[:at] + piece * chance.choice((2, 2, 3, 100)) + data[at + len(piece) :]


def _splice(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def _replace_word(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    words = list(_WORD.finditer(data))
    if not words:
        return data
    word = chance.choice(words)
    long = (b"a" * 300, b"9" * 5000, b"x" * 20000)
    new = chance.choice((*_NUMBERS, *_NUMBERS, *_PIECES, *long, chance.choice(words)[0]))
    return data[: word.start()] + new + data[word.end() :]


def _change_lines(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    kind = chance.randrange(8)
    at = chance.randrange(len(lines))
    if kind == 0:
        lines.insert(at, lines[at])
    elif kind == 1:
        chance.shuffle(lines)
    elif kind == 2:
        return b"\r\n".join(lines)
    elif kind == 3:
        return data.rstrip(b"\n")
    elif kind == 4:
        del lines[at]
    elif kind == 5:
        lines.insert(at, b"")
    elif kind == 6:
        lines[at] = chance.choice((b" ", b"\t", b"\xc2\xa0")) + lines[at]
    else:
        other = chance.choice(others).split(b"\n")
        lines.insert(at, chance.choice(other))
    return b"\n".join(lines)


def _nest(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(data, chance)
    depth = chance.choice((50, 500, 3000, 20000))
    opening, closing = chance.choice(_BRACKETS)
    return data[:at] + opening * depth + chance.choice((b"", b"1")) + closing * depth + data[at:]


def _noise(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return data[: chance.choice((0, 0, 4, 12))] + chance.randbytes(chance.choice((0, 1, 16, 300, 3000)))


_MUTATIONS = (
    *(_truncate, _flip, _flip, _set_byte, _set_byte, _set_integer, _set_integer, _remove, _insert, _insert_noise),
    *(_repeat, _splice, _replace_word, _replace_word, _change_lines, _change_lines, _nest, _noise),
)


def _mutate_archive(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(item, archive.read(item)) for item in archive.infolist()]
    at = chance.randrange(len(members))
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", packing) as archive:
        for number, (item, content) in enumerate(members):
            if number == at and chance.random() < 0.05:
                continue
            lent = [member for _, member in members]
            archive.writestr(item.filename, mutate(content, lent, chance) if number == at else content)
    return output.getvalue()


def _place(data: bytes, chance: random.Random) -> int:
    """A position; often near the beginning, where headers are."""
    limit = len(data) if chance.random() < 0.6 else min(len(data), 64)
    return chance.randrange(limit) if limit else 0
