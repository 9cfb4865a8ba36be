"""Two-column text files of a data directory (utt2spk, spk2utt, wav.scp, ...) as dictionaries (Kaldi's data contract).

A line is a key, a run of ASCII blanks (spaces or tabs), and a value that reaches to the end of the line. Files are
sorted as `LC_ALL=C sort` does, that is by bytes. UTF-8 keeps the order of code points, so that Python's order of `str`
is the same order: nothing here encodes in order to sort. Lines are cut as bytes: str.split() would also cut at no-break
and ideographic spaces, which Kaldi takes for letters.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from speechlib.io.atomic import write_text


def read_map(path: str | os.PathLike, allow_empty: bool = False) -> dict[str, str]:
    """Read a file of `key value` lines.

    Args:
        path: any two-column file: utt2spk, wav.scp, feats.scp, text, spk2gender, ...
        allow_empty: a key without a value means the empty string (`text` of an utterance without words).

    Returns:
        Value by key, in the order of the file. Blanks inside a value are kept as they are.

    Raises:
        ValueError: a blank line, a key without value, a key that comes twice, bytes that are not UTF-8; with file:line.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if b" \n" in data or b"\t\n" in data or b"\r" in data or data[-1:] in (b" ", b"\t"):
        lines = [line.rstrip(b" \t\r") for line in lines]
    try:
        table = {key.decode(): value.decode() for key, value in (line.split(None, 1) for line in lines)}
    except ValueError:
        table = {}
    return table if len(table) == len(lines) else _read_line_by_line(lines, path, allow_empty)


def read_lists(path: str | os.PathLike) -> dict[str, list[str]]:
    """Read a file of `key item item ...` lines (spk2utt); the errors are those of `read_map`."""
    return {key: split_blanks(value) for key, value in read_map(path).items()}


def write_map(path: str | os.PathLike, mapping: Mapping[str, object]) -> None:
    """Write `key value` lines sorted as LC_ALL=C does; the file appears whole or not at all.

    Values are written with `str`; an empty value leaves the key alone on its line.

    Raises:
        ValueError: a key is empty or holds a blank, or a value holds a line break.
    """
    lines = []
    for key in sorted(mapping):
        value = str(mapping[key])
        if split_blanks(key) != [key] or "\n" in value or "\r" in value:
            raise ValueError(f"{path}: cannot write {key!r} {value!r}: a key is one word and a value is one line")
        lines.append(f"{key} {value}\n" if value else f"{key}\n")
    write_text(path, "".join(lines))


def write_lists(path: str | os.PathLike, lists: Mapping[str, Sequence[str]]) -> None:
    """Write `key item item ...` lines (spk2utt), sorted by key; items keep their order."""
    write_map(path, {key: " ".join(items) for key, items in lists.items()})


def split_blanks(value: str) -> list[str]:
    """Cut at ASCII blanks only, unlike `str.split()`."""
    return list(map(bytes.decode, value.encode().split()))


def utt2spk_to_spk2utt(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Utterances by speaker; speakers and the utterances of each in LC_ALL=C order (Kaldi's utt2spk_to_spk2utt.pl)."""
    spk2utt: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return dict(sorted(spk2utt.items()))


def spk2utt_to_utt2spk(spk2utt: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Speaker by utterance, in LC_ALL=C order of utterances.

    Raises:
        ValueError: an utterance has two speakers.
    """
    pairs = sorted((utterance, speaker) for speaker, utterances in spk2utt.items() for utterance in utterances)
    utt2spk = dict(pairs)
    if len(utt2spk) != len(pairs):
        twice = next(a for a, b in zip(pairs, pairs[1:], strict=False) if a[0] == b[0])[0]
        raise ValueError(f"spk2utt: utterance '{twice}' is listed twice; an utterance has one speaker")
    return utt2spk


def _read_line_by_line(lines: list[bytes], path, allow_empty: bool) -> dict[str, str]:
    table: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        try:
            fields = [field.decode() for field in line.split(None, 1)]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: byte {error.object[error.start]:#04x} is not UTF-8; convert the file, e.g. with "
                f"'iconv -f latin1 -t utf8'"
            ) from None
        if not fields:
            raise ValueError(f"{path}:{number}: blank line; delete it")
        if len(fields) == 1 and not allow_empty:
            raise ValueError(f"{path}:{number}: '{fields[0]}' has no value; expected '<key> <value>'")
        if fields[0] in table:
            first = list(table).index(fields[0]) + 1
            raise ValueError(f"{path}:{number}: '{fields[0]}' was there already in line {first}; keep one of them")
        table[fields[0]] = fields[1] if len(fields) == 2 else ""
    return table
