"""Figures: drawn without a window system, the same bytes each time, and what they show."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.cluster.hierarchy import linkage

from speechlib.report.clustering_figures import cut_curves, dendrogram
from speechlib.report.result_figures import grouped_dots, scatter_panels, seed_dots, training_curves, tsne
from speechlib.report.spectrogram_figures import spectrogram
from speechlib.report.style import COLOURS, colour_of, figure_bytes, marker_of

SPEAKERS = ["a", "a", "b", "b", "c", "c"]
ITEMS = ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]
POINTS = np.array([[0.0], [0.1], [1.0], [1.2], [3.0], [9.0]])


def tree():
    return linkage(POINTS, "complete")


def curve(rates):
    return {"num_clusters": np.arange(len(rates), 0, -1), "mr_strict": np.array(rates), "mr_hungarian": np.array(rates)}


FIGURES = {
    "dendrogram": lambda: dendrogram(tree(), ITEMS, SPEAKERS, {"best cut": 0.5, "chosen cut": 0.6}, "title"),
    "cuts": lambda: cut_curves({"L5": curve([1, 0.5, 1])}, {"L5": {"oracle_strict": 2, "chosen_hungarian": 3}}, 2, "t"),
    "bars": lambda: grouped_dots({"L5": {"10": [0.1, 0.2], "20": [0.1]}, "L7": {"10": [0.3]}}, "MR", "t",
                                 {"L5": {"10": 0.3}}),
    "rows": lambda: seed_dots({"time": {"1 x 4": [0.9, 0.9, 1.0]}, "both": {"4 x 4": [1.0]}}, "accuracy", "t", 0.5),
    "training": lambda: training_curves({run: {"loss": {"x": [1, 2], "y": [2, 1]}} for run in "12"}, title="t",
                                        log_measures=["loss"]),
    "scatter": lambda: scatter_panels({"L5": np.eye(3)[:, :2], "L8": np.ones((3, 2))}, ["a", "b", "a"], "t", "speaker"),
    "spectrogram": lambda: spectrogram(np.random.default_rng(0).random((250, 128)), 100, 100, [(4, 4), (128, 4)], "t"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_same_picture_is_the_same_bytes(name):
    first, second = (figure_bytes(FIGURES[name](), "png") for _ in range(2))
    assert first == second
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and b"Software" not in first


@pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_other_formats(format, start):
    first, second = (figure_bytes(FIGURES["dendrogram"](), format) for _ in range(2))
    assert first == second and first.startswith(start)
    with pytest.raises(ValueError, match="unknown picture format 'gif'"):
        figure_bytes(FIGURES["cuts"](), "gif")


def test_dendrogram_colours_what_holds_one_speaker():
    axes = dendrogram(tree(), ITEMS, SPEAKERS).axes[0]
    labels = {label.get_text(): label for label in axes.get_yticklabels()}
    assert sorted(labels) == ITEMS
    assert labels["a-1"].get_color() == labels["a-2"].get_color() != labels["b-1"].get_color()
    assert [name for name in ITEMS if labels[name].get_fontweight() == "bold"] == ["a-1", "a-2", "b-1", "b-2"]
    colours = [to_hex(line.get_color()) for line in axes.lines]
    assert sum(colour in COLOURS for colour in colours) == 2  # a with a, b with b; c meets the others first


def test_dendrogram_axis_is_the_distance():
    axes = dendrogram(tree(), ITEMS, SPEAKERS, {"cut": 2.5}).axes[0]
    assert max(max(line.get_xdata()) for line in axes.lines) == pytest.approx(9.0)
    assert [2.5, 2.5] in [list(line.get_xdata()) for line in axes.lines]


def test_bars_stand_at_the_mean():
    axes = FIGURES["bars"]().axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0.15, 0.1, 0.3])


def test_equal_seeds_do_not_hide_each_other():
    axes = seed_dots({"": {"4 x 4": [0.9, 0.9, 0.9]}}, "accuracy").axes[0]
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    assert len(set(dots.get_ydata())) == 3 and set(dots.get_xdata()) == {0.9}


def test_colours_and_markers_tell_names_apart():
    names = [f"s{number}" for number in range(64)]
    colour, marker = colour_of(names), marker_of(names)
    assert len({(colour[name], marker[name]) for name in names}) == 64


def test_tsne_keeps_groups_and_is_the_same_each_time():
    generator = np.random.default_rng(0)
    vectors = np.repeat(generator.normal(size=(3, 10)), 8, axis=0) + generator.normal(scale=0.05, size=(24, 10))
    points = tsne(vectors)
    np.testing.assert_array_equal(points, tsne(vectors))
    near = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(24, np.inf))
    assert (near.argmin(axis=1) // 8 == np.arange(24) // 8).all()
    assert tsne(vectors[:3]).shape == (3, 2)
    with pytest.raises(ValueError, match="at least three"):
        tsne(vectors[:2])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: dendrogram(tree(), ITEMS[:3], SPEAKERS), "make no dendrogram"),
        (lambda: dendrogram(np.empty((0, 4)), ["a"], ["a"]), "make no dendrogram"),
        (lambda: grouped_dots({}, "x"), "no value to draw"),
        (lambda: seed_dots({"a": {}}, "x"), "no value to draw"),
        (lambda: training_curves({"a": {}}), "no curve"),
        (lambda: scatter_panels({"a": np.ones((2, 2))}, ["a"]), "labels do not fit"),
        (lambda: spectrogram(np.ones(4)), r"shape \(4,\)"),
    ],
)
def test_nothing_to_draw_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_no_window_system_is_touched(root):
    code = (
        "import sys; import speechlib.report.clustering_figures, speechlib.report.result_figures; "
        "assert 'matplotlib.pyplot' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
