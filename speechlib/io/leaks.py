"""Leaks between training and evaluation: shared utterances, sessions, speakers, and identical features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np


class LeakError(ValueError):
    """Training and evaluation share what they must not share; the message names some of it and the mend."""


def check_disjoint(what: str, training: Iterable[str], evaluation: Iterable[str]) -> None:
    """Check that two sets of names have nothing in common.

    Args:
        what: what the names are, in the plural: "utterances", "sessions", "speakers".
        training, evaluation: the names; repetitions do not matter.

    Raises:
        LeakError: they share names.
    """
    shared = sorted(set(training) & set(evaluation))
    if shared:
        raise LeakError(
            f"{len(shared)} {what} are in training and in evaluation ({_some(shared)}): take them out of one of the two"
        )


def check_identical(training: Mapping[str, str], evaluation: Mapping[str, str]) -> None:
    """Check that no two utterances of training and evaluation have the same features under different names.

    Args:
        training, evaluation: digest by utterance (`matrix_digest`).

    Raises:
        LeakError: a digest occurs in both.
    """
    trained = {digest: utterance for utterance, digest in training.items()}
    pairs = [f"{trained[digest]} = {utterance}" for utterance, digest in evaluation.items() if digest in trained]
    if pairs:
        raise LeakError(
            f"{len(pairs)} utterances of evaluation have exactly the features of a training utterance "
            f"({_some(pairs)}): the same recording is there twice; remove one of each pair"
        )


def matrix_digest(matrix: np.ndarray) -> str:
    """Hash of a matrix: its shape, type and bytes."""
    matrix = np.ascontiguousarray(matrix)
    digest = hashlib.sha256(f"{matrix.shape} {matrix.dtype.str}\n".encode())
    digest.update(matrix.data)
    return digest.hexdigest()


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
