"""Who the speakers of trials are where nobody says: utterances that target trials link are of one speaker."""

from __future__ import annotations

import numpy as np


def linked_speakers(first, second, target) -> tuple[np.ndarray, np.ndarray, str]:
    """Number the speakers on both sides of trials.

    The speakers are the connected components of the target trials. Where a nontarget trial lies within a component the
    labels contradict that (labels drawn at random, the same name for different things on the two sides): then each name
    on the first side counts as a speaker of its own, of all trials that it is in.

    Args:
        first, second: (trials,) numbers of the names on both sides, from 0; equal numbers are the same utterance.
        target: (trials,) bool.

    Returns:
        (trials,) int32 numbers of the speakers on both sides, and what they are, in words.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first, second, target = np.asarray(first), np.asarray(second), np.asarray(target, dtype=bool)
    size = int(max(first.max(), second.max())) + 1
    links = coo_matrix((np.ones(int(target.sum()), np.int8), (first[target], second[target])), shape=(size, size))
    _, component = connected_components(links.tocsr(), directed=False)
    one, two = component[first], component[second]
    if not ((one == two) & ~target).any():
        # Names that no trial has on either side leave numbers unused.
        used, numbers = np.unique(component[np.concatenate([np.unique(first), np.unique(second)])], return_inverse=True)
        renumber = np.zeros(len(component), np.int32)
        renumber[used] = np.arange(len(used), dtype=np.int32)
        return renumber[one], renumber[two], "utterances linked by target trials"
    _, names = np.unique(first, return_inverse=True)
    names = names.reshape(-1).astype(np.int32)
    return names, names, "enrolment names"
