"""The diagram shows the table's numbers; without matplotlib it says what to install."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from l0gm.errors import DataError, MissingExtraError
from l0gm.metrics import ReliabilityDisplay, breakdown, consistency_band, ece, plot_reliability, reliability_table


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    p1 = rng.beta(0.5, 1.5, size=600)
    return (rng.random(600) < p1).astype(int), np.column_stack([1 - p1, p1])


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_it_shows_bins_counts_and_band(rows, binning, tmp_path):
    pytest.importorskip("matplotlib")
    y, proba = rows
    ax = plot_reliability(y, proba, bins=8, binning=binning)
    table = reliability_table(y, proba, "positive", 8, binning=binning)
    low, high = consistency_band(proba, "positive", 8, binning=binning)
    points = next(line for line in ax.lines if line.get_label() == "observed")
    np.testing.assert_array_equal(points.get_xdata(), table.confidence)
    np.testing.assert_array_equal(points.get_ydata(), table.frequency)
    (below,) = [other for other in ax.figure.axes if other is not ax]
    assert [bar.get_height() for bar in below.patches] == table.count.tolist()
    np.testing.assert_allclose([bar.get_y() for bar in ax.patches], low)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], high - low)
    assert f"{ece(y, proba, 'positive', 8, binning=binning):.4f}" in ax.get_title()
    ax.figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 5000


def test_more_classes_empty_bins_and_an_axes_of_ones_own():
    figures = pytest.importorskip("matplotlib.figure")
    proba = np.array([[0.98, 0.01, 0.01], [0.4, 0.3, 0.3], [0.01, 0.98, 0.01]])
    mine = figures.Figure().subplots()
    ax = plot_reliability([0, 2, 1], proba, ax=mine, draws=20)
    assert ax is mine
    assert "most probable class" in ax.get_xlabel()
    points = next(line for line in ax.lines if line.get_label() == "observed")
    assert len(points.get_xdata()) == 2


def test_without_matplotlib(rows, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'l0gm\[report\]'"):
        plot_reliability(*rows)


class Classifier:
    """Answers with fixed probabilities of the classes no and yes."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, proba):
        self.proba = proba

    def predict_proba(self, X):
        return self.proba[X]


def test_a_display_of_an_estimator_is_that_of_its_predictions(rows):
    pytest.importorskip("matplotlib")
    y, proba = rows
    labels = np.array(["no", "yes"])[y]
    display = ReliabilityDisplay.from_estimator(Classifier(proba), np.arange(len(y)), labels, draws=50)
    assert display.kind == "positive"
    assert display.ece == ece(y, proba, "positive")
    np.testing.assert_array_equal(display.line_.get_ydata(), reliability_table(y, proba, "positive").frequency)
    assert display.line_.get_label() == "Classifier"
    assert "probability of yes" in display.ax_.get_xlabel()
    assert display.figure_ is display.ax_.figure
    # one number a row is the probability of the second class
    other = ReliabilityDisplay.from_predictions(labels, proba[:, 1], classes=["no", "yes"], draws=50)
    assert (other.ece, other.ece_null_p95) == (display.ece, display.ece_null_p95)


def test_a_display_of_numbers_that_were_kept(rows):
    pytest.importorskip("matplotlib")
    y, proba = rows
    kept = breakdown(y, proba, draws=50)["reliability"]["top_label"]
    display = ReliabilityDisplay(**kept).plot(name="kept", color="black")
    direct = ReliabilityDisplay.from_predictions(y, proba, kind="top_label", draws=50)
    np.testing.assert_array_equal(display.line_.get_ydata(), direct.line_.get_ydata())
    assert [bar.get_height() for bar in display.band_] == [bar.get_height() for bar in direct.band_]
    assert (display.line_.get_label(), display.line_.get_color()) == ("kept", "black")
    again = display.plot(ax=direct.ax_)
    assert again is display
    assert display.ax_ is direct.ax_


def test_what_a_display_refuses(rows):
    pytest.importorskip("matplotlib")
    y, proba = rows
    with pytest.raises(DataError, match=r"the label 'maybe' is none of the classes \('no', 'yes'\)"):
        ReliabilityDisplay.from_predictions(["maybe"] * len(y), proba, classes=["no", "yes"])
    with pytest.raises(DataError, match="classes names 3, and y_prob has 2 columns"):
        ReliabilityDisplay.from_predictions(y, proba, classes=[0, 1, 2])
    with pytest.raises(DataError, match="object has no predict_proba"):
        ReliabilityDisplay.from_estimator(object(), [], [])
