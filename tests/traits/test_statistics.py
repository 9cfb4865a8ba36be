"""Effect sizes and tests against numbers by hand, SciPy feature by feature, and known designs; corrections; errors."""

import numpy as np
import pytest
import scipy.stats

from speechlib.traits.effect_sizes import (
    cohens_d,
    correlation,
    cramers_v,
    epsilon_squared,
    eta_squared,
    hedges_g,
    intraclass_correlation,
)
from speechlib.traits.multiple_tests import benjamini_hochberg, holm
from speechlib.traits.statistics import associate_labels, compare_groups, relate_features
from speechlib.traits.tests_of_groups import friedman, kruskal_wallis, mann_whitney, signed_ranks


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def column(*numbers):
    return np.array(numbers, float)[:, None]


def test_corrections_by_hand():
    p_values = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(p_values), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p_values), [0.02, 0.04, 0.04, 0.02])
    assert holm([0.4, 0.6]).tolist() == [0.8, 0.8] and holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).size == benjamini_hochberg([]).size == 0


def test_benjamini_hochberg_is_scipys(rng):
    p_values = rng.random(50) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p_values), scipy.stats.false_discovery_control(p_values))


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
@pytest.mark.parametrize("wrong", [[0.1, 1.2], [-0.1], [np.nan], [[0.1]]])
def test_p_values_are_checked(correct, wrong):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        correct(wrong)


def test_two_groups_by_hand():
    # means 2 and 5, both variances 1: d = -3, and Hedges' factor for n = 6 is 1 - 3 / 15
    values, groups = column(1, 2, 3, 4, 5, 6), np.array([0, 0, 0, 1, 1, 1])
    assert cohens_d(values, groups) == pytest.approx([-3.0])
    assert hedges_g(values, groups) == pytest.approx([-2.4])
    # between 13.5, total 17.5
    assert eta_squared(values, groups) == pytest.approx([13.5 / 17.5])
    assert cohens_d(column(1, 1, 2, 2), np.array([0, 0, 1, 1])) == -np.inf


def test_epsilon_squared_is_h_over_n_minus_1(rng):
    values, groups = rng.normal(size=(30, 1)).round(1), np.repeat([0, 1, 2], 10)
    statistic = scipy.stats.kruskal(*(values[groups == group, 0] for group in range(3))).statistic
    assert epsilon_squared(values, groups) == pytest.approx([statistic / 29])


def test_intraclass_correlation_by_hand():
    # Two speakers, 1 2 and 3 5: between 6.25, within (0.5 + 2) / 2 = 1.25
    assert intraclass_correlation(column(1, 2, 3, 5), np.array([0, 0, 1, 1])) == pytest.approx([5 / 7.5])
    assert intraclass_correlation(column(1, 1, 2, 2), np.array([0, 0, 1, 1])) == pytest.approx([1.0])


def test_intraclass_correlation_finds_the_share_of_speakers(rng):
    speakers = np.repeat(np.arange(300), rng.integers(2, 9, size=300))
    values = rng.normal(size=(300, 1))[speakers] + rng.normal(size=(len(speakers), 1)) * 2.0
    assert intraclass_correlation(values, speakers)[0] == pytest.approx(0.2, abs=0.05)


def test_cramers_v_by_hand():
    # phi2 = 1 of 20 items, corrected: (1 - 1/19) over (2 - 1/19 - 1) = 1
    assert cramers_v([[10, 0], [0, 10]]) == pytest.approx(1.0)
    assert cramers_v([[5, 5], [5, 5]]) == 0.0
    # phi2 = .04, over n - 1 = 99: (.04 - 1/99) / (1 - 1/99)
    assert cramers_v([[30, 20], [20, 30]]) == pytest.approx(np.sqrt((0.04 - 1 / 99) / (1 - 1 / 99)))
    assert cramers_v([[3, 4]]) == 0.0 and cramers_v([[1, 0], [0, 1]]) == 0.0


def test_constants_have_no_effect():
    constant, groups = np.full((7, 1), 0.1), np.array([0, 0, 0, 1, 1, 1, 1])
    for effect in (cohens_d, hedges_g, eta_squared, epsilon_squared, intraclass_correlation):
        assert effect(constant, groups).tolist() == [0.0]
    assert correlation(constant, np.arange(7)) == correlation(np.arange(7.0)[:, None], constant[:, 0]) == 0.0
    for test in (mann_whitney, kruskal_wallis):
        assert test(constant, groups)[1].tolist() == [1.0]
    assert signed_ranks(np.ones((5, 2, 1)))[1:] == (1.0, 0.0) and friedman(np.ones((5, 3, 1)))[1:] == (1.0, 0.0)


@pytest.mark.parametrize("sizes", [(5, 7), (20, 30)])
def test_two_groups_are_tested_as_scipy_does_one_by_one(rng, sizes):
    groups = np.repeat([0, 1], sizes)
    values = rng.normal(size=(len(groups), 4))
    values[:, 1] = values[:, 1].round()  # ties must not change what the neighbours get
    statistics, p_values = mann_whitney(values, groups)
    for index in range(4):
        alone = scipy.stats.mannwhitneyu(values[groups == 0, index], values[groups == 1, index])
        assert (statistics[index], p_values[index]) == pytest.approx((alone.statistic, alone.pvalue))


def test_several_groups_are_tested_as_scipy_does(rng):
    groups = rng.permutation(np.repeat([0, 1, 2], (4, 9, 6)))
    values = rng.normal(size=(19, 3))
    values[:, 2] = values[:, 2].round()
    statistics, p_values = kruskal_wallis(values, groups)
    for index in range(3):
        alone = scipy.stats.kruskal(*(values[groups == group, index] for group in range(3)))
        assert (statistics[index], p_values[index]) == pytest.approx((alone.statistic, alone.pvalue))


def test_blocks_are_tested_as_scipy_does(rng):
    cells = rng.normal(size=(9, 4, 3))
    cells[..., 2] = cells[..., 2].round()
    statistics, p_values, concordance = friedman(cells)
    for index in range(3):
        alone = scipy.stats.friedmanchisquare(*cells[..., index].T)
        assert (statistics[index], p_values[index]) == pytest.approx((alone.statistic, alone.pvalue))
    assert concordance == pytest.approx(statistics / 27)
    assert friedman(np.tile(np.arange(4.0)[:, None], (9, 1, 1)))[2] == pytest.approx([1.0])


def test_pairs_are_tested_as_scipy_does(rng):
    cells = rng.normal(size=(12, 2, 3))
    cells[..., 1] = cells[..., 1].round()
    statistics, p_values, effects = signed_ranks(cells)
    for index, method in enumerate(("exact", "asymptotic", "exact")):
        alone = scipy.stats.wilcoxon(cells[:, 0, index], cells[:, 1, index], method=method)
        assert p_values[index] == pytest.approx(alone.pvalue)
        if method == "exact":  # SciPy leaves pairs without difference out before it ranks
            assert statistics[index] == pytest.approx(alone.statistic)
    # differences 1, 2, -3: (1 + 2 - 3) / 6; and 1, 2, 3: all to one side
    assert signed_ranks(np.array([[[1.0], [0]], [[2], [0]], [[0], [3]]]))[2] == pytest.approx([0.0])
    assert signed_ranks(np.array([[[1.0], [0]], [[2], [0]], [[3], [0]]]))[2] == pytest.approx([1.0])


def corpus(rng, num_speakers=8, labels=("anger", "joy", "sad"), takes=4):
    """Values that depend on the label, on the speaker, on nothing; and one that is constant."""
    speakers = np.repeat(np.arange(num_speakers), len(labels) * takes)
    groups = np.tile(np.repeat(np.arange(len(labels)), takes), num_speakers)
    values = rng.normal(size=(len(groups), 4))
    values[:, 0] += 2.0 * groups
    values[:, 1] += 3.0 * rng.normal(size=num_speakers)[speakers]
    values[:, 3] = 1.5
    return values, ["level", "voice", "noise", "same"], np.array(labels)[groups], [f"s{s}" for s in speakers]


def test_table_by_utterance(rng):
    values, names, groups, speakers = corpus(rng)
    rows = compare_groups(values, names, groups, "emotion", speakers)
    assert rows[0].feature == "level" and [abs(row.size) for row in rows] == sorted(
        (abs(row.size) for row in rows), reverse=True
    )
    assert {(row.test, row.effect, row.unit, row.num_units) for row in rows} == {
        ("Kruskal-Wallis", "epsilon squared", "utterance", 96)
    }
    level = rows[0]
    assert level.p_holm == pytest.approx(4 * level.p_value) and level.p_value < level.p_bh <= level.p_holm < 1e-6
    assert level.means["sad"] == pytest.approx(values[groups == "sad", 0].mean())
    of = {row.feature: row for row in rows}
    assert "alike (ICC 0." in of["voice"].note and of["voice"].speaker_icc > 0.5 and of["noise"].note == ""
    assert of["same"].p_holm == 1.0 and of["same"].size == 0.0


def test_speakers_who_have_all_labels_are_compared_with_themselves(rng):
    values, names, groups, speakers = corpus(rng)
    level = compare_groups(values, names, groups, "emotion", speakers, by_speaker=True)[0]
    assert (level.feature, level.test, level.unit, level.num_units) == ("level", "Friedman", "speaker and label", 24)
    assert level.size == pytest.approx(1.0) and level.note == ""
    cells = values[:, :1].reshape(8, 3, 4).mean(axis=2)
    assert level.p_value == pytest.approx(scipy.stats.friedmanchisquare(*cells.T).pvalue)
    two = groups != "joy"
    row = compare_groups(values[two], names, groups[two], "emotion", np.array(speakers)[two], by_speaker=True)[0]
    assert (row.test, row.effect, row.size) == ("Wilcoxon", "rank-biserial correlation", -1.0)
    assert row.p_value == pytest.approx(2 / 2**8)


def test_speakers_of_one_label_each_count_once(rng):
    """What differs by speaker alone looks like gender by utterance, and not by speaker."""
    found = {False: 0, True: 0}
    for _ in range(40):
        speakers = np.repeat(np.arange(10), 20)
        values = rng.normal(size=10)[speakers, None] + 0.3 * rng.normal(size=(200, 1))
        for by_speaker in found:
            (row,) = compare_groups(values, ["f0"], np.array(["f", "m"])[speakers % 2], "gender", speakers, by_speaker)
            found[by_speaker] += row.p_value < 0.05
    assert found[False] > 25 and found[True] < 8
    assert (row.test, row.effect, row.unit, row.num_units) == ("Mann-Whitney", "Hedges' g", "speaker", 10)


def test_missing_values_are_left_out_of_their_feature_alone(rng):
    values, names, groups, speakers = corpus(rng)
    values[::7, 0] = np.nan
    values[groups == "joy", 2] = np.nan
    of = {row.feature: row for row in compare_groups(values, names, groups, "emotion", speakers)}
    there = ~np.isnan(values[:, 0])
    alone = scipy.stats.kruskal(*(values[there & (groups == name), 0] for name in ("anger", "joy", "sad")))
    assert of["level"].num_units == there.sum() and of["level"].p_value == pytest.approx(alone.pvalue)
    assert of["noise"].test == "none" and "too few items of joy (0)" in of["noise"].note
    assert of["voice"].num_units == 96


def test_thousands_of_features_give_what_each_gives_alone(rng):
    values, groups = rng.normal(size=(1200, 4000)), rng.integers(3, size=1200).astype(str)
    names = [f"f{index}" for index in range(4000)]
    of = {row.feature: row for row in compare_groups(values, names, groups, "emotion")}
    for index in (0, 3999):
        (alone,) = compare_groups(values[:, [index]], [names[index]], groups, "emotion")
        assert (of[names[index]].p_value, of[names[index]].size) == pytest.approx((alone.p_value, alone.size))
    assert min(row.p_holm for row in of.values()) > 0.001


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_correlations_are_scipys(rng, method):
    target = rng.normal(size=40)
    values = np.column_stack([np.exp(target + rng.normal(size=40)), rng.normal(size=40), target])
    values[:3, 1] = np.nan
    rows = relate_features(values, ["a", "b", "c"], target, "arousal", method=method)
    assert rows[0].feature == "c" and rows[0].size == pytest.approx(1.0)
    of = {row.feature: row for row in rows}
    reference = {"spearman": scipy.stats.spearmanr, "pearson": scipy.stats.pearsonr}[method]
    for name, index, start in (("a", 0, 0), ("b", 1, 3)):
        alone = reference(values[start:, index], target[start:])
        assert (of[name].size, of[name].p_value) == pytest.approx((alone.statistic, alone.pvalue))
    assert of["b"].num_units == 37


def test_correlations_by_speaker_are_of_their_means(rng):
    speakers = np.repeat(list("abcd"), 5)
    values, target = rng.normal(size=(20, 1)), rng.normal(size=20)
    (row,) = relate_features(values, ["f0"], target, "age", speakers, by_speaker=True, method="pearson")
    means = [(values[speakers == name].mean(), target[speakers == name].mean()) for name in "abcd"]
    assert row.size == pytest.approx(np.corrcoef(np.array(means).T)[0, 1])
    assert (row.unit, row.num_units) == ("speaker", 4)
    (few,) = relate_features(values, ["f0"], target, "age", ["a"] * 10 + ["b"] * 10, by_speaker=True)
    assert few.note == "2 speakers: too few to correlate" and few.p_value == 1.0
    (none,) = relate_features(values, ["f0"], np.full(20, np.nan), "age", speakers)
    assert none.test == "none"


def test_labels_against_labels():
    groups = ["a"] * 30 + ["b"] * 30
    gender = ["f", "m"] * 30
    place = ["x"] * 25 + ["y"] * 35
    rows = associate_labels({"gender": gender, "place": place, "same": ["z"] * 60}, groups, "emotion")
    assert [row.feature for row in rows] == ["place", "gender", "same"]
    table = [[25, 0], [5, 30]]
    alone = scipy.stats.chi2_contingency(table, correction=False)
    assert (rows[0].statistic, rows[0].p_value) == pytest.approx((alone.statistic, alone.pvalue))
    assert rows[0].size == pytest.approx(cramers_v(np.transpose(table))) and rows[0].p_holm > rows[0].p_value
    assert "but one value" in rows[2].note
    (rare,) = associate_labels({"rare": ["p", "q"] * 3}, ["a"] * 3 + ["b"] * 3, "emotion")
    assert rare.note == "4 of 4 cells are expected to have less than 5"


ONES = np.arange(12.0).reshape(6, 2)
GROUPS = ["a", "a", "a", "b", "b", "b"]


@pytest.mark.parametrize(
    ("values", "groups", "options", "message"),
    [
        (ONES[:5], GROUPS, {}, "6 items by 2 features"),
        (np.where(ONES == 3, np.inf, ONES), GROUPS, {}, "feature y has infinite"),
        (ONES, ["a"] * 6, {}, r"emotion is the same for all items \(a\)"),
        (ONES, ["a"] * 5 + ["b"], {}, r"too few items of b \(1\)"),
        (ONES, GROUPS, {"by_speaker": True}, "needs the speakers"),
        (ONES, GROUPS, {"speakers": ["s"]}, "1 speakers for 6 items"),
        (ONES, GROUPS, {"speakers": list("ssstuv"), "by_speaker": True}, r"too few speakers of a \(1\)"),
        (ONES, GROUPS, {"speakers": list("sttsuv"), "by_speaker": True}, "1 of 4 speakers are in all of a, b"),
    ],
)
def test_what_cannot_be_compared(values, groups, options, message):
    with pytest.raises(ValueError, match=message):
        compare_groups(values, ["x", "y"], groups, "emotion", **options)


def test_what_cannot_be_related():
    with pytest.raises(ValueError, match="unknown correlation 'kendall'"):
        relate_features(ONES, ["x", "y"], np.arange(6), "age", method="kendall")
    with pytest.raises(ValueError, match="by speaker needs the speakers"):
        relate_features(ONES, ["x", "y"], np.arange(6), "age", by_speaker=True)
    with pytest.raises(ValueError, match="gender has 2 values where emotion has 6"):
        associate_labels({"gender": ["f", "m"]}, GROUPS, "emotion")


def test_what_effect_sizes_refuse():
    with pytest.raises(ValueError, match="two groups, not 3"):
        cohens_d(np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2]))
    with pytest.raises(ValueError, match=r"groups of \[2 0 2\]"):
        eta_squared(np.ones((4, 1)), np.array([0, 0, 2, 2]))
    with pytest.raises(ValueError, match="a group for each item"):
        eta_squared(np.ones((4, 1)), np.array([0, 1]))
    with pytest.raises(ValueError, match="without empty rows"):
        cramers_v([[1, 2], [0, 0]])
    with pytest.raises(ValueError, match="three items or more"):
        correlation(np.ones((2, 1)), [1, 2])
