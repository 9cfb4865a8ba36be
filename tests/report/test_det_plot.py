"""DET plot: straight lines for normal scores, axes that hold the marked points, bad input."""

import numpy as np
import pytest
from scipy.stats import norm

from speechlib.metrics.verification import detection_errors, equal_error_rate
from speechlib.report.det_plot import DetCurve, det_plot
from speechlib.report.style import figure_bytes


def curve(shift, best=None, count=4000):
    quantiles = norm.ppf((np.arange(count) + 0.5) / count)
    _, miss, false_alarm = detection_errors(quantiles + shift, quantiles)
    return DetCurve(miss, false_alarm, equal_error_rate(quantiles + shift, quantiles), best or {})


def test_normal_scores_are_straight_lines():
    axes = det_plot({"one": curve(2.0)}).axes[0]
    line = next(line for line in axes.lines if line.get_zorder() == 3)
    x, y = line.get_data()
    inside = (abs(x) < 2.5) & (abs(y) < 2.5)
    np.testing.assert_allclose(x[inside] + y[inside], -2.0, atol=0.05)
    dot = next(line for line in axes.lines if line.get_marker() == "o")
    assert dot.get_xdata()[0] == pytest.approx(-1.0, abs=0.01)


def test_axes_hold_what_is_marked():
    systems = {"good": curve(3.0), "bad": curve(0.5, {"minDCF(0.01)": (0.0002, 0.93)})}
    figure = det_plot(systems, "Title")
    axes = figure.axes[0]
    assert axes.get_ylim()[1] >= norm.ppf(0.93) and axes.get_xlim()[0] <= norm.ppf(0.0005)
    assert axes.get_title("left") == "Title"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["good, EER 6.68 %", "bad, EER 40.12 %", "EER", "minDCF(0.01)"]
    assert figure_bytes(figure, "png")[:4] == b"\x89PNG"


def test_long_curves_are_thinned_evenly():
    generator = np.random.default_rng(0)
    _, miss, false_alarm = detection_errors(generator.normal(1, 1, 50_000), generator.normal(0, 1, 50_000))
    axes = det_plot({"one": DetCurve(miss, false_alarm, 0.3)}).axes[0]
    assert max(len(line.get_xdata()) for line in axes.lines) <= 4000 < len(miss)


def test_perfect_systems_can_be_drawn():
    perfect = DetCurve(*detection_errors([1.0], [0.0])[1:], 0.0, {"minDCF(0.01)": (0.0, 0.0)})
    assert figure_bytes(det_plot({"perfect": perfect}), "png")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no system to draw"):
        det_plot({})
