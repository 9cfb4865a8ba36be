"""Which augmented copies of a data directory there shall be, and the data directory of those that were made."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from speechlib.io import datadir_files as files
from speechlib.io.atomic import write_text
from speechlib.io.datadir import DataDir

SPEED_PREFIX = "sp"  # Kaldi's perturb_data_dir_speed.sh: sp0.9
_OF_THE_ORIGINAL = {"wav.scp", "segments", "feats.scp", "cmvn.scp", "utt2spk", "spk2utt", "utt2dur", "utt2uniq"}
_OF_ITS_FRAMES = {"vad.scp", "utt2num_frames"}


class PlannedCopy(NamedTuple):
    """A copy: the new utterance, the one it is made from, a kind of augmentation or sp<factor>, and its speaker."""

    utterance: str
    source: str
    kind: str
    speaker: str

    @property
    def speed(self) -> float | None:
        """The factor of a copy of another speed, None for other kinds."""
        if not self.kind.startswith(SPEED_PREFIX):
            return None
        return float(self.kind.removeprefix(SPEED_PREFIX))


def plan_copies(
    data_dir: str | os.PathLike, kinds: Sequence[str], subset: int | None = None, seed: int = 0, new_speakers=False
) -> list[PlannedCopy]:
    """Plan one copy of every utterance for each kind, or a random subset of all of these.

    New utterances are called `<utterance>-<kind>` and keep their speaker. With `new_speakers`, copies of another speed
    are `sp0.9-<utterance>` of the speaker `sp0.9-<speaker>`, as in Kaldi's perturb_data_dir_speed.sh.

    Args:
        data_dir: with utt2spk.
        kinds: of the augmentation, and sp<factor> for speeds.
        subset: how many copies; None for all.
        seed: of the subset.
        new_speakers: see above.

    Returns:
        The copies sorted by source and kind, so that what is made from one recording is made together.

    Raises:
        ValueError: the subset is larger than all, or not positive; an utterance would be called as another is.
        OSError: no utt2spk.
    """
    data = DataDir(data_dir)
    speakers = data.utt2spk
    copies = []
    for source in data.utterances():
        for kind in sorted(set(kinds)):
            if new_speakers and kind.startswith(SPEED_PREFIX):
                copies.append(PlannedCopy(f"{kind}-{source}", source, kind, f"{kind}-{speakers[source]}"))
            else:
                copies.append(PlannedCopy(f"{source}-{kind}", source, kind, speakers[source]))
    taken = next((copy for copy in copies if copy.utterance in speakers), None)
    if taken is not None:
        raise ValueError(f"{data.path}: has an utterance {taken.utterance} already: it seems to be augmented itself")
    if subset is None:
        return copies
    if not 1 <= subset <= len(copies):
        raise ValueError(
            f"--subset {subset}: there are {len(copies)} copies to choose from, {len(set(kinds))} of each of the "
            f"{len(speakers)} utterances of {data.path}"
        )
    chosen = random.Random(seed).sample(range(len(copies)), subset)
    return [copies[index] for index in sorted(chosen)]


def write_plan(path: str | os.PathLike, copies: Iterable[PlannedCopy]) -> None:
    """Write planned copies, one a line."""
    write_text(path, "".join(" ".join(copy) + "\n" for copy in copies))


def read_plan(path: str | os.PathLike) -> list[PlannedCopy]:
    """Read what `write_plan` wrote.

    Raises:
        ValueError: a bad line, with file:line. OSError: no such file.
    """
    copies = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            fields = line.split()
            if len(fields) != 4:
                raise ValueError(f"{path}:{number}: expected `<utterance> <source> <kind> <speaker>`, plan it again")
            copies.append(PlannedCopy(*fields))
    return copies


def split_plan(copies: Sequence[PlannedCopy], num_jobs: int) -> list[list[PlannedCopy]]:
    """Cut a plan into jobs of about equal numbers of copies; those of one source stay together."""
    jobs: list[list[PlannedCopy]] = [[] for _ in range(num_jobs)]
    job = 0
    for index, copy in enumerate(copies):
        if index and copy.source != copies[index - 1].source:
            job = max(job, index * num_jobs // len(copies))
        jobs[job].append(copy)
    return [job for job in jobs if job]


def write_augmented_dir(
    data_dir: str | os.PathLike,
    out_dir: str | os.PathLike,
    copies: Iterable[PlannedCopy],
    wav_scp: Mapping[str, str],
    durations: Mapping[str, str],
) -> None:
    """Write the data directory of the copies that were made.

    Labels, texts, and the voicing decisions and numbers of frames of the clean utterances go with their copies; these
    two not if there are copies of another speed, whose frames are others. Features, segments and alignments do not.

    Args:
        data_dir: that the copies were planned for.
        out_dir: to write; data files that are there already are replaced.
        copies: the plan; those without audio are left out.
        wav_scp: entry by new utterance.
        durations: seconds by new utterance, as text.

    Raises:
        ValueError: no copy has audio, or a line of the source that cannot be read.
    """
    made = sorted(copy for copy in copies if copy.utterance in wav_scp)
    if not made:
        raise ValueError(f"{out_dir}: no copy was made: see the logs")
    folder = Path(data_dir)

    def lines():
        utt2spk = [f"{copy.utterance} {copy.speaker}".encode() for copy in made]
        yield "utt2spk", utt2spk
        yield "spk2utt", files.spk2utt_lines(*files.pairs_of(utt2spk, "utt2spk"))
        yield "wav.scp", [f"{copy.utterance} {wav_scp[copy.utterance]}".encode() for copy in made]
        yield "utt2dur", [f"{copy.utterance} {durations[copy.utterance]}".encode() for copy in made]
        names = files.file_names(folder)
        originals = dict(zip(*files.read_pairs(folder / "utt2uniq"), strict=True)) if "utt2uniq" in names else {}
        uniq = ((copy.utterance.encode(), copy.source.encode()) for copy in made)
        yield "utt2uniq", [b"%b %b" % (utterance, originals.get(source, source)) for utterance, source in uniq]
        for name in names:
            if name not in _OF_THE_ORIGINAL and (carried := _carried(folder / name, made)) is not None:
                yield name, carried

    files.write_files(out_dir, lines())


def _carried(path: Path, made: list[PlannedCopy]) -> list[bytes] | None:
    """The lines of a file of the clean directory for the copies, None for a file that does not go with them."""
    kind = files.index_of(path.name)
    if kind not in (files.UTTERANCE, files.SPEAKER, files.WHOLE):
        return None
    lines = files.read_lines(path)
    if kind == files.WHOLE:
        return lines
    if kind == files.SPEAKER:
        pairs = {(c.speaker, c.speaker if c.speed is None else c.speaker.removeprefix(f"{c.kind}-")) for c in made}
    else:
        if path.name in _OF_ITS_FRAMES and any(copy.speed is not None for copy in made):
            return None
        pairs = {(copy.utterance, copy.source) for copy in made}
    values = dict(zip(files.keys_of(lines, path), lines, strict=True))
    named = ((new.encode(), old.encode()) for new, old in sorted(pairs))
    return [new + values[old].lstrip()[len(old) :] for new, old in named if old in values] or None
