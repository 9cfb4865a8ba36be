"""Label sequences of utterances, as they should be and as they were found, side by side."""

from __future__ import annotations

import os

from speechlib.io.cli import nearest
from speechlib.io.maps import read_map, split_blanks


def read_label_pairs(
    references: str | os.PathLike, hypotheses: str | os.PathLike
) -> list[tuple[str, list[str], list[str]]]:
    """Read two files of `utterance label label ..` lines.

    Args:
        references: what should be found; decides which utterances count.
        hypotheses: what was found; an utterance without labels is a line with its name alone.

    Returns:
        (utterance, reference, hypothesis) in the order of the references.

    Raises:
        ValueError: a reference without labels, an utterance that is in one of the files only, or no utterance.
        OSError: a file cannot be read.
    """
    wanted, found = read_map(references), read_map(hypotheses, allow_empty=True)
    if not wanted:
        raise ValueError(f"{references}: no utterance in it: expected `utterance label label ..` lines")
    for one, other, path in ((wanted, found, hypotheses), (found, wanted, references)):
        lacking = [name for name in one if name not in other]
        if lacking:
            raise ValueError(
                f"{path}: {len(lacking)} of {len(one)} utterances are not there, such as {lacking[0]}"
                f"{nearest(lacking[0], list(other))}"
            )
    return [(name, split_blanks(text), split_blanks(found[name])) for name, text in wanted.items()]
