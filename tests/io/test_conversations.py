"""reco2utt, tables of trees and utt2cluster."""

import numpy as np
import pytest

from speechlib.io.conversations import read_conversations, read_trees, write_clusters, write_tree
from speechlib.io.tables import open_table

TREE = np.array([[0, 2, -1.5, 2], [1, 3, 2.0, 3]])


def test_trees_come_back(tmp_path):
    conversations = {"a": ["a-1", "a-2", "a-3"], "b": ["b-1"]}
    (tmp_path / "reco2utt").write_text("a a-1 a-2 a-3\nb b-1\n")
    assert read_conversations(str(tmp_path / "reco2utt")) == conversations
    assert read_conversations(f"ark:{tmp_path}/reco2utt") == conversations
    with open_table(f"ark:{tmp_path}/trees") as writer:
        write_tree(writer, "a", TREE)
        write_tree(writer, "b", np.empty((0, 4)))
    trees = dict(read_trees(f"ark:{tmp_path}/trees", conversations, "reco2utt"))
    np.testing.assert_array_equal(trees["a"], TREE)
    assert trees["b"].shape == (0, 4)


def test_trees_of_other_utterances_are_an_error(tmp_path):
    with open_table(f"ark:{tmp_path}/trees") as writer:
        write_tree(writer, "a", TREE)
    for conversations, message in (
        ({"a": ["a-1", "a-2"]}, "'a' has 2 utterances in reco2utt"),
        ({"a": ["a-1"]}, "'a' has 1 utterances in reco2utt"),
        ({"b": ["b-1"]}, "no tree of conversation 'b'"),
    ):
        with pytest.raises(ValueError, match=message):
            list(read_trees(f"ark:{tmp_path}/trees", conversations, "reco2utt"))


def test_clusters_are_counted_from_one_and_sorted(tmp_path):
    write_clusters(tmp_path / "utt2cluster", [(["z-1", "é-1"], np.array([0, 1])), (["a-1"], np.array([0]))])
    assert (tmp_path / "utt2cluster").read_text(encoding="utf-8") == "a-1 1\nz-1 1\né-1 2\n"
