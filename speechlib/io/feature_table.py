"""Features as Kaldi's programs read them: an utterance without frames is left out with a warning."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from speechlib.io.tables import read_table


class FeatureTable:
    """Iterate over the utterances of a table that have frames: (utterance, (frames, dim) features).

    Args:
        rspecifier: as for `read_table`.
        program: name of the command, for warnings.

    Attributes:
        num_empty: utterances without frames so far.
    """

    def __init__(self, rspecifier: str, program: str) -> None:
        self._rspecifier, self._program = rspecifier, program
        self.num_empty = 0

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        for utterance, features in read_table(self._rspecifier, kind="matrix"):
            if len(features):
                yield utterance, features
            else:
                sys.stderr.write(f"{self._program}: warning: utterance {utterance} has no frames: left out\n")
                self.num_empty += 1
