"""Splits of samples into training and test: by speakers, at random, balanced over columns, or in folds.

Every split is drawn from sorted names with a seed: it depends neither on the order of the samples nor on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def split_speakers(speakers: Sequence[str], per_cent: float, seed: int) -> np.ndarray:
    """Draw speakers for the test part.

    Args:
        speakers: (samples,) the speaker of each.
        per_cent: of the speakers; at least one is drawn, and at least one is left.
        seed: of the draw.

    Returns:
        (samples,) mask of the test part.

    Raises:
        ValueError: there is one speaker alone, or a percentage outside (0, 100).
    """
    names = sorted(set(speakers))
    if len(names) < 2:
        raise ValueError(
            f"a split by speakers needs two of them or more, there is {' and '.join(names) or 'none'}: "
            "take other data, or split_strategy = random with allow_leak = ['shared_speakers']"
        )
    drawn = np.random.default_rng(seed).permutation(len(names))[: _count(len(names), per_cent)]
    return np.isin(np.asarray(speakers), [names[place] for place in drawn])


def split_random(names: Sequence[str], per_cent: float, seed: int) -> np.ndarray:
    """Draw samples for the test part, whoever speaks; (samples,) mask.

    Args:
        names: (samples,) distinct names.
        per_cent: of the samples; at least one is drawn and at least one is left.
        seed: of the draw.

    Raises:
        ValueError: there is one sample alone, or a percentage outside (0, 100).
    """
    if len(names) < 2:
        raise ValueError(f"a split needs two samples or more, there are {len(names)}")
    order = np.argsort(np.asarray(names, dtype=object), kind="stable")
    mask = np.zeros(len(names), bool)
    mask[order[np.random.default_rng(seed).permutation(len(names))[: _count(len(names), per_cent)]]] = True
    return mask


def split_balanced(
    speakers: Sequence[str],
    columns: Mapping[str, tuple[Sequence[str], float]],
    per_cent: float,
    seed: int,
    size_weight: float = 1.0,
    num_candidates: int = 1000,
) -> np.ndarray:
    """Draw speakers for the test part so that columns are spread alike over both parts.

    Of many random speaker-disjoint splits the one with the least weighted sum of costs is taken: for each column the
    Jensen-Shannon divergence (base 2) between its values in both parts, and the difference between the wanted and the
    found share of test samples.

    Args:
        speakers: (samples,) the speaker of each.
        columns: by name, (samples,) values and the weight of their divergence.
        per_cent: wanted share of test samples.
        seed: of the candidates.
        size_weight: of the difference in size.
        num_candidates: random splits that are compared.

    Returns:
        (samples,) mask of the test part.

    Raises:
        ValueError: as for `split_speakers`; or no column.
    """
    if not columns:
        raise ValueError("a balanced split needs columns to balance: balance = {'emotion': 2, 'gender': 1}")
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"a balanced split needs two speakers or more, there is {names[0]}")
    sizes = np.bincount(index)
    tables = []
    for name in sorted(columns):
        values, weight = columns[name]
        _, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        table = np.zeros((len(names), codes.max() + 1))
        np.add.at(table, (index, codes), 1.0)
        tables.append((table, float(weight)))
    generator = np.random.default_rng(seed)
    wanted = _share(per_cent)
    best, best_cost = None, np.inf
    for _ in range(num_candidates):
        order = generator.permutation(len(names))
        # Speakers go to the test part until it is as near to the wanted size as it gets.
        shares = np.cumsum(sizes[order]) / sizes.sum()
        count = min(int(np.abs(shares - wanted).argmin()) + 1, len(names) - 1)
        test = np.zeros(len(names), bool)
        test[order[:count]] = True
        cost = size_weight * abs(shares[count - 1] - wanted)
        for table, weight in tables:
            cost += weight * _divergence(table[test].sum(0), table[~test].sum(0))
        if cost < best_cost - 1e-12:
            best, best_cost = test, cost
    return best[index]


def group_folds(speakers: Sequence[str], num_groups: int | None, seed: int) -> dict[str, np.ndarray]:
    """Folds that leave speakers out: one of them each, or a group of them.

    Args:
        speakers: (samples,) the speaker of each.
        num_groups: groups of about as many speakers; None, or as many as there are speakers: one speaker a fold.
        seed: of the grouping.

    Returns:
        By name of the fold (the speaker, or `group1`...), (samples,) mask of its test part, in sorted order.

    Raises:
        ValueError: one speaker alone, or more groups than speakers.
    """
    names = sorted(set(speakers))
    if len(names) < 2:
        raise ValueError(
            f"leaving speakers out needs two of them or more, there is {' and '.join(names) or 'none'}: take other data"
        )
    speakers = np.asarray(speakers)
    if num_groups is None or num_groups == len(names):
        return {name: speakers == name for name in names}
    if not 2 <= num_groups <= len(names):
        raise ValueError(f"logo = {num_groups}: expected 2 to {len(names)} groups of {len(names)} speakers")
    order = np.random.default_rng(seed).permutation(len(names))
    members = [[names[place] for place in part] for part in np.array_split(order, num_groups)]
    return {f"group{number}": np.isin(speakers, group) for number, group in enumerate(members, 1)}


def stratified_folds(names: Sequence[str], labels: Sequence[str], num_folds: int, seed: int) -> dict[str, np.ndarray]:
    """Folds with the classes spread evenly, whoever speaks.

    Args:
        names: (samples,) distinct names.
        labels: (samples,) classes.
        num_folds: their number.
        seed: of the draw.

    Returns:
        By name (`fold1`...), (samples,) mask of the test part.

    Raises:
        ValueError: fewer than two folds, or more than samples.
    """
    if not 2 <= num_folds <= len(names):
        raise ValueError(f"k_fold_cross = {num_folds}: expected 2 to {len(names)} folds of {len(names)} samples")
    generator = np.random.default_rng(seed)
    order = sorted(range(len(names)), key=lambda row: names[row])
    of_class: dict[str, list[int]] = {}
    for row in order:
        of_class.setdefault(labels[row], []).append(row)
    fold_of, dealt = np.zeros(len(names), int), 0
    for label in sorted(of_class):
        for row in generator.permutation(of_class[label]):
            fold_of[row] = dealt % num_folds  # dealt like cards, on from class to class, so that sizes differ by one
            dealt += 1
    return {f"fold{fold + 1}": fold_of == fold for fold in range(num_folds)}


def limit_per_group(names: Sequence[str], groups: Sequence[str], limit: int, seed: int) -> np.ndarray:
    """Draw at most so many samples of each group (speaker); (samples,) mask.

    Raises:
        ValueError: a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"expected to keep at least 1 sample of each, got {limit}")
    mask = np.zeros(len(names), bool)
    groups = np.asarray(groups, dtype=object)
    for number, group in enumerate(sorted(set(groups))):
        rows = sorted(np.flatnonzero(groups == group), key=lambda row: names[row])
        drawn = np.random.default_rng([seed, number]).permutation(len(rows))[:limit]
        mask[[rows[place] for place in drawn]] = True
    return mask


def _share(per_cent: float) -> float:
    if not 0 < per_cent < 100:
        raise ValueError(f"expected a part of 0 to 100 per cent, got {per_cent}")
    return per_cent / 100.0


def _count(total: int, per_cent: float) -> int:
    return min(max(1, int(total * _share(per_cent))), total - 1)


def _divergence(a: np.ndarray, b: np.ndarray) -> float:
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2

    def relative(x):
        return float((x * np.log2(np.where(x > 0, x, 1.0) / np.where(x > 0, middle, 1.0))).sum())

    return (relative(p) + relative(q)) / 2
