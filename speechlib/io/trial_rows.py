"""Which vectors a list of trials is about."""

import numpy as np

from speechlib.io.trials import Trials
from speechlib.io.vector_table import VectorTable


def trial_rows(trials: Trials, enrolment: VectorTable, test: VectorTable) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the enrolment and of the test vectors of each trial.

    Returns:
        Two (trials,) int32 arrays.

    Raises:
        ValueError: trials name something that has no vector; with the first's file:line and how many there are.
    """
    return (
        _rows(trials, trials.enrol_names, trials.enrol, enrolment, "enrolment"),
        _rows(trials, trials.test_names, trials.test, test, "test"),
    )


def _rows(trials: Trials, names: list[str], numbers: np.ndarray, table: VectorTable, side: str) -> np.ndarray:
    rows = table.rows()
    row_of = np.array([rows.get(name, -1) for name in names], np.int32)
    if (row_of < 0).any():
        missing = row_of[numbers] < 0
        first, count = int(np.argmax(missing)), int(np.count_nonzero(missing))
        raise ValueError(
            f"{trials.source}:{first + 1}: no {side} vector of {names[numbers[first]]!r} in {table.source}; "
            f"{count} of {len(trials)} trials have none: extract them, or leave these trials out"
        )
    return row_of[numbers]
