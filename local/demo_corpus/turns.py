"""Who speaks after whom in a conversation."""

from collections.abc import Mapping

import numpy as np


def turn_order(turns: Mapping[str, int], rng: np.random.Generator) -> list[str]:
    """Draw an order of speaking in which nobody speaks twice in a row where that can be avoided.

    Args:
        turns: how often each speaker speaks.
        rng: the same state gives the same order.

    Returns:
        Speakers, each as often as he speaks.
    """
    left = dict(turns)
    order: list[str] = []
    while total := sum(left.values()):
        others = {speaker: count for speaker, count in left.items() if count and speaker not in order[-1:]}
        # who has more left than all others together must speak now, or will have to speak twice in a row
        pressing = [speaker for speaker, count in others.items() if 2 * count > total]
        candidates = pressing or list(others) or order[-1:]
        weights = np.array([left[speaker] for speaker in candidates], float)
        speaker = candidates[rng.choice(len(candidates), p=weights / weights.sum())]
        left[speaker] -= 1
        order.append(speaker)
    return order
