"""How much groups differ, whatever their number: effect sizes of many features at once (Cohen, 1988; Hedges, 1981).

Features are the columns of (items, features) arrays; groups are numbers from 0. A feature without any spread has the
effect size 0.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def group_sums(values: np.ndarray, groups: np.ndarray, num_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """(groups,) sizes and (groups, features) sums."""
    members = (groups == np.arange(num_groups)[:, None]).astype(np.float64)
    return members.sum(axis=1), members @ values


def cohens_d(values, groups) -> np.ndarray:
    """Mean of group 0 minus that of group 1, over the pooled standard deviation.

    Args:
        values: (items, features).
        groups: (items,) 0 or 1; three items at least, and one of each group.

    Returns:
        (features,) float64; infinite where the groups differ and nothing varies within them.

    Raises:
        ValueError: other groups, or too few items.
    """
    values, groups, sizes, means = _groups(values, groups)
    if len(sizes) != 2:
        raise ValueError(f"Cohen's d compares two groups, not {len(sizes)}")
    within = ((values - means[groups]) ** 2).sum(axis=0)
    return _ratio(means[0] - means[1], np.sqrt(within / (sizes.sum() - 2)), values)


def hedges_g(values, groups) -> np.ndarray:
    """Cohen's d times 1 - 3 / (4 (n - 2) - 1), which takes out its bias of small samples; arguments as `cohens_d`."""
    return cohens_d(values, groups) * (1.0 - 3.0 / (4.0 * (len(np.asarray(groups)) - 2) - 1.0))


def eta_squared(values, groups) -> np.ndarray:
    """Share of the variance that the groups' means explain.

    Args:
        values: (items, features).
        groups: (items,) numbers from 0, each of which occurs.

    Returns:
        (features,) in [0, 1].

    Raises:
        ValueError: fewer than two groups, or no more items than groups.
    """
    values, groups, sizes, means = _groups(values, groups)
    centre = values.mean(axis=0)
    between = (sizes[:, None] * (means - centre) ** 2).sum(axis=0)
    return _ratio(between, ((values - centre) ** 2).sum(axis=0), values)


def epsilon_squared(values, groups) -> np.ndarray:
    """The same of ranks: H / (n - 1) of Kruskal and Wallis (Tomczak and Tomczak, 2014); arguments as `eta_squared`."""
    return eta_squared(rankdata(np.asarray(values, np.float64), axis=0), groups)


def intraclass_correlation(values, speakers) -> np.ndarray:
    """ICC(1): how alike the items of one speaker are, by analysis of variance (Donner, 1986, for unequal sizes).

    At 0 the items of a speaker are as good as independent ones; at 1 they all say the same, and the speakers are all
    that can be counted. n items of m speakers are worth about n / (1 + (n/m - 1) ICC).

    Args:
        values: (items, features).
        speakers: (items,) numbers from 0, each of which occurs.

    Returns:
        (features,) float64, at most 1; negative where speakers differ less than chance would have them.

    Raises:
        ValueError: fewer than two speakers, or no more items than speakers.
    """
    values, speakers, sizes, means = _groups(values, speakers)
    between = (sizes[:, None] * (means - values.mean(axis=0)) ** 2).sum(axis=0) / (len(sizes) - 1)
    within = ((values - means[speakers]) ** 2).sum(axis=0) / (len(values) - len(sizes))
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    return _ratio(between - within, between + (typical - 1.0) * within, values)


def cramers_v(table) -> float:
    """How two categorical columns depend on each other, 0 to 1, with the bias taken out (Bergsma, 2013).

    Args:
        table: (rows, columns) counts.

    Raises:
        ValueError: negative counts, or a row or column without any.
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2 or (table < 0).any() or not (table.sum(0).all() and table.sum(1).all()):
        raise ValueError(f"expected a table of counts without empty rows and columns, got {table.tolist()}")
    total = table.sum()
    expected = np.outer(table.sum(1), table.sum(0)) / total
    phi = ((table - expected) ** 2 / expected).sum() / total
    rows, columns = table.shape
    if min(rows, columns) < 2 or total < 2:
        return 0.0
    unbiased = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    rows, columns = rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)
    # In tables with little more counts than cells nothing is left to divide by.
    return float(np.sqrt(unbiased / (min(rows, columns) - 1))) if min(rows, columns) > 1 else 0.0


def correlation(values, target) -> np.ndarray:
    """Pearson's correlation of each feature with a target; of ranks it is Spearman's.

    Args:
        values: (items, features).
        target: (items,).

    Returns:
        (features,) in [-1, 1].

    Raises:
        ValueError: lengths that differ, or fewer than three items.
    """
    values, target = np.asarray(values, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if values.ndim != 2 or target.shape != values.shape[:1] or len(target) < 3:
        raise ValueError(f"need a number for each of three items or more, got {target.shape} for {values.shape}")
    if target.max() == target.min():
        return np.zeros(values.shape[1])
    centred, target = values - values.mean(axis=0), target - target.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (target**2).sum())
    return np.clip(_ratio(target @ centred, scale, values), -1.0, 1.0)


def _groups(values, groups) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The arrays, and sizes and means of the groups."""
    values, groups = np.asarray(values, dtype=np.float64), np.asarray(groups)
    if values.ndim != 2 or groups.shape != values.shape[:1]:
        raise ValueError(f"need a group for each item, got {groups.shape} for values of shape {values.shape}")
    num_groups = int(groups.max(initial=-1)) + 1
    sizes, sums = group_sums(values, groups, num_groups)
    if num_groups < 2 or not sizes.all() or len(values) <= num_groups:
        raise ValueError(f"need two groups or more and more items than groups, got groups of {sizes.astype(int)}")
    return values, groups, sizes, sums / sizes[:, None]


def _ratio(above: np.ndarray, below: np.ndarray, values: np.ndarray) -> np.ndarray:
    # A constant is known by its ends: its variance is a rounding error, and so is all that is divided by it.
    varies = values.max(axis=0) > values.min(axis=0)
    with np.errstate(divide="ignore"):
        return np.divide(above, below, out=np.zeros(varies.shape), where=varies)
