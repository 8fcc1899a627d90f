"""Figures show the numbers of the runs, on axes of their own or those given."""

from __future__ import annotations

import numpy as np
import pytest
from report_records import history, write

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from l0gm.errors import DataError, ParameterError
from l0gm.report import figures, read
from l0gm.report.figures.compare import on_front
from l0gm.report.tips import noted


@pytest.fixture
def methods(paper):
    return read(paper).datasets["adult (openml)"]


def points(ax):
    """All points that are drawn as marks and can be seen."""
    found = [c.get_offsets() for c in ax.collections if c.get_facecolor().size and c.get_facecolor()[0][3] > 0]
    return np.concatenate([np.asarray(offsets) for offsets in found])


def texts(ax):
    return [text for artist in ax.figure.findobj() for text in noted(artist)]


def has(ax, x, y):
    return bool(np.isclose(points(ax), [x, y]).all(axis=1).any())


@pytest.mark.parametrize("measure", ["accuracy", "ece"])
def test_comparison(methods, measure):
    ax = figures.compare(methods, measure)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["L0GM-Q1", "MLP", "CATBOOST"]
    for place, method in enumerate(methods):
        values = method.values(measure)
        assert has(ax, np.mean(list(values.values())), place)
        assert all(has(ax, value, place) for value in values.values())
    interval = methods[0].interval(measure)
    assert any(np.allclose(line.get_xdata(), [interval.low, interval.high]) for line in ax.lines)
    assert f"{interval.mean:.4f} [{interval.low:.4f}, {interval.high:.4f}]" in texts(ax)[0]
    assert len(ax.patches) == (measure == "ece")  # the null band


def test_the_front_is_that_of_the_means(paper):
    from report_records import paper_record

    quality = {0.1: 0.8, 0.2: 0.9, 0.4: 0.85}
    for share, accuracy in quality.items():
        record = paper_record("l0gm-x", 0, title="x", active=share, n_open=int(40 * share))
        write(paper / "runs" / f"x{share}.json", {**record, "test": {"accuracy": accuracy, "log_loss": 1 - accuracy}})
    methods = [m for m in read(paper).datasets["adult (openml)"] if m.runs[0].title == "x"]
    assert on_front(methods, "accuracy") == [True, True, False]
    assert on_front(methods, "log_loss") == [True, True, False]
    ax = figures.front(methods, "accuracy")
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 1]
    np.testing.assert_allclose(line.get_xdata(), [10, 20])
    np.testing.assert_allclose(line.get_ydata(), [0.8, 0.9])
    assert has(ax, 40, 0.85)
    assert sum("on the front" in text for text in texts(ax)) == 2


def test_reliability_is_that_of_the_first_seed(methods):
    ax = figures.reliability(methods[0])
    bins = methods[0].runs[0].reliability["positive"]
    (line,) = [line for line in ax.lines if line.get_label() == "seed 0"]
    filled = [i for i, count in enumerate(bins["count"]) if count]
    np.testing.assert_allclose(line.get_ydata(), [bins["frequency"][i] for i in filled])
    assert "yes" in ax.get_xlabel()
    assert f"{bins['ece']:.4f}" in ax.get_legend().get_title().get_text()
    assert len(texts(ax)) == len(filled)
    assert "most probable" in figures.reliability(methods[0], "top_label").get_xlabel()


def test_confusion_is_the_mean_over_seeds(methods):
    ax = figures.confusion(methods[0])
    counts = np.mean([run.confusion["counts"] for run in methods[0].runs], axis=0)
    shown = [float(text.get_text().replace(",", "")) for text in ax.texts]
    np.testing.assert_allclose(shown, counts.ravel(), atol=0.51)
    assert texts(ax)[1].startswith("true no, predicted yes: ")


def test_many_classes_have_no_numbers_in_their_cells(messy):
    (methods,) = read(messy).datasets.values()
    method = next(method for method in methods if method.runs[0].method == "l0gm-odd")
    ax = figures.confusion(method)
    counts = np.array(method.runs[0].confusion["counts"])
    assert len(ax.texts) == 0
    assert len(texts(ax)) == int((counts > 0).sum())


@pytest.mark.parametrize(
    ("quantity", "entry"),
    [("loss", "valid_log_loss"), ("open", "n_open"), ("temperature", "temperature"), ("lambda", "penalty")],
)
def test_curves(methods, quantity, entry):
    ax = figures.curve(methods[0], quantity)
    expected = [record[entry] for record in history() if record["event"] == "epoch"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), range(1, 7))
    assert has(ax, 4, expected[3])  # the gates are fixed
    assert len(texts(ax)) == 6 * 3 * len(figures.QUANTITIES[quantity].lines)


def test_gates(methods, messy):
    ax = figures.gates(methods[0])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["age", "hours", "race"]
    assert [bar.get_width() for bar in ax.patches] == [3, 3, 0]
    assert [text.get_text() for text in ax.texts] == ["cut"]
    (many,) = read(messy).datasets.values()
    method = next(method for method in many if method.runs[0].method == "l0gm-odd")
    assert len(figures.gates(method).patches) == 40
    assert len(figures.gates(method, 5).patches) == 5


def test_robustness_and_latency(methods):
    ax = figures.robustness(methods)
    values = [run.robustness["noise 0.05"]["accuracy"] for run in methods[1].runs]
    assert np.isclose(points(ax)[:, 0], np.mean(values)).any()
    assert len(texts(ax)) == 3 * 5
    ax = figures.latency(methods, "all rows")
    assert has(ax, 1.0 + len("mlp"), methods[1].interval("accuracy").mean)
    assert ax.get_xlabel() == "microseconds a row (median)"


def test_on_axes_of_ones_own(methods):
    mine = Figure().subplots(2, 2).ravel()
    assert figures.compare(methods, ax=mine[0]) is mine[0]
    assert figures.curve(methods[0], ax=mine[1]) is mine[1]
    assert figures.robustness(methods, ax=mine[2]) is mine[2]
    assert mine[2].get_legend() is not None


def test_what_is_not_there_cannot_be_drawn(methods):
    mlp = methods[1]
    for draw in (figures.gates, figures.curve):
        with pytest.raises(DataError, match=r"MLP .*nothing can be drawn"):
            draw(mlp)
    with pytest.raises(DataError, match="no method with macro_f1"):
        figures.compare(methods, "macro_f1")
    with pytest.raises(ParameterError, match="choose one of loss, open, temperature, lambda"):
        figures.curve(methods[0], "speed")
