"""Splitting a data directory into one directory a job (Kaldi's split_data.sh and split_scp.pl)."""

import contextlib
import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import accumulate, islice, pairwise
from operator import le
from pathlib import Path

from speechlib.io import datadir_files as files
from speechlib.io.atomic import errors_named
from speechlib.io.file_digest import file_digest

_STAMP = ".split_of"


def split_data(
    path: str | os.PathLike, num_jobs: int, per_utt: bool = False, warn: Callable[[str], None] = lambda message: None
) -> Path:
    """Split a data directory into `<path>/split<num_jobs>/<job>`, jobs from 1; `split<num_jobs>utt` per utterance.

    Nothing is done where the parts are there and no file of the directory has changed since. Several processes may ask
    for the same split at once: one works, the others wait and find it done.

    Args:
        path: data directory.
        num_jobs: how many parts; at most as many as speakers (utterances with `per_utt`).
        per_utt: parts of equal numbers of utterances; otherwise a speaker is in one part and the parts are as even as
            Kaldi makes them, which is to the speaker.
        warn: is told about files whose keys are not the utterances of utt2spk.

    Returns:
        The directory that holds the parts.

    Raises:
        ValueError: more parts than speakers or utterances, or a line that cannot be read.
        OSError: there is no such data directory, or it cannot be written.
    """
    if num_jobs < 1:
        raise ValueError(f"cannot split {path} into {num_jobs} parts; the number of jobs must be at least 1")
    folder = Path(path)
    target = folder / f"split{num_jobs}{'utt' if per_utt else ''}"
    with _locked(folder) as is_locked:
        names = files.file_names(folder)
        stamp = {name: file_digest(folder / name) for name in names}
        if _is_current(target, num_jobs, stamp):
            return target
        if is_locked:
            for leftover in folder.glob(f".{target.name}.*.tmp"):
                shutil.rmtree(leftover)
        new = folder / f".{target.name}.{os.getpid()}.tmp"
        try:
            new.mkdir()
            for job in range(1, num_jobs + 1):
                (new / str(job)).mkdir()
            plan = _Plan(folder, num_jobs, per_utt)
            with errors_named(new):
                for name, parts in _split_files(folder, names, plan, warn):
                    for job, lines in enumerate(parts, 1):
                        (new / str(job) / name).write_bytes(files.join_lines(lines))
                (new / _STAMP).write_text(json.dumps(stamp))
            _replace_folder(new, target)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return target


def balance(counts: list[int], num_jobs: int) -> list[int]:
    """Cut a list of speakers into contiguous parts with similar numbers of utterances (Kaldi's split_scp.pl --utt2spk).

    Begins with equal numbers of speakers and moves speakers over the borders while that evens out two neighbours.

    Args:
        counts: utterances of each speaker, at least as many as `num_jobs`.
        num_jobs: number of parts.

    Returns:
        num_jobs + 1 borders: part j holds the speakers border[j] to border[j + 1] - 1; none is empty.
    """
    num_speakers = len(counts)
    borders = [-(-job * num_speakers // num_jobs) for job in range(num_jobs + 1)]
    sizes = [sum(counts[first:last]) for first, last in pairwise(borders)]
    has_changed = True
    while has_changed:
        has_changed = False
        for job in range(num_jobs):
            if job < num_jobs - 1:
                count = counts[borders[job + 1] - 1]
                difference = sizes[job + 1] - sizes[job]
                if abs(difference + 2 * count) < abs(difference):
                    sizes[job] -= count
                    sizes[job + 1] += count
                    borders[job + 1] -= 1
                    has_changed = True
            if job > 0:
                count = counts[borders[job]]
                difference = sizes[job] - sizes[job - 1]
                if abs(difference - 2 * count) < abs(difference):
                    sizes[job - 1] += count
                    sizes[job] -= count
                    borders[job] += 1
                    has_changed = True
    return borders


class _Plan:
    """Which job gets which utterance: jobs[i] for utterances[i], and what follows for other keys."""

    def __init__(self, folder: Path, num_jobs: int, per_utt: bool):
        self.num_jobs = num_jobs
        self.utterances, self.speakers = files.read_pairs(folder / "utt2spk")
        if per_utt:
            self.jobs = _even_jobs(len(self.utterances), num_jobs, folder)
        else:
            self.jobs = _speaker_jobs(self.speakers, num_jobs, folder)
        sizes = Counter(self.jobs)
        is_contiguous = all(map(le, self.jobs, islice(self.jobs, 1, None)))
        self._borders = list(accumulate((sizes[job] for job in range(num_jobs)), initial=0)) if is_contiguous else None

    def deal(self, lines: list, keys: list[bytes]) -> list[list]:
        """Lines by job, for lines whose keys are utterances; a key that is no utterance goes nowhere."""
        if self._borders and keys == self.utterances:
            return [lines[first:last] for first, last in pairwise(self._borders)]
        parts = [[] for _ in range(self.num_jobs)]
        for line, key in zip(lines, keys, strict=True):
            if key in self._job_of:
                parts[self._job_of[key]].append(line)
        return parts

    def deal_shared(self, lines: list[bytes], keys: list[bytes], jobs_of: dict[bytes, list[int]]) -> list[list[bytes]]:
        """Lines by job, for lines whose keys may be wanted by several jobs."""
        parts = [[] for _ in range(self.num_jobs)]
        for line, key in zip(lines, keys, strict=True):
            for job in jobs_of.get(key, ()):
                parts[job].append(line)
        return parts

    def jobs_by(self, owners: Iterable[bytes], utterances: Iterable[bytes] | None = None) -> dict[bytes, list[int]]:
        """Jobs that want each owner (speaker, recording) of the utterances; all utterances by default."""
        jobs = self.jobs if utterances is None else map(self._job_of.get, utterances)
        jobs_of: dict[bytes, list[int]] = {}
        for owner, job in zip(owners, jobs, strict=True):
            if job is not None and job not in jobs_of.setdefault(owner, []):
                jobs_of[owner].append(job)
        return jobs_of

    @cached_property
    def _job_of(self) -> dict[bytes, int]:
        return dict(zip(self.utterances, self.jobs, strict=True))


def _split_files(
    folder: Path, names: list[str], plan: _Plan, warn: Callable[[str], None]
) -> Iterator[tuple[str, list[list[bytes]]]]:
    utterances = plan.deal(plan.utterances, plan.utterances)
    speakers = plan.deal(plan.speakers, plan.utterances)
    pairs = list(zip(utterances, speakers, strict=True))
    yield "utt2spk", [list(map(b"%b %b".__mod__, zip(*pair, strict=True))) for pair in pairs]
    yield "spk2utt", [files.spk2utt_lines(*pair) for pair in pairs]
    speaker_jobs = plan.jobs_by(plan.speakers)
    recording_jobs = None  # without segments a recording is an utterance
    for name in names:
        if name in ("utt2spk", "spk2utt"):
            continue
        lines = files.read_lines(folder / name)
        kind = files.index_of(name)
        if kind == files.WHOLE:
            yield name, [lines] * plan.num_jobs
            continue
        keys = files.keys_of(lines, folder / name)
        if kind == files.SPEAKER and not files.is_by_utterance(name, keys, speaker_jobs):
            yield name, plan.deal_shared(lines, keys, speaker_jobs)
        elif kind in (files.RECORDING, files.ALIGNMENT) and recording_jobs is not None:
            if kind == files.ALIGNMENT:
                recording_jobs = plan.jobs_by(plan.utterances) | recording_jobs
            yield name, plan.deal_shared(lines, keys, recording_jobs)
        else:
            parts = plan.deal(lines, keys)
            if name == "segments":
                recording_jobs = plan.jobs_by(files.keys_of(lines, folder / name, field=1), keys)
            found = sum(map(len, parts))
            if name in ("feats.scp", "text", "segments") and found != len(plan.utterances):
                warn(
                    f"{folder / name} has lines for {found} of the {len(plan.utterances)} utterances of utt2spk; "
                    f"mend with: utils/fix_data_dir.sh {folder}"
                )
            yield name, parts


def _even_jobs(num_utterances: int, num_jobs: int, folder: Path) -> list[int]:
    if num_jobs > num_utterances:
        raise ValueError(
            f"cannot split {folder} into {num_jobs} parts: it has {num_utterances} utterances; use at most so many jobs"
        )
    size, remainder = divmod(num_utterances, num_jobs)
    return [job for job in range(num_jobs) for _ in range(size + (job < remainder))]


def _speaker_jobs(speakers: list[bytes], num_jobs: int, folder: Path) -> list[int]:
    counts = Counter(speakers)  # in order of first appearance, as Kaldi takes them
    if num_jobs > len(counts):
        raise ValueError(
            f"cannot split {folder} into {num_jobs} parts by speaker: it has {len(counts)} speakers; use at most that "
            f"many jobs, or --per-utt, which may divide a speaker's utterances"
        )
    borders = balance(list(counts.values()), num_jobs)
    names = list(counts)
    job_of = {name: job for job in range(num_jobs) for name in names[borders[job] : borders[job + 1]]}
    return [job_of[speaker] for speaker in speakers]


def _is_current(target: Path, num_jobs: int, stamp: dict[str, str]) -> bool:
    try:
        made_of = json.loads((target / _STAMP).read_text())
    except (OSError, ValueError):
        return False
    expected = {*stamp, "spk2utt"}
    return made_of == stamp and all(
        os.path.isfile(f"{target}/{job}/{name}") for job in range(1, num_jobs + 1) for name in expected
    )


def _replace_folder(new: Path, target: Path) -> None:
    if target.exists():
        old = new.with_suffix(".old.tmp")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old)
    else:
        new.rename(target)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold a lock on the directory itself, which leaves no file behind; tells whether the file system can lock."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such data directory")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            is_locked = True
        except OSError:
            is_locked = False
        yield is_locked
    finally:
        os.close(descriptor)
