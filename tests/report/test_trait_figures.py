"""Pictures of labels, features and predictions: what they show, the same bytes each time, and what cannot be drawn."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from speechlib.report.layer_figures import confusion_matrices
from speechlib.report.prediction_figures import group_scores, regression_scatter, reliability_diagram
from speechlib.report.style import COLOURS, figure_bytes
from speechlib.report.trait_figures import distributions, effect_bars, feature_scatter, value_counts

COUNTS = {"anger": {"train": 5, "test": 2}, "happiness": {"train": 3}}
VALUES = {"anger": [1.0, 2.0, 4.0], "joy": np.linspace(0, 1, 200), "same": [2.0, 2.0]}
SCORES = {"speaker": {"03": (0.8, 0.7, 0.9, 20), "08": (0.5, None, None, 9)}, "gender": {"female": (0.7, 0.6, 0.8, 29)}}
BINS = [
    SimpleNamespace(low=0.0, high=0.5, count=0, confidence=0.0, accuracy=0.0),
    SimpleNamespace(low=0.5, high=1.0, count=4, confidence=0.9, accuracy=0.75),
]
FIGURES = {
    "counts": lambda: value_counts(COUNTS, "emotion", "t", "split"),
    "distributions": lambda: distributions(VALUES, "F0", "emotion", "t"),
    "scatter": lambda: feature_scatter([1, 2, 3], [3, 1, 2], ["b", "a", "b"], "F0", "loudness", "t", "emotion"),
    "effects": lambda: effect_bars({"f0": -0.8, "rate": 0.3, "same": np.inf}, "Hedges' g", {"f0"}, "t"),
    "groups": lambda: group_scores(SCORES, "UAR", "t", 0.25),
    "reliability": lambda: reliability_diagram(BINS, 0.15, "t"),
    "regression": lambda: regression_scatter([1, 2, 3], [1, 2, 4], "age", {"CCC": 0.857}, ["a", "b", "a"], "t", "who"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_same_picture_is_the_same_bytes(name):
    first, second = (figure_bytes(FIGURES[name](), "png") for _ in range(2))
    assert first == second and first[:4] == b"\x89PNG"


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_counts_are_stacked_with_their_sum_above():
    axes = FIGURES["counts"]().axes[0]
    assert texts(axes) == ["7", "3"]
    assert [(bar.get_y(), bar.get_height()) for bar in axes.patches] == [(0, 5), (5, 2), (0, 3), (3, 0)]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(COUNTS)
    assert FIGURES["counts"]().legends and not value_counts({"f": {"": 2}}, "gender").legends


def test_long_names_lie_aslant():
    angles = [
        value_counts({name: {"": 1}}, "emotion").axes[0].get_xticklabels()[0].get_rotation()
        for name in ("anger", "disappointment")
    ]
    assert angles == [0, 35]


def test_distributions_show_quartiles_and_single_points_where_few():
    axes = FIGURES["distributions"]().axes[0]
    lines = [line.get_ydata() for line in axes.lines]
    assert sorted(lines[0]) == [1, 2, 4] and lines[1] == pytest.approx([1.5, 3.0]) and list(lines[2]) == [2.0]
    assert not any(len(line) == 200 for line in lines)
    assert len(axes.collections) == 2  # no outline of what is always the same
    assert [label.get_text() for label in axes.get_xticklabels()] == ["anger\n(3)", "joy\n(200)", "same\n(2)"]


def test_effects_that_were_not_found_are_pale():
    bars = FIGURES["effects"]().axes[0].patches
    assert [bar.get_alpha() for bar in bars] == [0.9, 0.25, 0.25]
    assert [bar.get_width() for bar in bars] == pytest.approx([-0.8, 0.3, 0.88])
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [COLOURS[1], COLOURS[0], COLOURS[0]]


def test_scores_have_a_row_each_and_a_line_where_there_is_an_interval():
    axes = FIGURES["groups"]().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["03 (20)", "08 (9)", "female (29)"]
    assert axes.get_yticks().tolist() == [1, 2, 4] and texts(axes) == ["speaker", "gender"]
    lines = [list(line.get_xdata()) for line in axes.lines]
    assert lines == [[0.7, 0.9], [0.8], [0.5], [0.6, 0.8], [0.7], [0.25, 0.25]]
    assert axes.get_xlim() == (0.0, 1.0)
    assert group_scores({"speaker": {"a": (-0.2, None, None, 3)}}, "CCC").axes[0].get_xlim()[0] == -0.2


def test_reliability_shows_bins_with_items_and_their_gap():
    above, below = FIGURES["reliability"]().axes
    assert [(bar.get_y(), bar.get_height()) for bar in above.patches] == [(0, 0.75), (0.75, pytest.approx(0.15))]
    assert [bar.get_height() for bar in below.patches] == [0.0, 1.0]
    assert texts(above) == ["ECE 0.150"]


def test_regression_has_the_same_axis_twice():
    axes = FIGURES["regression"]().axes[0]
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0.85, 4.15))
    assert texts(axes) == ["CCC 0.857"]
    points = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if line.get_label() in "ab"}
    assert points == {"a": [[1, 1], [3, 4]], "b": [[2, 2]]}


def test_confusion_has_counts_below_its_shares():
    axes = confusion_matrices({"SVM": [[3, 1], [0, 2]]}, "ab", unit="utterances", show_counts=True).axes[0]
    assert texts(axes) == ["75", "3", "25", "1", "0", "0", "100", "2"]
    assert axes.get_ylabel() == "true class (utterances)" and "below: how many" in axes.get_xlabel()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: value_counts({}, "emotion"), "no value to count"),
        (lambda: distributions({}, "F0"), "none in any"),
        (lambda: distributions({"a": [1.0], "b": [], "c": [np.nan]}, "F0"), "none in b, c"),
        (lambda: feature_scatter([1], [1], [], "x", "y"), "got 0 for 1 by 1"),
        (lambda: effect_bars({}, "g", ()), "no effect to draw"),
        (lambda: group_scores({"speaker": {}}, "UAR"), "no score to draw"),
        (lambda: reliability_diagram(BINS[:1], 0.0), "no probability to draw"),
        (lambda: regression_scatter([], [], "age", {}), "do not fit 0"),
        (lambda: regression_scatter([1, 2], [1], "age", {}), "1 predictions and 2 groups do not fit 2"),
        (lambda: regression_scatter([1], [np.nan], "age", {}), "not finite"),
    ],
)
def test_what_cannot_be_drawn(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
