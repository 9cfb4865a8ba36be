"""Error rates of recognised sequences: phones, units, words (Levenshtein, 1966; NIST's counts)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Errors(NamedTuple):
    """Counts of the cheapest way from the reference to the hypothesis."""

    substitutions: int
    deletions: int
    insertions: int
    length: int  # labels of the reference

    @property
    def rate(self) -> float:
        """(S + D + I) / N; above 1 where much was inserted.

        Raises:
            ValueError: the reference is empty.
        """
        if self.length == 0:
            raise ValueError("an error rate needs a reference of at least one label")
        return (self.substitutions + self.deletions + self.insertions) / self.length


def count_errors(reference: Sequence, hypothesis: Sequence) -> Errors:
    """Align two sequences with the fewest errors; of equally good alignments that with the most substitutions.

    Args:
        reference: (N,) labels that were said.
        hypothesis: (M,) labels that were recognised.
    """
    # A state is (errors, deletions + insertions, deletions, insertions); tuples compare in that order.
    row = [(place, place, 0, place) for place in range(len(hypothesis) + 1)]
    for label in reference:
        above, row = row, [(row[0][0] + 1, row[0][1] + 1, row[0][2] + 1, row[0][3])]
        for place, heard in enumerate(hypothesis):
            diagonal, up, left = above[place], above[place + 1], row[place]
            row.append(
                min(
                    (diagonal[0] + (label != heard), *diagonal[1:]),
                    (up[0] + 1, up[1] + 1, up[2] + 1, up[3]),
                    (left[0] + 1, left[1] + 1, left[2], left[3] + 1),
                )
            )
    errors, indels, deletions, insertions = row[-1]
    return Errors(errors - indels, deletions, insertions, len(reference))


def error_rate(pairs: Iterable[tuple[Sequence, Sequence]]) -> float:
    """Errors of all (reference, hypothesis) pairs over all labels of the references.

    Raises:
        ValueError: the references hold no label.
    """
    counts = [count_errors(reference, hypothesis) for reference, hypothesis in pairs]
    return Errors(*(sum(column) for column in zip(*counts, strict=True))).rate if counts else Errors(0, 0, 0, 0).rate
