"""Lists of noises and room responses, found in folders of audio: MUSAN, RIRS_NOISES, and any others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.audio_files import SUFFIXES
from speechlib.io.bad_audio import BadAudio
from speechlib.io.recording import open_recording
from speechlib.io.text_files import read_lines

LIST_NAME = "clips.tsv"
RESPONSE = "rir"
KINDS = ("noise", "music", "speech", RESPONSE)
_WORDS = {
    RESPONSE: {"rir", "rirs"},
    "music": {"music"},
    "speech": {"speech", "babble"},
    "noise": {"noise", "noises"},
}
_ROOM = re.compile(r"(small|medium|large)_?room")


@dataclass(frozen=True)
class ClipEntry:
    """One line of a list of clips: samples are those of one channel at the file's own rate."""

    kind: str
    room: str  # of an impulse response: smallroom, mediumroom, largeroom, real or other; - for other kinds
    name: str
    rate: int
    channels: int
    samples: int
    path: str


def find_clips(folder: str | os.PathLike, unnamed: str = "noise") -> tuple[list[ClipEntry], list[BadAudio]]:
    """Look for audio below a folder and say from the folders' names what each file is.

    MUSAN has music, noise and speech; RIRS_NOISES has simulated_rirs/{small,medium,large}room, pointsource_noises and,
    mixed, real_rirs_isotropic_noises. Elsewhere a folder whose name has the word rir, noise, music or speech says it.

    Args:
        folder: searched with all folders below it, links followed.
        unnamed: the kind of files that no folder's name tells: noise, or rir where none is named as such.

    Returns:
        The clips sorted by name, and what is wrong with files that cannot be opened.

    Raises:
        FileNotFoundError: no such folder. ValueError: there is no audio in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder of noises or impulse responses")
    label = Path(os.path.abspath(root)).name
    named = [(path, _kind_of(path.relative_to(root), label)) for path in _audio_files(root)]
    if not named:
        raise ValueError(f"{root}: no audio in it: expected files that end in {', '.join(SUFFIXES)}")
    if unnamed == RESPONSE and any(kind == RESPONSE for _, kind in named):
        unnamed = "noise"
    clips, bad = [], []
    for path, kind in named:
        try:
            with open_recording(path) as recording:
                size = recording.rate, recording.channels, recording.samples
        except BadAudio as error:
            bad.append(error)
            continue
        kind = kind or unnamed
        room = _room_of(path.relative_to(root)) if kind == RESPONSE else "-"
        name = f"{label}/{path.relative_to(root)}"
        clips.append(ClipEntry(kind, room, name, *size, os.path.abspath(path)))
    return sorted(clips, key=lambda clip: clip.name), bad


def list_clips(path: str | os.PathLike, unnamed: str = "noise") -> list[ClipEntry]:
    """The clips of a list, of a folder that holds one (clips.tsv), or below a folder of audio (see `find_clips`).

    Raises:
        OSError: no such file or folder.
        ValueError: a bad line, with file:line; or audio that cannot be read: write a list without it.
    """
    path = Path(path)
    if path.is_file():
        return read_clips(path)
    if (path / LIST_NAME).is_file():
        return read_clips(path / LIST_NAME)
    clips, bad = find_clips(path, unnamed)
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(clips) + len(bad)} files below {path} cannot be read (local/prepare_noise.sh "
            f"--max-bad makes a list without them); the first: {bad[0]}"
        )
    return clips


def write_clips(path: str | os.PathLike, clips: Iterable[ClipEntry]) -> None:
    """Write a list of clips, whole or not at all.

    Raises:
        ValueError: a tab or line break in a name, or a name twice.
    """
    lines = ["\t".join(field.name for field in fields(ClipEntry))]
    names: set[str] = set()
    for clip in clips:
        values = [str(value) for value in astuple(clip)]
        if any("\t" in value or "\n" in value for value in values):
            raise ValueError(f"{clip.path!r}: a tab or line break in the name of a file: rename it")
        if clip.name in names:
            raise ValueError(f"two clips are called {clip.name}: rename one of the folders")
        names.add(clip.name)
        lines.append("\t".join(values))
    write_text(path, "\n".join(lines) + "\n")


def read_clips(path: str | os.PathLike) -> list[ClipEntry]:
    """Read a list that `write_clips` wrote.

    Raises:
        ValueError: a bad line, with file:line. OSError: no such file.
    """
    header = [field.name for field in fields(ClipEntry)]
    clips = []
    for number, line in enumerate(read_lines(path), 1):
        values = line.split("\t")
        if number == 1 and values == header:
            continue
        try:
            kind, room, name, rate, channels, samples, source = values
            clip = ClipEntry(kind, room, name, int(rate), int(channels), int(samples), source)
            if kind not in KINDS or min(clip.rate, clip.channels, clip.samples) < 1:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"{path}:{number}: expected {len(header)} columns with tabs between them: {' '.join(header)}, kind "
                f"being one of {', '.join(KINDS)}; make the list again with local/prepare_noise.sh"
            ) from None
        clips.append(clip)
    return clips


def _audio_files(root: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        place = os.path.realpath(folder)
        if place in seen:  # a link that leads back
            below.clear()
            continue
        seen.add(place)
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _kind_of(path: Path, label: str) -> str | None:
    folders = path.parts[:-1]
    if "real_rirs_isotropic_noises" in (*folders, label):
        return "noise" if "noise" in _words(path.name) else RESPONSE
    for folder in (*reversed(folders), label):
        kinds = [kind for kind, words in _WORDS.items() if words & _words(folder)]
        if len(kinds) == 1:
            return kinds[0]
    return None


def _room_of(path: Path) -> str:
    for folder in path.parts[:-1]:
        match = _ROOM.search(folder.lower())
        if match:
            return f"{match[1]}room"
    return "real" if "real_rirs_isotropic_noises" in path.parts else "other"
