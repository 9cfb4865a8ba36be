"""Distributions by two labels: each part has its place, its colour and its median."""

import numpy as np
import pytest

from speechlib.report.split_distributions import split_distributions


def test_parts_stand_side_by_side():
    values = {"calm": {"female": [1.0, 2.0, 6.0], "male": [4.0]}, "angry": {"male": [5.0, 7.0]}}
    axes = split_distributions(values, "pitch (Hz)", "emotion", part_label="gender").axes[0]
    medians = {(round(line.get_xdata()[0], 2), line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"}
    assert medians == {(-0.21, 2.0), (0.21, 4.0), (1.21, 6.0)}
    assert [text.get_text() for text in axes.get_xticklabels()] == ["calm", "angry"]
    assert len(axes.collections) == 2  # outlines; one value has none
    assert axes.get_ylabel() == "pitch (Hz)"


@pytest.mark.parametrize("values, message", [({}, "none in any"), ({"a": {"x": [np.nan]}}, "none in a")])
def test_nothing_to_draw(values, message):
    with pytest.raises(ValueError, match=f"expected finite values in some group, there are {message}"):
        split_distributions(values, "y")
