"""merge_predictions and plot_layer_weights: tables of folds put together, weights of layers drawn."""

import numpy as np
import pytest

from speechlib.bin import merge_predictions, plot_layer_weights
from speechlib.io.predictions import read_predictions, write_predictions
from speechlib.report.layer_weight_figures import layer_weights


def table(path, files, classes=("a", "b"), share=0.25):
    write_predictions(path, files, ["a"] * len(files), ["b"] * len(files), classes,
                      np.tile([share, 1 - share], (len(files), 1)))  # fmt: skip
    return str(path)


def test_folds_become_one_sorted_table(tmp_path, capsys):
    one, two = table(tmp_path / "1.csv", ["z", "c"], share=0.1), table(tmp_path / "2.csv", ["d"])
    merge_predictions.main([str(tmp_path / "all.csv"), one, two])
    merged = read_predictions(tmp_path / "all.csv")
    assert merged.files == ["c", "d", "z"] and merged.classes == ["a", "b"]
    assert merged.truth == ["a"] * 3 and merged.predicted == ["b"] * 3
    np.testing.assert_allclose(merged.probabilities[:, 0], [0.1, 0.25, 0.1])
    assert "3 files of 2 folds" in capsys.readouterr().out


def test_folds_that_do_not_go_together(tmp_path):
    one = table(tmp_path / "1.csv", ["c"])
    with pytest.raises(ValueError, match=r"2\.csv: c is in .*1\.csv, too: expected each file in one fold"):
        merge_predictions.main([str(tmp_path / "all.csv"), one, table(tmp_path / "2.csv", ["c"])])
    with pytest.raises(ValueError, match=r"2\.csv: classes a, c, but .*1\.csv has a, b"):
        merge_predictions.main([str(tmp_path / "all.csv"), one, table(tmp_path / "2.csv", ["d"], ("a", "c"))])
    assert not (tmp_path / "all.csv").exists()


def test_weights_are_drawn_where_they_are(tmp_path):
    weights = np.array([[0.5, -0.2], [0.3, 0.1], [0.1, 0.1]])
    axes = layer_weights([3, 7], weights, "title").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["3", "7"] and axes.get_title("left") == "title"
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], [0.3, 0.0], atol=1e-12)
    dots = [line.get_ydata() for line in axes.lines if line.get_marker() == "."]
    np.testing.assert_array_equal(dots, weights)
    with pytest.raises(ValueError, match=r"weights \(3, 2\) do not fit 1 layers"):
        layer_weights([1], weights)

    paths = []
    for number, row in enumerate(weights):
        paths.append(str(tmp_path / f"{number}.tsv"))
        (tmp_path / f"{number}.tsv").write_text(f"layer\tweight\n3\t{row[0]}\n7\t{row[1]}\n")
    plot_layer_weights.main([str(tmp_path / "x.png"), *paths])
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "2.tsv:1: expected the columns layer and weight"),
        ("layer\tweight\n", "2.tsv: no layer in it"),
        ("layer\tweight\n1\tx\n", "2.tsv:2: expected a layer and its weight, got '1.tx'"),
        ("layer\tweight\n2\t0.5\n", "2.tsv: layers 2, but .*1.tsv has 1: draw them apart"),
    ],
)
def test_tables_of_weights_that_are_none(tmp_path, text, message):
    (tmp_path / "1.tsv").write_text("layer\tweight\n1\t0.5\n")
    (tmp_path / "2.tsv").write_text(text)
    with pytest.raises(ValueError, match=message):
        plot_layer_weights.main([str(tmp_path / "x.png"), str(tmp_path / "1.tsv"), str(tmp_path / "2.tsv")])
    assert not (tmp_path / "x.png").exists()
