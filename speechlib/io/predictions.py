"""predictions.csv: what a classifier or a regression says of files, beside the truth.

The columns are `file,truth,predicted` and, for classes, one probability column a class, in the order of the classes.
A file that is predicted more than once (as a part, or in several folds) has a line each time.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.text_files import read_text

COLUMNS = ("file", "truth", "predicted")


@dataclass(frozen=True)
class Predictions:
    """A table of predictions.

    Args:
        files: (files,) names.
        truth: (files,) classes, or numbers as texts.
        predicted: (files,) the same.
        classes: names of the probability columns; empty for a regression.
        probabilities: (files, classes).
    """

    files: list[str]
    truth: list[str]
    predicted: list[str]
    classes: list[str]
    probabilities: np.ndarray


def write_predictions(
    path: str | os.PathLike,
    files: Sequence[str],
    truth: Sequence[object],
    predicted: Sequence[object],
    classes: Sequence[str] = (),
    probabilities: np.ndarray | None = None,
) -> None:
    """Write predictions crash-safely; probabilities keep all digits of a float32.

    Args:
        path: the CSV file.
        files, truth, predicted: (files,) columns; values are written with `str`.
        classes: names of the probability columns.
        probabilities: (files, classes); None without classes.

    Raises:
        ValueError: the sizes disagree, or a class has the name of another column.
    """
    values = np.zeros((len(files), 0)) if probabilities is None else np.asarray(probabilities)
    if not len(files) == len(truth) == len(predicted) or values.shape != (len(files), len(classes)):
        raise ValueError(
            f"{path}: {len(files)} files, {len(truth)} truths, {len(predicted)} predictions and probabilities "
            f"{values.shape} for {len(classes)} classes do not belong together"
        )
    taken = sorted(set(classes) & set(COLUMNS))
    if taken or len(set(classes)) != len(classes):
        raise ValueError(f"{path}: {taken or list(classes)}: classes need names of their own, other than {COLUMNS}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *classes])
    for file, true, guess, row in zip(files, truth, predicted, values, strict=True):
        writer.writerow([file, true, guess, *(f"{value:.9g}" for value in row)])
    write_text(path, text.getvalue())


def read_predictions(path: str | os.PathLike) -> Predictions:
    """Read predictions.

    Raises:
        ValueError: the header or a line is not as `write_predictions` writes it; with file and line.
        OSError: the file cannot be read.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    columns: list[list[str]] = [[], [], []]
    rows = []
    try:
        header = next(reader, [])
        if tuple(header[:3]) != COLUMNS:
            raise ValueError(f"{path}:1: expected the columns {','.join(COLUMNS)},<class>.., got {','.join(header)}")
        for fields in reader:
            if len(fields) != len(header):
                raise ValueError(f"{path}:{reader.line_num}: expected {len(header)} fields, got {len(fields)}")
            for column, value in zip(columns, fields, strict=False):
                column.append(value)
            try:
                rows.append([float(value) for value in fields[3:]])
            except ValueError:
                raise ValueError(f"{path}:{reader.line_num}: a probability is not a number: {fields[3:]}") from None
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: not a CSV file: {error}") from None
    if not rows:
        raise ValueError(f"{path}: no prediction in it")
    return Predictions(*columns, header[3:], np.array(rows, np.float64).reshape(len(rows), len(header) - 3))
