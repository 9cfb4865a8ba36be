"""Recordings at another sampling rate: as 16-bit copies in a folder of their own, or in place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from speechlib.augment.speed import resample
from speechlib.experiments.augmenting import write_copy
from speechlib.experiments.features import REPORT_SECONDS
from speechlib.io.audio import audio_info, read_audio
from speechlib.io.bad_audio import BadAudio
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import sample_keys
from speechlib.io.made_files import MadeFiles
from speechlib.io.samples import Samples
from speechlib.io.sound_files import rewritable, rewrite_sound

_LOWEST, _HIGHEST = 1000, 384000  # Hz


def wanted_rate(ini: ExperimentIni) -> int:
    """RESAMPLE.rate.

    Raises:
        ValueError: no rate of audio.
    """
    rate = ini.get("RESAMPLE", "rate")
    if not _LOWEST <= rate <= _HIGHEST:
        raise ini.error("RESAMPLE", "rate", f"expected {_LOWEST} to {_HIGHEST} Hz, got {rate}")
    return rate


def resampled_copies(samples: Samples, rate: int, folder: Path, say: Callable[[str], None]) -> Samples:
    """Write a copy of every recording, one channel at the rate, 16-bit WAV; those that are there already excepted.

    The channel is the database's, else the first. The level stays, but for recordings that would be clipped: these are
    made softer, which is said.

    Args:
        samples: whole recordings, or pieces of them; recordings are copied whole, once.
        rate: Hz.
        folder: for the copies, which keep the names of files below that of their database.
        say: is told about progress.

    Returns:
        The samples with the copies as their recordings.

    Raises:
        ValueError: recordings that cannot be used; all are listed.
    """
    sources = list(dict.fromkeys(zip(samples.entries, samples.channels, strict=True)))
    first = [next(r for r, own in enumerate(zip(samples.entries, samples.channels, strict=True)) if own == source)
             for source in sources]  # fmt: skip
    whole = samples.take(first)
    whole.starts[:], whole.ends[:] = 0.0, -1.0
    names, keys = copy_names(whole), sample_keys(whole)
    files, paths, problems, gains, several = MadeFiles(folder), {}, [], [], 0
    reported = time.monotonic()
    for row, source in enumerate(sources):

        def write(path: Path, source=source) -> None:
            audio, old = read_audio(source[0], channel=0 if source[1] is None else source[1])
            gains.append(write_copy(path, resample(audio, old, rate) if old != rate else audio, rate))

        try:
            several += source[1] is None and audio_info(source[0]).channels > 1
            paths[source] = str(files.make(names[row], {"recording": keys[row], "rate": rate}, write))
        except (BadAudio, ValueError) as error:
            problems.append(f"{whole.names[row]}: {error}")
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            say(f"{row + 1} of {len(sources)} recordings")
    _raise_all(problems, len(sources))
    if several:
        say(f"note: {several} recordings have more than one channel: the first was taken")
    _say_softer(gains, say)
    say(f"{files.num_made} copies made, {files.num_kept} were there")
    entries = [paths[source] for source in zip(samples.entries, samples.channels, strict=True)]
    return Samples(samples.databases, samples.names, entries, samples.starts, samples.ends, [None] * len(samples),
                   samples.columns)  # fmt: skip


def resample_in_place(samples: Samples, rate: int, say: Callable[[str], None]) -> int:
    """Replace every recording that has another rate by itself at this rate; format and channels stay.

    Each file is replaced whole or not at all. Nothing is touched before all have been looked at.

    Args:
        samples: whole recordings, or pieces of them.
        rate: Hz.
        say: is told about progress.

    Returns:
        The number of files that were replaced.

    Raises:
        ValueError: recordings that are no plain files, or whose format cannot be written; all are listed.
    """
    entries = sorted(set(samples.entries))
    problems, wanted = [], []
    for entry in entries:
        if entry.endswith("|") or not os.path.isfile(entry) or os.path.islink(entry):
            problems.append(f"{entry}: no plain file, only such are replaced")
            continue
        why = rewritable(entry, rate)
        if why:
            problems.append(why)
        elif audio_info(entry).rate != rate:
            wanted.append(entry)
    _raise_all(problems, len(entries), "; set replace = False to have copies")
    gains, reported = [], time.monotonic()
    for number, entry in enumerate(wanted, 1):
        gains.append(rewrite_sound(entry, rate, resample))
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            say(f"{number} of {len(wanted)} recordings")
    _say_softer(gains, say)
    return len(wanted)


def copy_names(recordings: Samples) -> list[str]:
    """`<database>/<path below the common folder>.wav` of files, and the utterance's name of other entries.

    Where two would have the same name, the old ending or the channel stays in it.
    """
    names, taken = [], set()
    common: dict[str, str] = {}
    for database, entry in zip(recordings.databases, recordings.entries, strict=True):
        if os.path.isfile(entry):
            folder = os.path.dirname(os.path.abspath(entry))
            common[database] = os.path.commonpath([common.get(database, folder), folder])
    for row, (database, entry) in enumerate(zip(recordings.databases, recordings.entries, strict=True)):
        if os.path.isfile(entry):
            name = os.path.relpath(os.path.abspath(entry), common[database])
        else:
            name = recordings.names[row].replace(os.sep, "_")
        stem, ending = os.path.splitext(name) if os.path.isfile(entry) else (name, "")
        channel = recordings.channels[row]
        for candidate in (stem, f"{stem}{ending}", f"{stem}{ending}-channel{channel}", f"{stem}{ending}-{row}"):
            full = os.path.join(database, f"{candidate}.wav")
            if full not in taken:
                break
        taken.add(full)
        names.append(full)
    return names


def _raise_all(problems: list[str], total: int, mend: str = "") -> None:
    if problems:
        raise ValueError(f"{len(problems)} of {total} recordings cannot be resampled{mend}:\n  "
                         + "\n  ".join(problems))  # fmt: skip


def _say_softer(gains: list[float], say: Callable[[str], None]) -> None:
    softer = [gain for gain in gains if gain < 1]
    if softer:
        say(f"{len(softer)} recordings are softer, by {-20 * np.log10(min(softer)):.2f} dB at most, so that no sample "
            "is clipped")  # fmt: skip
