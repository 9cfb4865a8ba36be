"""Which utterances to copy, and how, so that all classes become equally large."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class BalancingCopy(NamedTuple):
    """A copy to make: the utterance, and the kind of augmentation."""

    utterance: str
    kind: str


def plan_balance(
    labels: Mapping[str, str],
    speakers: Mapping[str, str],
    kinds: Sequence[str],
    seed: int = 0,
    target: int | None = None,
) -> list[BalancingCopy]:
    """Plan copies until every class has as many utterances as the largest.

    Within a class the copies are spread evenly: over its speakers, over the utterances of each speaker, and over the
    kinds, as far as there are utterances; no utterance is copied twice in the same way.

    Args:
        labels: class by utterance.
        speakers: by utterance.
        kinds: of augmentation that a copy may be made by.
        seed: decides between what is equal; the order of the mappings does not matter.
        target: utterances that each class shall have with its copies; default: those of the largest. Larger classes
            stay as they are.

    Returns:
        The copies, sorted by utterance and kind.

    Raises:
        ValueError: no kind, an utterance without speaker, or a class that has too few utterances for so many copies.
    """
    if not kinds:
        raise ValueError("there is no kind of augmentation to balance with")
    unknown = sorted(set(labels) - set(speakers))
    if unknown:
        raise ValueError(f"utterance {unknown[0]} (and {len(unknown) - 1} more) has a label but no speaker")
    sizes = Counter(labels.values())
    target = max(sizes.values(), default=0) if target is None else target
    distinct = sorted(set(kinds))
    plan = []
    for label in sorted(sizes):
        missing = target - sizes[label]
        if missing > sizes[label] * len(distinct):
            raise ValueError(
                f"class {label} has {sizes[label]} utterances, of which {len(distinct)} kinds of augmentation make "
                f"{sizes[label] * len(distinct)} copies, but {missing} are needed to have {target}: give more kinds "
                "or a lower target"
            )
        members = sorted(utterance for utterance, of in labels.items() if of == label)
        # Seeded by the class too: a class more or less does not change the others' copies.
        plan += _spread(members, speakers, distinct, max(missing, 0), random.Random(f"{seed} {label}"))
    return sorted(plan)


def _spread(
    utterances: list[str], speakers: Mapping[str, str], kinds: list[str], count: int, chance: random.Random
) -> list[BalancingCopy]:
    """So many copies of one class: the speakers in turn, and of each speaker the utterances in turn."""
    drawn = chance.sample(utterances, len(utterances))
    names = sorted({speakers[utterance] for utterance in drawn})
    members = [[u for u in drawn if speakers[u] == name] for name in chance.sample(names, len(names))]
    rotated = chance.sample(kinds, len(kinds))
    begins: dict[str, int] = {}  # with which kind; one further each time it is the utterance's turn again
    plan: list[BalancingCopy] = []
    for step in itertools.count():
        for of_speaker in members:
            if len(plan) == count:
                return plan
            turn, place = divmod(step, len(of_speaker))
            if turn < len(kinds):
                utterance = of_speaker[place]
                begin = begins.setdefault(utterance, len(begins))
                plan.append(BalancingCopy(utterance, rotated[(begin + turn) % len(kinds)]))
