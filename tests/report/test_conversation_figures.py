"""Pictures of conversations: rows and colours of speakers, matrix, tree, and what cannot be drawn."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from speechlib.report.conversation_figures import Tree, conversation_figure
from speechlib.report.style import COLOURS, figure_bytes

REFERENCE = [(0.0, 2.0, "ann"), (2.0, 1.0, "bob"), (3.0, 2.0, "ann"), (5.0, 4.0, "cid")]
FOUND = [(0.0, 2.0, "1"), (2.0, 1.0, "2"), (3.0, 2.0, "2"), (5.0, 4.0, "3")]
MATCHES = {"cid": "3", "bob": "2"}
# ann0 ann1 | bob, and the last height falls.
TREE = np.array([[0, 2, 1.0, 2], [1, 3, 4.0, 2], [4, 5, 3.0, 4]])
SPEAKERS = ["ann", "bob", "ann", "cid"]


def row_colours(axes):
    return [to_hex(patch.get_facecolor()[0]) for patch in axes.collections]


def row_names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_a_found_cluster_has_the_colour_of_its_speaker():
    above, below = conversation_figure(REFERENCE, FOUND, MATCHES).axes
    assert row_names(above) == ["ann", "bob", "cid"]
    assert row_colours(above) == list(COLOURS[:3])
    assert row_names(below) == ["2", "3", "1"]  # in the order of their speakers, and then the one without
    assert row_colours(below)[:2] == list(COLOURS[1:3])
    assert row_colours(below)[2] not in COLOURS


def test_turns_are_where_they_were():
    above, _ = conversation_figure(REFERENCE, FOUND, MATCHES).axes
    spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in above.collections[0].get_paths()]
    assert spans == [(0.0, 2.0), (3.0, 5.0)]


def test_long_conversations_count_minutes():
    figure = conversation_figure([(0.0, 30.0, "a"), (1200.0, 60.0, "b")], [], {})
    assert figure.axes[1].get_xlabel() == "time in minutes"
    assert figure.axes[1].get_xlim()[1] == 21.0


def test_tree_and_distances():
    distances = np.arange(16.0).reshape(4, 4)
    tree = Tree(SPEAKERS, TREE, distances, cut=2.0)
    figure = conversation_figure(REFERENCE, FOUND, MATCHES, tree, "title")
    assert len(figure.axes) == 5  # two timelines, matrix, tree, and the matrix's scale
    matrix = next(axes for axes in figure.axes if axes.images).images[0].get_array()
    order = [0, 2, 1, 3]  # ann's first
    expected = distances[np.ix_(order, order)]
    off_diagonal = ~np.eye(4, dtype=bool)
    np.testing.assert_array_equal(matrix[off_diagonal], expected[off_diagonal])
    drawn = [item for axes in figure.axes for item in axes.collections if isinstance(item, LineCollection)]
    lines = next(item for item in drawn if item.get_segments())
    tops = [segment[1, 1] for segment in lines.get_segments()]
    assert tops == [1, 1, 4, 4, 4, 4]  # the level that a threshold must have, not the distance that fell
    colours = [to_hex(colour) for colour in lines.get_colors()]
    assert colours[:2] == [COLOURS[0]] * 2
    assert colours[2:4] == [COLOURS[1], COLOURS[2]]
    assert colours[4] == COLOURS[0] and colours[5] not in COLOURS
    assert figure_bytes(figure, "png") == figure_bytes(
        conversation_figure(REFERENCE, FOUND, MATCHES, tree, "title"), "png"
    )


@pytest.mark.parametrize("num_speakers, num", [(2, 10), (7, 300), (12, 40)])
def test_sizes(num_speakers, num):
    from speechlib.clustering.linkage import linkage_tree

    rng = np.random.default_rng(0)
    speakers = [f"s{index % num_speakers}" for index in range(num)]
    turns = [(float(index), 1.2, speaker) for index, speaker in enumerate(speakers)]
    points = rng.standard_normal((num, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    figure = conversation_figure(turns, turns, {}, Tree(speakers, linkage_tree(distances), distances))
    assert figure_bytes(figure, "png")[:4] == b"\x89PNG"


def test_one_utterance_and_identical_utterances():
    one = conversation_figure([(0.0, 1.0, "a")], [(0.0, 1.0, "1")], {"a": "1"}, Tree(["a"], np.empty((0, 4))))
    assert len(one.axes) == 2
    same = np.zeros((3, 3))
    tree = Tree(["a", "a", "b"], np.array([[0, 1, 0.0, 2], [2, 3, 0.0, 3]]), same)
    figure = conversation_figure([(0.0, 1.0, "a")], [], {}, tree)
    assert figure_bytes(figure, "svg").startswith(b"<?xml")


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="nothing to draw"):
        conversation_figure([], [], {})
    with pytest.raises(ValueError, match="3 utterances, 3 merges"):
        conversation_figure(REFERENCE, FOUND, {}, Tree(SPEAKERS[:3], TREE))
