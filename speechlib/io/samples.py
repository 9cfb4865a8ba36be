"""Labelled pieces of audio from any kind of database, as one table: what an experiment learns from and is tested on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from speechlib.io.audio import audio_info, read_audio
from speechlib.io.bad_audio import BadAudio
from speechlib.io.cli import nearest


@dataclass(frozen=True)
class Samples:
    """A table with a row for each sample.

    Args:
        database: name of the database of each row.
        names: (rows,) what the database calls the sample: a file name, or an utterance.
        entries: (rows,) what `read_audio` takes: a path, or an entry of a data directory's wav.scp.
        starts: (rows,) seconds where the sample begins.
        ends: (rows,) seconds where it ends, -1 for the end of the recording.
        channels: (rows,) channel from 0, or None where the recording has one.
        columns: by name (speaker, gender, text, emotion, ...), (rows,) texts; None where there is no value.
    """

    databases: list[str]
    names: list[str]
    entries: list[str]
    starts: np.ndarray
    ends: np.ndarray
    channels: list[int | None]
    columns: dict[str, list[str | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Iterable[int] | np.ndarray) -> Samples:
        """The table of some rows, given by number or by a mask, in that order."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)

        def pick(values):
            return [values[row] for row in rows]

        return Samples(
            pick(self.databases), pick(self.names), pick(self.entries), self.starts[rows], self.ends[rows],
            pick(self.channels), {name: pick(values) for name, values in self.columns.items()},
        )  # fmt: skip

    def column(self, name: str, needed_for: str) -> list[str | None]:
        """The values of a column.

        Raises:
            ValueError: there is no such column; the nearest is named.
        """
        if name not in self.columns:
            raise ValueError(
                f"there is no column {name!r}{nearest(name, list(self.columns))}, which {needed_for} needs: the data "
                f"have {', '.join(self.columns) or 'none'}"
            )
        return self.columns[name]

    def with_column(self, name: str, values: Sequence[str | None]) -> Samples:
        """The same table with a column set."""
        return Samples(
            self.databases, self.names, self.entries, self.starts, self.ends, self.channels,
            {**self.columns, name: list(values)},
        )  # fmt: skip

    def key(self, row: int) -> str:
        """What tells a sample from all others, on any machine."""
        return f"{self.databases[row]}\t{self.names[row]}\t{self.starts[row]:.6f}\t{self.ends[row]:.6f}"

    def audio(self, row: int) -> tuple[np.ndarray, int]:
        """(samples,) float32 in int16 range of a row, and the sampling rate.

        Raises:
            BadAudio: it cannot be used.
        """
        return read_audio(
            self.entries[row], start=float(self.starts[row]), end=float(self.ends[row]), channel=self.channels[row]
        )

    def duration(self, row: int) -> float:
        """Seconds, from the header where it tells."""
        end = self.ends[row]
        return float((audio_info(self.entries[row]).duration if end < 0 else end) - self.starts[row])


def join_samples(tables: Sequence[Samples]) -> Samples:
    """Tables one below the other; a column that one of them lacks has no values there."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    return Samples(
        [x for table in tables for x in table.databases],
        [x for table in tables for x in table.names],
        [x for table in tables for x in table.entries],
        np.concatenate([table.starts for table in tables]) if tables else np.zeros(0),
        np.concatenate([table.ends for table in tables]) if tables else np.zeros(0),
        [x for table in tables for x in table.channels],
        {n: [x for table in tables for x in table.columns.get(n, [None] * len(table))] for n in names},
    )


def check_audio(samples: Samples) -> None:
    """Open every recording once.

    Raises:
        ValueError: some are missing or cannot be used; all of them are listed.
    """
    problems = {}
    for entry, database in zip(samples.entries, samples.databases, strict=True):
        if entry in problems:
            continue
        try:
            info = audio_info(entry)
            problems[entry] = None if info.samples else f"{entry}: no sample in it"
        except BadAudio as error:
            problems[entry] = f"{database}: {error}"
    bad = [problem for problem in problems.values() if problem]
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(problems)} recordings cannot be used; correct or remove them:\n  " + "\n  ".join(bad)
        )
