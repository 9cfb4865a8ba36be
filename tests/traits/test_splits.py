"""Splits: by speakers, at random, balanced, in folds; the same whatever the order of the samples."""

import itertools

import numpy as np
import pytest

from speechlib.traits.splits import (
    group_folds,
    limit_per_group,
    split_balanced,
    split_random,
    split_speakers,
    stratified_folds,
)

SPEAKERS = [f"s{number % 7}" for number in range(70)]
NAMES = [f"u{number:02d}" for number in range(70)]
LABELS = ["abc"[number % 3] for number in range(70)]


def shuffled(*columns):
    order = np.random.default_rng(9).permutation(len(columns[0]))
    return order, *([column[place] for place in order] for column in columns)


def test_a_speaker_split_takes_whole_speakers():
    mask = split_speakers(SPEAKERS, 30, seed=1)
    test = {s for s, m in zip(SPEAKERS, mask, strict=True) if m}
    assert len(test) == 2  # 30 % of 7, cut
    assert not test & {s for s, m in zip(SPEAKERS, mask, strict=True) if not m}
    assert any((split_speakers(SPEAKERS, 30, seed=seed) != mask).any() for seed in range(2, 6))


@pytest.mark.parametrize("per_cent, count", [(1, 1), (20, 1), (99, 6)])
def test_a_speaker_split_leaves_and_takes_one_at_least(per_cent, count):
    mask = split_speakers(SPEAKERS, per_cent, seed=0)
    assert len({s for s, m in zip(SPEAKERS, mask, strict=True) if m}) == count


def test_no_split_depends_on_the_order_of_the_samples():
    order, speakers, names, labels = shuffled(SPEAKERS, NAMES, LABELS)
    assert (split_speakers(speakers, 30, 5) == split_speakers(SPEAKERS, 30, 5)[order]).all()
    assert (split_random(names, 30, 5) == split_random(NAMES, 30, 5)[order]).all()
    columns = {"label": (LABELS, 1.0)}
    mixed = {"label": (labels, 1.0)}
    assert (split_balanced(speakers, mixed, 30, 5) == split_balanced(SPEAKERS, columns, 30, 5)[order]).all()
    for name, mask in stratified_folds(names, labels, 4, 5).items():
        assert (mask == stratified_folds(NAMES, LABELS, 4, 5)[name][order]).all()
    for name, mask in group_folds(speakers, 3, 5).items():
        assert (mask == group_folds(SPEAKERS, 3, 5)[name][order]).all()
    limited = limit_per_group(names, speakers, 3, 5)
    assert (limited == limit_per_group(NAMES, SPEAKERS, 3, 5)[order]).all()


def test_a_random_split_has_the_size_asked_for():
    assert split_random(NAMES, 30, 0).sum() == 21
    assert split_random(["a", "b"], 1, 0).sum() == 1


def test_a_balanced_split_finds_the_best_of_all_splits():
    # Speakers have different sexes and classes: one pair spreads both columns best, as trying them all shows.
    speakers = [f"s{number}" for number in range(6) for _ in range(10)]
    sex = ["f" if number % 2 else "m" for number in range(6) for _ in range(10)]
    label = [("a" if item < (3, 9, 5, 1, 5, 7)[number] else "b") for number in range(6) for item in range(10)]
    mask = split_balanced(speakers, {"sex": (sex, 1.0), "label": (label, 1.0)}, 100 / 3, seed=0)

    def cost(chosen):
        inside = np.isin(speakers, chosen)
        total = abs(inside.mean() - 1 / 3)
        for values in (sex, label):
            p, q = ([np.mean(np.array(values)[part] == v) for v in sorted(set(values))] for part in (inside, ~inside))
            m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
            total += sum(sum(x * np.log2(x / y) for x, y in zip(r, m, strict=True) if x > 0) for r in (p, q)) / 2
        return total

    best = min(cost(list(pair)) for pair in itertools.combinations(sorted(set(speakers)), 2))
    assert cost(sorted({s for s, m in zip(speakers, mask, strict=True) if m})) == pytest.approx(best)


def test_folds_leave_each_speaker_out_once():
    folds = group_folds(SPEAKERS, None, 0)
    assert list(folds) == sorted(set(SPEAKERS))
    assert (sum(mask.astype(int) for mask in folds.values()) == 1).all()
    grouped = group_folds(SPEAKERS, 3, 0)
    assert list(grouped) == ["group1", "group2", "group3"]
    assert (sum(mask.astype(int) for mask in grouped.values()) == 1).all()
    for mask in grouped.values():
        inside = {s for s, m in zip(SPEAKERS, mask, strict=True) if m}
        assert 2 <= len(inside) <= 3 and all(s not in inside for s, m in zip(SPEAKERS, mask, strict=True) if not m)


def test_stratified_folds_spread_the_classes():
    folds = stratified_folds(NAMES, LABELS, 5, 0)
    assert (sum(mask.astype(int) for mask in folds.values()) == 1).all()
    for mask in folds.values():
        assert mask.sum() == 14
        counts = [sum(label == name for label, m in zip(LABELS, mask, strict=True) if m) for name in "abc"]
        assert max(counts) - min(counts) <= 1


def test_a_limit_keeps_so_many_of_each():
    mask = limit_per_group(NAMES, ["a"] * 5 + ["b"] * 65, 6, 0)
    assert mask[:5].sum() == 5 and mask[5:].sum() == 6


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: split_speakers(["a", "a"], 20, 0), "needs two of them or more, there is a"),
        (lambda: split_speakers(SPEAKERS, 0, 0), "0 to 100 per cent"),
        (lambda: split_random(["a"], 20, 0), "two samples or more"),
        (lambda: split_balanced(SPEAKERS, {}, 20, 0), "needs columns to balance"),
        (lambda: split_balanced(["a"], {"x": (["b"], 1.0)}, 20, 0), "two speakers or more"),
        (lambda: group_folds(["a"], None, 0), "two of them or more"),
        (lambda: group_folds(SPEAKERS, 8, 0), "logo = 8: expected 2 to 7"),
        (lambda: stratified_folds(NAMES, LABELS, 1, 0), "k_fold_cross = 1"),
        (lambda: limit_per_group(NAMES, SPEAKERS, 0, 0), "at least 1"),
    ],
)
def test_what_cannot_be_split_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
