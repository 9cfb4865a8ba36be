"""Databases of labelled audio as samples: CSV files, Kaldi data directories, audformat databases."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.audformat_tables import read_database
from speechlib.io.cli import nearest
from speechlib.io.datadir import DataDir
from speechlib.io.label_csv import LabelCsv, read_label_csv, seconds_of
from speechlib.io.samples import Samples
from speechlib.io.utterance_audio import parse_segment

_NO_TIME = (None, "NaT", "nan")


def read_csv_database(
    name: str,
    path: str | os.PathLike,
    *,
    audio_path: str = "",
    absolute_path: bool = True,
    colnames: Mapping[str, str] | None = None,
    channel: int | None = None,
) -> Samples:
    """Read a CSV file: `file`, perhaps `start` and `end`, and any labels.

    Args:
        name: of the database.
        path: the file.
        audio_path: folder that the file names are below.
        absolute_path: False: that folder is below the CSV file's own. True: file names are relative to the working
            directory; where none of them is there, they are taken relative to the CSV file's folder.
        colnames: new names of columns by those in the file.
        channel: of recordings with several.

    Raises:
        ValueError: a header without `file`, a bad line, missing audio files (all are listed); with file and line.
    """
    table = read_label_csv(path, colnames)
    below = os.path.join(os.path.dirname(os.path.abspath(path)), audio_path)
    listed = table.columns.pop("file")
    plain = [os.path.join(audio_path, file) for file in listed]
    beside = [os.path.join(below, file) for file in listed]
    entries = plain if absolute_path and any(map(os.path.exists, plain)) else beside
    missing = [
        f"line {line}: {entry}"
        for line, entry in zip(table.lines, entries, strict=True)
        if entry.rstrip().endswith("|") or not os.path.isfile(entry)
    ]
    if missing:
        raise ValueError(
            f"{path}: {len(missing)} of {len(entries)} audio files are not there; correct the names, or give "
            f"{name}.audio_path:\n  " + "\n  ".join(missing)
        )
    starts, ends = (_times(path, table, column, default) for column, default in (("start", 0.0), ("end", -1.0)))
    _check_once(path, listed, starts, table.lines)
    return _samples(name, listed, entries, starts, ends, channel, table.columns)


def read_kaldi_database(name: str, path: str | os.PathLike, *, channel: int | None = None) -> Samples:
    """Read a data directory: wav.scp, segments, utt2spk, spk2gender, text, and a column for each utt2<label>.

    Raises:
        ValueError, OSError: as `DataDir`; or an utterance without recording.
    """
    data = DataDir(path)
    utterances = data.utterances()
    recordings, segments = data.map("wav.scp"), data.map("segments")
    if recordings is None:
        raise FileNotFoundError(f"{path}/wav.scp: no such file: an experiment needs the audio")
    starts, ends, entries, channels = [], [], [], []
    for utterance in utterances:
        recording, start, end, own = utterance, 0.0, -1.0, channel
        if segments is not None:
            if utterance not in segments:
                raise ValueError(f"{path}/segments: {utterance} of utt2spk is not there")
            recording, start, end, own = parse_segment(segments[utterance])
            own = channel if own is None else own
        if recording not in recordings:
            raise ValueError(f"{path}/wav.scp: the recording {recording} of {utterance} is not there")
        entries.append(recordings[recording])
        starts.append(start)
        ends.append(end)
        channels.append(own)
    columns = {"speaker": data.utt2spk}
    genders = data.map("spk2gender") or data.map("spk2sex")
    if genders:
        columns["gender"] = {utterance: genders.get(speaker) for utterance, speaker in data.utt2spk.items()}
    text = data.map("text")
    if text:
        columns["text"] = text
    for file in sorted(Path(path).glob("utt2*")):
        label = file.name[4:]
        if label not in ("spk", "dur", "num_frames", "uniq", "lang") and file.is_file():
            columns[label] = data.map(file.name) or {}
    table = {label: [values.get(utterance) for utterance in utterances] for label, values in columns.items()}
    samples = _samples(name, utterances, entries, starts, ends, None, table)
    samples.channels[:] = channels
    return samples


def read_audformat_database(
    name: str,
    path: str | os.PathLike,
    *,
    target: str,
    tables: Mapping[str, Sequence[str] | None],
    channel: int | None = None,
) -> Samples:
    """Read an audformat database: rows of the tables that have the target, with what is known of files and speakers.

    Args:
        name: of the database.
        path: its folder.
        target: column of the labels, or an attribute of speakers.
        tables: by `target`, the tables with labels; None or nothing: all that have the target. By `files`
            and the parts (train, dev, test), tables that must be there.
        channel: of recordings with several.

    Returns:
        Samples; for each table `t`, a column `table:t` has a value where the sample is in it.

    Raises:
        ValueError: no such table, none with the target, or missing audio files (all are listed).
    """
    database = read_database(path)
    for part, listed in tables.items():
        unknown = [str(table) for table in listed or () if str(table) not in database.tables]
        if unknown and part in ("target", "files"):
            raise ValueError(f"{path}: no table {', '.join(unknown)}; it has {', '.join(database.tables)}")
    wanted = list(tables.get("target") or ()) or [
        table.name for table in database.tables.values() if target in table.columns
    ]
    # An attribute of speakers (age) is the column of no table, but known of the rows that name them.
    wanted = wanted or [
        name for name in database.tables if any(target in row.values for row in database.joined_rows(name))
    ]
    if not wanted:
        columns = sorted({column for table in database.tables.values() for column in table.columns})
        raise ValueError(f"{path}: no table has the column {target!r}{nearest(target, columns)}")
    rows = {}
    for table in wanted:
        for row in database.joined_rows(str(table)):
            place = (row.file, row.start, row.end)
            values = {**row.values}
            for column in ("text", "transcription"):
                if column in values:
                    values["text"] = row.texts.get(column, values[column])
            rows[place] = {**rows.get(place, {}), **values}
    places = sorted(rows)
    entries = [os.path.join(path, file) for file, _, _ in places]
    missing = sorted({entry for entry in entries if entry.rstrip().endswith("|") or not os.path.isfile(entry)})
    if missing:
        raise ValueError(f"{path}: {len(missing)} audio files are not there:\n  " + "\n  ".join(missing))
    names = list(dict.fromkeys(column for values in rows.values() for column in values))
    columns = {column: [rows[place].get(column) for place in places] for column in names}
    for table in database.tables:
        members = {(row.file, row.start, row.end) for row in database.rows(table)}
        columns[f"table:{table}"] = [table if place in members else None for place in places]
    files, starts, ends = ([place[field] for place in places] for field in range(3))
    return _samples(name, files, entries, starts, ends, channel, columns)


def _times(path, table: LabelCsv, column: str, default: float) -> list[float]:
    texts = table.columns.pop(column, [None] * len(table.lines))
    return [
        default if text in _NO_TIME else seconds_of(text, f"{path}:{line}: {column}")
        for text, line in zip(texts, table.lines, strict=True)
    ]


def _check_once(path, files, starts, lines) -> None:
    seen: dict[tuple, int] = {}
    for file, start, line in zip(files, starts, lines, strict=True):
        if (file, start) in seen:
            raise ValueError(f"{path}:{line}: {file} was in line {seen[file, start]} already: keep one of them")
        seen[file, start] = line


def _samples(name, names, entries, starts, ends, channel, columns) -> Samples:
    return Samples(
        [name] * len(names), list(names), list(entries), np.array(starts, float), np.array(ends, float),
        [channel] * len(names), columns,
    )  # fmt: skip
