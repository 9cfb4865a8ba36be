"""What a kept model says of audio files that belong to no database."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.experiments.saved_model import SavedModel
from speechlib.io.audio import read_audio

REPORT_SECONDS = 30.0


@dataclass(frozen=True)
class Judgements:
    """What was said of the files that could be judged.

    Attributes:
        files: (files,) names.
        outputs: (files, classes) probabilities, or (files, 1) numbers.
        problems: a line about each file that could not be judged.
    """

    files: list[str]
    outputs: np.ndarray
    problems: list[str]

    def check(self) -> None:
        """Raise a ValueError about the files that could not be judged, if there are any."""
        if self.problems:
            count = f"{len(self.problems)} of {len(self.problems) + len(self.files)}"
            raise ValueError(f"{count} files cannot be judged:\n  " + "\n  ".join(self.problems))


def judge_files(model: SavedModel, files: Sequence[str], say: Callable[[str], None]) -> Judgements:
    """Judge the first channel of every file.

    Args:
        model: a kept model.
        files: names.
        say: is told about progress.
    """
    judged, outputs, problems = [], [], []
    reported = time.monotonic()
    for place, file in enumerate(files, 1):
        try:
            outputs.append(model.judge_audio(*read_audio(file, channel=0)))
            judged.append(file)
        except ValueError as error:  # of the audio, with the file's name in it, or of its features
            problems.append(str(error) if file in str(error) else f"{file}: {error}")
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            say(f"{place} of {len(files)} files")
    return Judgements(judged, np.array(outputs).reshape(len(judged), max(len(model.classes), 1)), problems)


def judgement_csv(model: SavedModel, judgements: Judgements) -> str:
    """The table `file,predicted,<class>..`, probabilities to the digits of a float32."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "predicted", *model.classes])
    for file, said, row in zip(judgements.files, model.decide(judgements.outputs), judgements.outputs, strict=True):
        writer.writerow([file, said, *(f"{value:.9g}" for value in row if model.classes)])
    return text.getvalue()
