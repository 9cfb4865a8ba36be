"""Tests of whether groups differ, of many features at once, by ranks: no shape of distribution is assumed.

Mann and Whitney (1947) and Kruskal and Wallis (1952) for independent items; Wilcoxon (1945) and Friedman (1937) where
each block (a speaker) has one value of every group. SciPy's own functions go feature by feature for two of them.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2, mannwhitneyu, rankdata, t, wilcoxon

from speechlib.traits.effect_sizes import correlation, group_sums


def mann_whitney(values, groups) -> tuple[np.ndarray, np.ndarray]:
    """Two groups of independent items.

    Args:
        values: (items, features).
        groups: (items,) 0 or 1.

    Returns:
        (features,) U of group 0, and two-sided p-values: exact for small groups without ties.
    """
    first, second = values[groups == 0], values[groups == 1]
    statistics, p_values = np.empty(values.shape[1]), np.empty(values.shape[1])
    # SciPy decides for all features together; a feature's p-value must not depend on its neighbours.
    tied = (np.diff(np.sort(values, axis=0), axis=0) == 0).any(axis=0)
    of_untied = "exact" if min(len(first), len(second)) <= 8 else "asymptotic"
    for chosen, method in ((~tied, of_untied), (tied, "asymptotic")):
        if chosen.any():
            found = mannwhitneyu(first[:, chosen], second[:, chosen], axis=0, method=method)
            statistics[chosen], p_values[chosen] = found.statistic, found.pvalue
    return statistics, _of_constants(p_values, values)


def kruskal_wallis(values, groups) -> tuple[np.ndarray, np.ndarray]:
    """Any number of groups of independent items.

    Args:
        values: (items, features).
        groups: (items,) numbers from 0, each of which occurs.

    Returns:
        (features,) H, corrected for ties, and p-values of its chi-square distribution.
    """
    count, num_groups = len(values), int(groups.max()) + 1
    ranks = rankdata(values, axis=0)
    sizes, sums = group_sums(ranks, groups, num_groups)
    # With all ties corrected, H is n - 1 times the share of the ranks' variance that the groups explain.
    between = (sums**2 / sizes[:, None]).sum(axis=0) - count * ((count + 1) / 2) ** 2
    total = ((ranks - (count + 1) / 2) ** 2).sum(axis=0)
    statistic = (count - 1) * np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    return statistic, _of_constants(chi2.sf(statistic, num_groups - 1), values)


def signed_ranks(cells) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two groups with one value each in every block (Wilcoxon).

    Args:
        cells: (blocks, 2, features).

    Returns:
        (features,) the smaller sum of signed ranks; p-values, exact for up to 50 blocks without ties and zeros; and
        the effect size: matched-pairs rank-biserial correlation (Kerby, 2014), positive where group 0 is greater.
    """
    differences = cells[:, 0] - cells[:, 1]
    ranks = rankdata(np.abs(differences), axis=0) * (differences != 0)
    balance, total = (np.sign(differences) * ranks).sum(axis=0), ranks.sum(axis=0)
    effect = np.divide(balance, total, out=np.zeros_like(total), where=total > 0)
    p_values = np.ones_like(total)
    steps = np.diff(np.sort(np.abs(differences), axis=0), axis=0, prepend=0.0)
    tied = (steps == 0).any(axis=0)
    of_untied = "exact" if len(differences) <= 50 else "asymptotic"
    for chosen, method in ((~tied, of_untied), (tied & (total > 0), "asymptotic")):
        if chosen.any():
            p_values[chosen] = wilcoxon(differences[:, chosen], axis=0, method=method).pvalue
    return (total - np.abs(balance)) / 2, p_values, effect


def friedman(cells) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups with one value each in every block.

    Args:
        cells: (blocks, groups, features).

    Returns:
        (features,) Friedman's chi square, corrected for ties; p-values; and the effect size: Kendall's W, from 0 (each
        block orders the groups in its own way) to 1 (all in the same).
    """
    blocks, num_groups, _ = cells.shape
    ranks = rankdata(cells, axis=1)
    middle = (num_groups + 1) / 2
    between = blocks**2 * ((ranks.mean(axis=0) - middle) ** 2).sum(axis=0)
    total = ((ranks - middle) ** 2).sum(axis=(0, 1))
    concordance = np.divide(between, blocks * total, out=np.zeros_like(total), where=total > 0)
    statistic = concordance * blocks * (num_groups - 1)
    return statistic, np.where(total > 0, chi2.sf(statistic, num_groups - 1), 1.0), concordance


def correlate(values, target) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's correlation with a target, and its p-value by Student's t; of ranks it is Spearman's.

    Args:
        values: (items, features).
        target: (items,).

    Returns:
        (features,) correlations and two-sided p-values.
    """
    found = correlation(values, target)
    freedom = len(values) - 2
    with np.errstate(divide="ignore"):
        statistic = found * np.sqrt(freedom / (1.0 - found**2))
    return found, 2.0 * t.sf(np.abs(statistic), freedom)


def _of_constants(p_values: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Nothing speaks against equal groups where all values are the same."""
    return np.where(values.max(axis=0) > values.min(axis=0), p_values, 1.0)
