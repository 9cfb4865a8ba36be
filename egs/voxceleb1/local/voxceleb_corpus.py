"""Find VoxCeleb1's utterances, lists and speaker table under a folder, in the layout of either release.

The current release: [dev/|test/]wav/id10001/<video>/00001.wav. The first one (2017): Name/<video>_0000001.wav. The two
number a video's utterances alike, and vox1_meta.csv says which id is which name.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.walk import walk

_SUFFIX = r"\.(?:wav|flac)"
_NUMBERED = re.compile(rf"(?P<segment>\d{{3,7}}){_SUFFIX}", re.I)
_FLAT = re.compile(rf"(?P<video>.+)_(?P<segment>\d{{5,7}}){_SUFFIX}", re.I)
_UTTERANCE = re.compile(r"(?P<speaker>.+?)-(?P<video>.{11})-(?P<segment>\d{5,7})")
META = "vox1_meta.csv"
TRIALS = ("veri_test.txt", "voxceleb1_veri_test.txt", "voxceleb1_test_v2.txt", "voxceleb1_test.txt")
CLEANED = ("veri_test2.txt", "voxceleb1_veri_test2.txt", "voxceleb1_veri_test_fixed.txt")
IDENTIFICATION = ("iden_split.txt", "iden_split_sample.txt")
_LAYOUT = "wav/id10001/1zcIwhmdeo4/00001.wav or A.J._Buckley/1zcIwhmdeo4_0000001.wav"
Key = tuple[str, str, int]  # speaker by id where that is known, video, number of the utterance in it


@dataclass(frozen=True)
class Meta:
    """The speaker table: by id the name, gender (`m`, `f`) and set (`dev`, `test`); by name the id."""

    names: Mapping[str, str] = field(default_factory=dict)
    genders: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    def identity(self, speaker: str) -> str:
        """The id of a speaker who is given by id or by name; what is in no table stays as it is."""
        return self.ids.get(speaker, speaker)

    def key(self, name: str) -> Key | None:
        """What a name of a list means: a path in either layout, whatever stands before it, or an utterance id."""
        parts = name.split("/")
        if len(parts) == 1 and (match := _UTTERANCE.fullmatch(name)):
            return self.identity(match["speaker"]), match["video"], int(match["segment"])
        found = _place(parts)
        return None if found is None else (self.identity(found[0]), found[1], int(found[2]))


def _place(parts: list[str]) -> tuple[str, str, str] | None:
    """Speaker, video and number from the end of a path."""
    if len(parts) >= 3 and (match := _NUMBERED.fullmatch(parts[-1])):
        return parts[-3], parts[-2], match["segment"]
    if len(parts) >= 2 and (match := _FLAT.fullmatch(parts[-1])):
        return parts[-2], match["video"], match["segment"]
    return None


@dataclass(frozen=True)
class Recording:
    """An utterance of the corpus: the speaker as the folder is called, the video, the number as in the file's name."""

    speaker: str
    video: str
    segment: str
    path: Path


@dataclass
class Corpus:
    """What was found: utterances by key, in path order, the official lists by file name, and the speaker table."""

    recordings: dict[Key, Recording]
    lists: dict[str, Path]
    meta: Meta
    notes: list[str]

    def label(self, identity: str) -> str:
        """How a speaker is called: as the folder is; by id where the folders disagree."""
        return self._labels[identity]

    def __post_init__(self) -> None:
        labels: dict[str, str] = {}
        for (identity, _, _), recording in self.recordings.items():
            label = labels.setdefault(identity, recording.speaker)
            if label != recording.speaker:
                labels[identity] = identity
        self._labels = labels

    def list_file(self, names: tuple[str, ...]) -> Path | None:
        """The first of several files that is there."""
        return next((self.lists[name] for name in names if name in self.lists), None)


def find_corpus(top: str | os.PathLike, lists: str | os.PathLike | None = None) -> Corpus:
    """Find everything under `top`; lists and the speaker table also, and first, under `lists`.

    Raises:
        OSError: a folder cannot be read.
        ValueError: no utterance is there, or a line of the speaker table is none.
    """
    top = Path(os.path.abspath(top))
    if not top.is_dir():
        raise FileNotFoundError(f"{top}: no such folder: name the one that holds VoxCeleb1's wav or dev and test")
    wanted = {META, *TRIALS, *CLEANED, *IDENTIFICATION}
    files: dict[str, Path] = {}
    recordings: list[Recording] = []
    if lists is not None:
        for path, names in walk(Path(os.path.abspath(lists))):
            for name in wanted.intersection(names):
                files.setdefault(name, path / name)
    for path, names in walk(top):
        for name in wanted.intersection(names):
            files.setdefault(name, path / name)
        above = path.parts[-2:]
        for name in names:
            found = None if name.startswith(".") else _place([*above, name])
            if found:
                recordings.append(Recording(*found, path / name))
    if not recordings:
        raise ValueError(f"{top}: no utterance of VoxCeleb1 is there: files like {_LAYOUT} are expected at some depth")
    meta = read_meta(files[META]) if META in files else Meta()
    by_key: dict[Key, Recording] = {}
    for recording in recordings:
        key = (meta.identity(recording.speaker), recording.video, int(recording.segment))
        by_key.setdefault(key, recording)
    twice = len(recordings) - len(by_key)
    notes = [f"{twice} utterances are there twice; the first in path order is taken"] if twice else []
    return Corpus(by_key, files, meta, notes)


def read_meta(path: Path) -> Meta:
    """Read vox1_meta.csv: id, name, gender, nationality, set, separated by tabs (or commas); the first line is a title.

    Raises:
        ValueError: a line with fewer than three fields, a gender other than m and f, or a speaker who comes twice.
    """
    names: dict[str, str] = {}
    genders: dict[str, str] = {}
    sets: dict[str, str] = {}
    ids: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        fields = [entry.strip() for entry in line.split("\t" if "\t" in line else ",")]
        if number == 1 and "gender" in line.lower() or not line.strip():
            continue
        if len(fields) < 3 or not all(fields[:3]) or fields[2].lower() not in ("m", "f"):
            raise ValueError(
                f"{path}:{number}: {line!r}: expected '<id> <name> m|f <nationality> dev|test', separated by tabs; "
                "fetch the file again"
            )
        identity, name = fields[:2]
        if identity in names or name in ids:
            raise ValueError(f"{path}:{number}: speaker {identity} {name} was there already; keep one line")
        names[identity], ids[name], genders[identity] = name, identity, fields[2].lower()
        if len(fields) >= 5:
            sets[identity] = fields[4].lower()
    return Meta(names, genders, sets, ids)
