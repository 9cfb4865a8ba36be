"""Folders of hidden states: read as layers, frames and values, and what is missing or does not fit."""

import numpy as np
import pytest

from speechlib.io.hidden_states import HiddenStates, write_description
from speechlib.io.tables import open_table

DESCRIPTION = {"architecture": "custom", "random_weights": True, "layers": [2, 3], "dim": 4, "pooling": "none"}


@pytest.fixture
def folder(tmp_path):
    write_description(tmp_path / "states.yaml", DESCRIPTION)
    with open_table(f"ark,scp:{tmp_path}/states.ark,{tmp_path}/states.scp") as writer:
        writer.write("a", np.arange(24, dtype=np.float32).reshape(6, 4))
        writer.write("odd", np.zeros((5, 4), np.float32))
        writer.write("wide", np.zeros((6, 5), np.float32))
    return tmp_path


def test_layers_lie_one_below_the_other(folder):
    states = HiddenStates(folder)
    assert (states.layers, states.dim, states.pooling, states.random_weights) == ([2, 3], 4, "none", True)
    assert "a" in states and "b" not in states
    np.testing.assert_array_equal(states["a"][1], np.arange(12, 24).reshape(3, 4))


def test_another_archive_is_another_state(folder):
    before = HiddenStates(folder).state()
    assert HiddenStates(folder).state() == before
    with open_table(f"ark:{folder}/states.ark") as writer:
        writer.write("a", np.zeros((6, 4), np.float32))
    assert HiddenStates(folder).state() != before


@pytest.mark.parametrize("name, shape", [("odd", "5 x 4"), ("wide", "6 x 5")])
def test_matrices_of_another_form(folder, name, shape):
    with pytest.raises(ValueError, match=f"{name} is a matrix {shape}, expected frames of 2 layers with 4 values"):
        HiddenStates(folder)[name]


@pytest.mark.parametrize("name", ["states.scp", "states.yaml"])
def test_missing_files(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: not there; run steps/extract_hidden_states.sh"):
        HiddenStates(folder)


def test_descriptions_that_do_not_say_enough(folder):
    (folder / "states.yaml").write_text("layers: [1]\ndim: 3\n")
    with pytest.raises(ValueError, match="pooling, random_weights missing"):
        HiddenStates(folder)
