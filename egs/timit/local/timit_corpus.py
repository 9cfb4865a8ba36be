"""Find TIMIT's sentences under a folder, whichever way the copy was unpacked, converted or renamed.

Layouts: the LDC's TRAIN|TEST/DRn/<speaker>/<sentence>.WAV in upper or lower case at any depth, its conversions
(SA1.WAV.wav, SA1.sph, SA1.flac, alone or beside the original), and NLTK's dr1-fvmh0/sa1.wav without TRAIN and TEST.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from local.walk import walk

_AUDIO = re.compile(r"(?P<sentence>(?:SA|SI|SX)\d+)\.(?P<suffix>WAV|WAV\.WAV|SPH|SPH\.WAV|NIST|FLAC|WAV\.FLAC)", re.I)
_SUFFIXES = ("WAV", "WAV.WAV", "SPH.WAV", "SPH", "NIST", "FLAC", "WAV.FLAC")  # the first that can be read is taken
_SPEAKER = re.compile(r"(?:DR(?P<region>[1-8])[-_])?(?P<speaker>[FM][A-Z]{3}\d)", re.I)
_REGION = re.compile(r"DR([1-8])", re.I)
_PARTS = ("TRAIN", "TEST")
_APPLE_DOUBLE = "._"
_LAYOUT = "TRAIN/DR1/FCJF0/SA1.WAV (any case) or dr1-fcjf0/sa1.wav"


@dataclass(frozen=True)
class Sentence:
    """One sentence of one speaker: audio files by preference, and label files by kind (TXT, WRD, PHN)."""

    name: str
    audio: tuple[Path, ...]
    labels: dict[str, Path]


@dataclass
class SpeakerFolder:
    """The folder of a speaker in one copy of the corpus."""

    speaker: str
    part: str | None
    region: str | None
    root: Path
    path: Path
    sentences: list[Sentence] = field(default_factory=list)

    @property
    def order(self) -> str:
        """Sorting by this is the lexicographic order of paths, the same for upper and lower case."""
        return "/".join(self.path.relative_to(self.root).parts).upper()


@dataclass
class Corpus:
    """The speakers of the copy that was chosen, in path order, and what was noticed on the way."""

    folders: list[SpeakerFolder]
    notes: list[str]

    def speakers(self, part: str) -> list[str]:
        """Speakers of TRAIN or TEST in path order."""
        return [folder.speaker for folder in self.folders if folder.part == part]


def find_corpus(top: str | os.PathLike) -> Corpus:
    """Find every speaker under `top`, once, and assign each to TRAIN or TEST.

    Where a folder holds several copies of a speaker, the copy with TRAIN and TEST folders is taken, then the fuller
    one, then the first in path order.

    Raises:
        OSError: `top` cannot be read.
        ValueError: there is no TIMIT sentence, or a speaker is in TRAIN and in TEST of one copy.
    """
    top = Path(os.path.abspath(top))
    if not top.is_dir():
        raise FileNotFoundError(f"{top}: no such folder: name the one that holds TIMIT's TRAIN and TEST")
    notes: list[str] = []
    found: list[SpeakerFolder] = []
    speaker_info: dict[str, str] = {}
    for path, names in walk(top):
        for name in names:
            if name.upper() == "SPKRINFO.TXT":
                speaker_info.update(_read_speaker_info(path / name))
        folder = _speaker_folder(top, path, names)
        if folder:
            found.append(folder)
    if not found:
        raise ValueError(f"{top}: no TIMIT sentence is there: files like {_LAYOUT} are expected at some depth")
    folders = _choose_copies(found, notes)
    folders.sort(key=lambda folder: folder.order)
    _check_once(folders)
    _assign_parts(folders, speaker_info, notes)
    return Corpus(folders, notes)


def _speaker_folder(top: Path, path: Path, names: list[str]) -> SpeakerFolder | None:
    match = _SPEAKER.fullmatch(path.name)
    if not match:
        return None
    audio: dict[str, dict[str, Path]] = {}
    labels: dict[str, dict[str, Path]] = {}
    orphans: dict[str, Path] = {}
    for name in names:
        hidden = name.startswith(_APPLE_DOUBLE)
        found = _AUDIO.fullmatch(name[len(_APPLE_DOUBLE) :] if hidden else name)
        if found and hidden:
            orphans[found["sentence"].upper()] = path / name
        elif found:
            audio.setdefault(found["sentence"].upper(), {}).setdefault(found["suffix"].upper(), path / name)
        else:
            stem, _, kind = name.rpartition(".")
            if kind.upper() in ("TXT", "WRD", "PHN"):
                labels.setdefault(stem.upper(), {}).setdefault(kind.upper(), path / name)
    for sentence, orphan in orphans.items():  # macOS metadata beside the recording is none of ours; alone it is a loss
        audio.setdefault(sentence, {"WAV": orphan})
    if not audio:
        return None
    root, part, region = _place(top, path)
    folder = SpeakerFolder(match["speaker"].upper(), part, match["region"] or region, root, path)
    for sentence in sorted(audio):
        files = tuple(audio[sentence][suffix] for suffix in _SUFFIXES if suffix in audio[sentence])
        folder.sentences.append(Sentence(sentence, files, labels.get(sentence, {})))
    return folder


def _place(top: Path, path: Path) -> tuple[Path, str | None, str | None]:
    """Root of the copy, part and dialect region, from the names of the folders above (`top` itself included)."""
    region = _REGION.fullmatch(path.parent.name)
    above = path.parent.parent if region else path.parent
    if above.name.upper() in _PARTS:
        return above.parent, above.name.upper(), region and region[1]
    return above, None, region and region[1]


def _choose_copies(found: list[SpeakerFolder], notes: list[str]) -> list[SpeakerFolder]:
    """Whole copies, the best first, as long as they share no speaker with those taken."""
    copies: dict[Path, list[SpeakerFolder]] = {}
    for folder in found:
        copies.setdefault(folder.root, []).append(folder)

    def preference(root: Path) -> tuple[bool, int, str]:
        folders = copies[root]
        return (all(f.part is None for f in folders), -sum(len(f.sentences) for f in folders), str(root))

    taken: list[SpeakerFolder] = []
    speakers: set[str] = set()
    for root in sorted(copies, key=preference):
        names = {folder.speaker for folder in copies[root]}
        if names & speakers:
            notes.append(
                f"{root} holds a second copy of {len(names & speakers)} speakers and is left out"
                f" with all its {len(names)} speakers"
            )
            continue
        speakers |= names
        taken += copies[root]
    return taken


def _check_once(folders: list[SpeakerFolder]) -> None:
    seen: dict[str, SpeakerFolder] = {}
    for folder in folders:
        other = seen.setdefault(folder.speaker, folder)
        if other is not folder:
            raise ValueError(f"speaker {folder.speaker} is in {other.path} and in {folder.path}: remove one of them")


def _read_speaker_info(path: Path) -> dict[str, str]:
    """TRAIN or TEST by speaker, from lines `VMH0  F  1  TRN ...` (the id lacks the sex)."""
    parts = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        fields = line.split()
        if len(fields) >= 4 and not line.startswith(";") and fields[3] in ("TRN", "TST"):
            parts[(fields[1] + fields[0]).upper()] = "TRAIN" if fields[3] == "TRN" else "TEST"
    return parts


def _assign_parts(folders: list[SpeakerFolder], speaker_info: dict[str, str], notes: list[str]) -> None:
    """TRAIN and TEST by folders; else by SPKRINFO.TXT; else the last third of the speakers in path order is TEST."""
    if {folder.part for folder in folders} == set(_PARTS):
        return
    by_info = [speaker_info.get(folder.speaker) for folder in folders]
    if set(by_info) == set(_PARTS):
        notes.append("the folders do not say who is TRAIN and who is TEST: taken from SPKRINFO.TXT")
        parts = by_info
    else:
        test = len(folders) // 3
        notes.append(
            "neither the folders nor SPKRINFO.TXT put speakers into both TRAIN and TEST: "
            f"the last third in path order ({test} of {len(folders)} speakers) is TEST"
        )
        parts = ["TRAIN"] * (len(folders) - test) + ["TEST"] * test
    for folder, part in zip(folders, parts, strict=True):
        folder.part = part
