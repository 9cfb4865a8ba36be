"""Samples as a CSV file that is a database again: `file,start,end,speaker,gender`, then the labels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence

from speechlib.io.atomic import write_text
from speechlib.io.samples import Samples

_FIRST = ("speaker", "gender")


def write_sample_csv(path: str | os.PathLike, samples: Samples, files: Sequence[str] | None = None) -> None:
    """Write a table of samples crash-safely; the folder is made.

    Where all recordings lie below the CSV file's folder, their names are relative to it, so that the folder can be
    moved; else they are absolute. Times are written where any sample is a piece of a recording. Columns that a reader
    made of the tables of a database (`table:...`) are left out, and so are those without any value.

    Args:
        path: the CSV file.
        samples: the table.
        files: (rows,) recordings; default: the samples' entries.

    Raises:
        ValueError: as `check_files`.
    """
    files = list(samples.entries if files is None else files)
    check_files(path, files)
    folder = os.path.dirname(os.path.abspath(path))
    files = [os.path.abspath(file) for file in files]
    if all(file.startswith(folder + os.sep) for file in files):
        files = [os.path.relpath(file, folder) for file in files]
    timed = bool((samples.starts > 0).any() or (samples.ends >= 0).any())
    labels = [
        name
        for name, values in samples.columns.items()
        if name not in (*_FIRST, "file", "start", "end")
        and not name.startswith("table:")
        and any(value is not None for value in values)
    ]
    names = [name for name in _FIRST if name in samples.columns] + labels
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *(("start", "end") if timed else ()), *names])
    for row, file in enumerate(files):
        times = []
        if timed:
            end = samples.ends[row]
            times = [f"{samples.starts[row]:.6f}", f"{end:.6f}" if end >= 0 else ""]
        values = [samples.columns[name][row] for name in names]
        writer.writerow([file, *times, *("" if value is None else value for value in values)])
    os.makedirs(folder, exist_ok=True)
    write_text(path, text.getvalue())


def check_files(path: str | os.PathLike, files: Sequence[str]) -> None:
    """Raise a ValueError if recordings are commands or places in archives: a CSV file names plain files."""
    no_files = list(dict.fromkeys(file for file in files if file.rstrip().endswith("|") or not os.path.isfile(file)))
    if no_files:
        raise ValueError(
            f"{path}: {len(no_files)} recordings are no plain files, which a CSV file could name; write them as files "
            "first, with the command resample:\n  " + "\n  ".join(no_files[:10])
        )
