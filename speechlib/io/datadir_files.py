"""The files of a data directory as lines of bytes: what indexes each, selecting lines, writing (Kaldi's filter_scp.pl).

Everything here works on whole files of bytes: a million lines are one list, keys are cut only where they are needed.
Bytes sort as LC_ALL=C does, and a file that is not UTF-8 passes through unharmed.
"""

import os
import re
from collections.abc import Collection, Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from speechlib.io.atomic import PendingFile, atomic_write

UTTERANCE, SPEAKER, RECORDING, ALIGNMENT, WHOLE = "utterance", "speaker", "recording", "alignment", "whole"

_INDEX = {
    "segments": UTTERANCE,
    "text": UTTERANCE,
    "feats.scp": UTTERANCE,
    "vad.scp": UTTERANCE,
    "cmvn.scp": SPEAKER,
    "wav.scp": RECORDING,
    "reco2file_and_channel": RECORDING,
    "reco2dur": RECORDING,
    "ctm": ALIGNMENT,
    "phones.ctm": ALIGNMENT,
    "stm": ALIGNMENT,
    "glm": WHOLE,
    "frame_shift": WHOLE,
    "feats.yaml": WHOLE,
}
_LABEL = re.compile(r"(utt|spk)2[A-Za-z0-9_]+")


def index_of(name: str) -> str | None:
    """What the first column of a file holds.

    Returns:
        UTTERANCE, SPEAKER or RECORDING; ALIGNMENT: recording or utterance, many lines each (ctm, stm); WHOLE: the file
        has no index (frame_shift, feats.yaml, glm); None: no file of a data directory. `utt2<label>` and
        `spk2<label>` are indexed by utterance and by speaker.
    """
    if name in _INDEX:
        return _INDEX[name]
    match = _LABEL.fullmatch(name)
    return None if match is None else UTTERANCE if match[1] == "utt" else SPEAKER


def file_names(path: str | os.PathLike) -> list[str]:
    """Names of the data-directory files that are there, sorted; `utt2spk` first, then `segments`.

    Raises:
        FileNotFoundError: there is no such directory, or it has no utt2spk.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such data directory")
    if not (folder / "utt2spk").is_file():
        raise FileNotFoundError(f"{folder}/utt2spk: no such file; write one line '<utterance> <speaker>' each")
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if index_of(entry.name) and entry.is_file()]
    return sorted(names, key=lambda name: (name != "utt2spk", name != "segments", name))


def read_lines(path: str | os.PathLike) -> list[bytes]:
    """The lines of a file without their line ends."""
    with open(path, "rb") as file:
        data = file.read()
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def keys_of(lines: list[bytes], path: str | os.PathLike, field: int = 0, first_line: int = 1) -> list[bytes]:
    """One field (the first by default) of every line; `first_line` is the number of the first of them in the file.

    Raises:
        ValueError: a line has no such field, with path:line.
    """
    try:
        if field == 0:
            return [line.split(None, 1)[0] for line in lines]
        return [line.split(None, field + 1)[field] for line in lines]
    except IndexError:
        number = next(number for number, line in enumerate(lines, first_line) if len(line.split()) <= field)
        raise ValueError(f"{path}:{number}: expected at least {field + 1} fields; mend or delete the line") from None


def valued_keys_of(lines: list[bytes]) -> list[bytes]:
    """The first field of every line; ValueError if one has no second field."""
    return [key for key, _ in (line.split(None, 1) for line in lines)]


def pairs_of(lines: Iterable[bytes], path: str | os.PathLike) -> tuple[list[bytes], list[bytes]]:
    """Both columns of lines of exactly two fields; a run of equal values is one object.

    Raises:
        ValueError: a line has another number of fields, with path:line.
    """
    keys: list[bytes] = []
    values: list[bytes] = []
    last = None
    for line in lines:
        try:
            key, value = line.split()
        except ValueError:
            raise ValueError(
                f"{path}:{len(keys) + 1}: expected two fields, found {len(line.split())}; mend or delete the line"
            ) from None
        if value != last:
            last = value
        keys.append(key)
        values.append(last)
    return keys, values


def read_pairs(path: str | os.PathLike) -> tuple[list[bytes], list[bytes]]:
    """Both columns of a file (utt2spk, utt2dur); the errors are those of `pairs_of`."""
    with open(path, "rb") as file:
        return pairs_of(file, path)


def select(lines: list[bytes], wanted: Collection[bytes], path: str | os.PathLike) -> list[bytes]:
    """The lines whose first field is wanted, in their order (Kaldi's filter_scp.pl).

    Raises:
        ValueError: a blank line, with path:line.
    """
    try:
        return [line for line in lines if line.split(None, 1)[0] in wanted]
    except IndexError:
        keys_of(lines, path)
        raise


def group(utterances: Iterable[bytes], speakers: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Utterances by speaker, both in the order of the arguments."""
    lists: dict[bytes, list[bytes]] = {}
    for speaker, pairs in groupby(zip(speakers, utterances, strict=True), itemgetter(0)):
        lists.setdefault(speaker, []).extend(map(itemgetter(1), pairs))
    return lists


def spk2utt_lines(utterances: Iterable[bytes], speakers: Iterable[bytes]) -> list[bytes]:
    """The lines of spk2utt, speakers and utterances sorted."""
    lists = group(utterances, speakers)
    return [b"%b %b" % (speaker, b" ".join(sorted(lists[speaker]))) for speaker in sorted(lists)]


def is_by_utterance(name: str, keys: Collection[bytes], speakers: Collection[bytes]) -> bool:
    """Whether cmvn.scp holds per-utterance statistics: none of its keys is a speaker."""
    return name == "cmvn.scp" and len(keys) > 0 and not any(key in speakers for key in keys)


def join_lines(lines: list[bytes]) -> bytes:
    """The bytes of a file of these lines."""
    return b"\n".join(lines) + b"\n" if lines else b""


def write_lines(path: Path, lines: list[bytes]) -> None:
    """Write one file whole or not at all; a link is replaced, not followed: it may lead into another directory."""
    if path.is_symlink():
        path.unlink()
    with atomic_write(path) as file:
        file.write(join_lines(lines))


def write_files(path: str | os.PathLike, files: Iterable[tuple[str, list[bytes]]]) -> None:
    """Write (name, lines) as the files of a data directory, all of them or, after an error, none.

    Other data files there are removed: what is left of an earlier directory of that name would disagree with the new
    files. Files that belong to no data directory (logs, split directories) stay. A link is replaced, not followed,
    because it may lead into the directory that the lines come from.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    pending: dict[str, PendingFile] = {}
    try:
        for name, lines in files:
            if (folder / name).is_symlink():
                (folder / name).unlink()
            pending[name] = PendingFile(folder / name)
            pending[name].file.write(join_lines(lines))
        for file in pending.values():
            file.commit()
    finally:
        for file in pending.values():
            file.abandon()
    for name in os.listdir(folder):
        if index_of(name) and name not in pending and (folder / name).is_file():
            (folder / name).unlink()
