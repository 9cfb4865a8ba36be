"""How features and labels hang together: effect sizes with p-values that are corrected for the number of tests.

The utterances of one speaker are no independent witnesses: tests by utterance then find too much. Given speakers, a row
says how much theirs are alike (`speaker_icc`), and with by_speaker=True the tests count speakers instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2, rankdata

from speechlib.traits.effect_sizes import cramers_v, epsilon_squared, group_sums, hedges_g, intraclass_correlation
from speechlib.traits.multiple_tests import benjamini_hochberg, holm
from speechlib.traits.tests_of_groups import correlate, friedman, kruskal_wallis, mann_whitney, signed_ranks

_AT_ONCE = 2**22  # numbers, so that thousands of features of a large corpus need no more memory than some
_FEWEST = 2  # items of a group


@dataclass(frozen=True)
class Effect:
    """One feature and one label.

    Attributes:
        feature: name.
        label: name of what it is compared with.
        test: what gave the statistic and the p-value.
        unit: what was counted as independent: `utterance`, `speaker`, or `speaker and label` (one mean each).
        num_units: how many of them there were.
        effect: what `size` is.
        size: positive, if it has a sign, where the first group (in sorted order) is greater.
        statistic: of the test.
        p_value: of this test alone.
        p_holm, p_bh: corrected for all tests of the table (Holm; Benjamini and Hochberg).
        means: by group.
        speaker_icc: how alike the utterances of one speaker are, None without speakers.
        note: what to beware of, "" for nothing.
    """

    feature: str
    label: str
    test: str
    unit: str
    num_units: int
    effect: str
    size: float
    statistic: float
    p_value: float
    p_holm: float
    p_bh: float
    means: Mapping[str, float]
    speaker_icc: float | None
    note: str


def compare_groups(
    values,
    names: Sequence[str],
    groups: Sequence[str],
    label: str,
    speakers: Sequence[str] | None = None,
    by_speaker: bool = False,
) -> list[Effect]:
    """Compare the groups of a label in all features.

    By utterance: Mann-Whitney and Hedges' g for two groups, Kruskal-Wallis and epsilon squared for more. By speaker:
    the same on the means of speakers where each speaker is in one group (gender); where speakers are in several
    (emotion), on their means by group, Wilcoxon with the matched-pairs rank-biserial correlation for two groups,
    Friedman with Kendall's W for more, of the speakers that have all groups.

    Args:
        values: (items, features); NaN for a value that is missing.
        names: of the features.
        groups: (items,) the label's values.
        label: its name.
        speakers: (items,) names, needed for by_speaker.
        by_speaker: count speakers instead of utterances.

    Returns:
        A row for each feature, the largest effect first.

    Raises:
        ValueError: lengths that differ, infinite values, fewer than two groups, a group with one item, no speakers for
            by_speaker, or (by speaker) fewer than two speakers that can be compared.
    """
    values, owners = _check(values, names, groups, speakers)
    kinds, members = np.unique(np.asarray(groups), return_inverse=True)
    kinds = [str(kind) for kind in kinds]
    if len(kinds) < 2:
        raise ValueError(f"{label} is the same for all items ({', '.join(kinds) or 'none'}): nothing to compare")
    if by_speaker and owners is None:
        raise ValueError("a comparison by speaker needs the speakers")
    rows = []
    for columns, there in _pieces(values):
        chosen = [names[column] for column in columns]
        owned = None if owners is None else np.unique(owners[there], return_inverse=True)[1]
        try:
            rows += _compare(values[there][:, columns], chosen, members[there], kinds, label, owned, by_speaker)
        except ValueError as error:
            if there.all():
                raise
            rows += [_nothing(name, label, int(there.sum()), str(error)) for name in chosen]
    return _corrected(rows)


def relate_features(
    values,
    names: Sequence[str],
    target,
    label: str,
    speakers: Sequence[str] | None = None,
    by_speaker: bool = False,
    method: str = "spearman",
) -> list[Effect]:
    """Correlate all features with a numeric label, or with another feature.

    Args:
        values, names, speakers: as for `compare_groups`.
        target: (items,) numbers; NaN for a value that is missing.
        label: its name.
        by_speaker: correlate the means of speakers.
        method: `spearman` (ranks) or `pearson`.

    Returns:
        A row for each feature, the largest correlation first.

    Raises:
        ValueError: as for `compare_groups`; or an unknown method.
    """
    if method not in ("spearman", "pearson"):
        raise ValueError(f"unknown correlation {method!r}: give spearman or pearson")
    target = np.asarray(target, dtype=np.float64)
    values, owners = _check(values, names, target, speakers)
    if by_speaker and owners is None:
        raise ValueError("a correlation by speaker needs the speakers")
    effect = "Spearman's rho" if method == "spearman" else "Pearson's r"
    rows = []
    for columns, there in _pieces(values, ~np.isnan(target)):
        units, aims, icc = values[there][:, columns], target[there], [None] * len(columns)
        if owners is not None and len(units):
            owned = np.unique(owners[there], return_inverse=True)[1]
            icc = _alike(units, owned)
            if by_speaker:
                units, aims = _means(units, owned), _means(aims[:, None], owned)[:, 0]
        if len(units) < 3:
            note = f"{len(units)} {'speakers' if by_speaker else 'values'}: too few to correlate"
            rows += [_nothing(names[column], label, len(units), note) for column in columns]
            continue
        if method == "spearman":
            units, aims = rankdata(units, axis=0), rankdata(aims)
        sizes, p_values = correlate(units, aims)
        rows += [
            Effect(names[column], label, effect, "speaker" if by_speaker else "utterance", len(units), effect,
                   float(size), float(size), float(p_value), 1.0, 1.0, {}, alike, _caution(alike, by_speaker))
            for column, size, p_value, alike in zip(columns, sizes, p_values, icc, strict=True)
        ]  # fmt: skip
    return _corrected(rows)


def associate_labels(columns: Mapping[str, Sequence[str]], groups: Sequence[str], label: str) -> list[Effect]:
    """How other categorical columns (gender, database) depend on a label: chi square and Cramer's V without its bias.

    Args:
        columns: by name, (items,) values.
        groups: (items,) the label's values.
        label: its name.

    Returns:
        A row for each column, the largest effect first.

    Raises:
        ValueError: lengths that differ.
    """
    groups = np.asarray(groups).astype(str)
    rows = []
    for name, column in columns.items():
        column = np.asarray(column).astype(str)
        if column.shape != groups.shape or column.ndim != 1:
            raise ValueError(f"{name} has {column.size} values where {label} has {groups.size}")
        kinds, first = np.unique(column, return_inverse=True)
        others, second = np.unique(groups, return_inverse=True)
        table = np.zeros((len(kinds), len(others)))
        np.add.at(table, (first, second), 1)
        expected = np.outer(table.sum(1), table.sum(0)) / max(len(groups), 1)
        if min(table.shape) < 2:
            rows.append(_nothing(name, label, len(groups), "one of both columns has but one value"))
            continue
        statistic = float(((table - expected) ** 2 / expected).sum())
        small = int((expected < 5).sum())
        # Cochran (1954): beyond a fifth of such cells the distribution is not that of chi square.
        note = f"{small} of {expected.size} cells are expected to have less than 5" if small > expected.size / 5 else ""
        p_value = float(chi2.sf(statistic, (len(kinds) - 1) * (len(others) - 1)))
        rows.append(
            Effect(name, label, "chi square", "utterance", len(groups), "Cramer's V", cramers_v(table), statistic,
                   p_value, 1.0, 1.0, {}, None, note)
        )  # fmt: skip
    return _corrected(rows)


def _check(values, names, groups, speakers) -> tuple[np.ndarray, np.ndarray | None]:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape != (len(groups), len(names)) or 0 in values.shape:
        raise ValueError(
            f"expected values of {len(groups)} items by {len(names)} features, at least one, got shape {values.shape}"
        )
    if np.isinf(values).any():
        raise ValueError(f"feature {names[int(np.isinf(values).any(axis=0).argmax())]} has infinite values")
    if speakers is None:
        return values, None
    if len(speakers) != len(values):
        raise ValueError(f"there are {len(speakers)} speakers for {len(values)} items")
    return values, np.unique(np.asarray(speakers), return_inverse=True)[1]


def _pieces(values: np.ndarray, usable: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns that can be computed together, with the (items,) mask of the items that have values there."""
    usable = np.ones(len(values), bool) if usable is None else usable
    step = max(1, _AT_ONCE // len(values))
    whole = np.flatnonzero(~np.isnan(values).any(axis=0))
    for start in range(0, len(whole), step):
        yield whole[start : start + step], usable
    # Features that miss different values have different items: one at a time.
    for column in np.flatnonzero(np.isnan(values).any(axis=0)):
        yield np.array([column]), usable & ~np.isnan(values[:, column])


def _compare(
    values: np.ndarray,
    names: Sequence[str],
    members: np.ndarray,
    kinds: Sequence[str],
    label: str,
    owners: np.ndarray | None,
    by_speaker: bool,
) -> list[Effect]:
    """Rows for features that have the same items and no missing value."""
    _need_of_each(members, kinds, label, "items")
    means = _means(values, members)
    icc = [None] * len(names) if owners is None else _alike(values, owners)
    unit, units, cells = "utterance", values, None
    if by_speaker:
        found, cell = np.unique(owners * len(kinds) + members, return_inverse=True)
        owners_of, members = found // len(kinds), found % len(kinds)
        unit, units = "speaker", _means(values, cell)
        if len(found) > owners.max() + 1:  # someone is in several groups
            of_all = np.bincount(owners_of) == len(kinds)
            if of_all.sum() < 2:
                raise ValueError(
                    f"{label}: {of_all.sum()} of {len(of_all)} speakers are in all of {', '.join(kinds)}, and a "
                    "comparison by speaker needs two: leave out rare labels, or compare by utterance"
                )
            unit, units = "speaker and label", units[of_all[owners_of]]
            cells = units.reshape(int(of_all.sum()), len(kinds), -1)
        else:
            _need_of_each(members, kinds, label, "speakers")
    if cells is not None and len(kinds) == 2:
        test, effect, (statistics, p_values, sizes) = "Wilcoxon", "rank-biserial correlation", signed_ranks(cells)
    elif cells is not None:
        test, effect, (statistics, p_values, sizes) = "Friedman", "Kendall's W", friedman(cells)
    elif len(kinds) == 2:
        test, effect, (statistics, p_values) = "Mann-Whitney", "Hedges' g", mann_whitney(units, members)
        sizes = hedges_g(units, members)
    else:
        test, effect, (statistics, p_values) = "Kruskal-Wallis", "epsilon squared", kruskal_wallis(units, members)
        sizes = epsilon_squared(units, members)
    return [
        Effect(
            name, label, test, unit, len(units), effect, float(sizes[index]), float(statistics[index]),
            float(p_values[index]), 1.0, 1.0, dict(zip(kinds, means[:, index].tolist(), strict=True)), icc[index],
            _caution(icc[index], by_speaker),
        )
        for index, name in enumerate(names)
    ]  # fmt: skip


def _need_of_each(members: np.ndarray, kinds: Sequence[str], label: str, what: str) -> None:
    counts = np.bincount(members, minlength=len(kinds))
    rare = [f"{kind} ({count})" for kind, count in zip(kinds, counts, strict=True) if count < _FEWEST]
    if rare:
        raise ValueError(f"{label}: too few {what} of {', '.join(rare)}: expected {_FEWEST} or more, or leave them out")


def _means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sizes, sums = group_sums(values, groups, int(groups.max()) + 1)
    return sums / sizes[:, None]


def _alike(values: np.ndarray, owners: np.ndarray) -> list[float | None]:
    """ICC of each feature; None where every speaker has one item, or there is just one speaker."""
    count = int(owners.max()) + 1
    if count < 2 or len(values) <= count:
        return [None] * values.shape[1]
    return intraclass_correlation(values, owners).tolist()


def _caution(icc: float | None, by_speaker: bool) -> str:
    if by_speaker or icc is None or icc < 0.1:
        return ""
    return f"utterances of one speaker are alike (ICC {icc:.2f}), but tested as if independent: compare by speaker"


def _nothing(name: str, label: str, count: int, note: str) -> Effect:
    return Effect(name, label, "none", "utterance", count, "none", 0.0, 0.0, 1.0, 1.0, 1.0, {}, None, note)


def _corrected(rows: list[Effect]) -> list[Effect]:
    p_values = [row.p_value for row in rows]
    both = zip(rows, holm(p_values).tolist(), benjamini_hochberg(p_values).tolist(), strict=True)
    return sorted(
        (replace(row, p_holm=first, p_bh=second) for row, first, second in both),
        key=lambda row: (-abs(row.size), row.p_value, row.feature),
    )
