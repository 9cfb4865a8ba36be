"""Emotion corpora that say everything in their files' names: EmoDB, RAVDESS, AESDD, the Polish set."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from emotion_corpus import tell

from local.walk import walk

NAMES = {
    "emodb": re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[WLEAFTN])(?P<version>[a-z]?)"),
    "ravdess": re.compile(
        r"(?P<modality>\d\d)-(?P<channel>\d\d)-(?P<emotion>\d\d)-(?P<intensity>\d\d)-(?P<statement>\d\d)"
        r"-(?P<repetition>\d\d)-(?P<actor>\d\d)"
    ),
    # the speaker is (1) or (01); a second take has a letter behind
    "aesdd": re.compile(r"(?P<emotion>[adfhs])(?P<sentence>\d\d) *\((?P<speaker>\d+)\) *(?P<take>[a-z]?)"),
    "polish": re.compile(r"(?P<speaker>(?P<gender>[mf])\d+)\.(?P<emotion>[ans])_(?P<word>\w+)_(?P<repetition>\d+)"),
}
_AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3")
_SHOWN = 3


def audio_files(corpus: Path) -> list[Path]:
    """All audio files below a folder, in path order, without macOS's `._` files.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not corpus.is_dir():
        raise FileNotFoundError(f"{corpus}: no such folder")
    return [
        folder / name
        for folder, names in walk(corpus)
        for name in names
        if name.lower().endswith(_AUDIO) and not name.startswith("._")
    ]


def named_files(program: str, corpus: Path, kind: str) -> list[tuple[Path, dict[str, str]]]:
    """The audio files of a corpus with the parts of their names, in path order; says what is left out.

    Of several files of one name that is taken which lies among most of the others, of equals the first.

    Args:
        program: named in messages.
        corpus: its folder.
        kind: one of NAMES.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no audio file has such a name.
    """
    found: dict[str, list[Path]] = {}
    others = []
    for path in audio_files(corpus):
        if NAMES[kind].fullmatch(path.stem):
            found.setdefault(path.stem, []).append(path)
        else:
            others.append(path.relative_to(corpus))
    if not found:
        seen = f", such as {others[0]}" if others else " at all"
        raise ValueError(f"{corpus}: no audio file with a name as {kind} has them, {len(others)} others{seen}")
    company = Counter(path.parent for paths in found.values() for path in paths)
    chosen = {stem: max(paths, key=lambda path: company[path.parent]) for stem, paths in found.items()}
    copies = [path.relative_to(corpus) for stem, paths in found.items() for path in paths if path != chosen[stem]]
    for what, left in (("have other names", others), ("are there already under the same name", copies)):
        if left:
            tell(program, f"{len(left)} audio files {what} and are left out: {_some(left)}")
    return [(path, NAMES[kind].fullmatch(stem).groupdict()) for stem, path in sorted(chosen.items())]


def known(path: Path, table: dict[str, str], what: str, code: str) -> str:
    """What a code in a name stands for.

    Raises:
        ValueError: it is not in the table.
    """
    if code not in table:
        raise ValueError(f"{path}: {what} {code} is none of {', '.join(table)}: is the name right?")
    return table[code]


def _some(paths: Iterable[Path]) -> str:
    paths = list(paths)
    return ", ".join(map(str, paths[:_SHOWN])) + (", ..." if len(paths) > _SHOWN else "")
