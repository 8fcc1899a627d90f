"""The front, the summary over seeds and what counts as falling, on points made by hand."""

import pytest

from l0gm.experiments.fronts import falling, falls, pareto, summarise_values

MEASURES = {"accuracy": 0.8, "auc": 0.9, "log_loss": 0.4, "brier": 0.2, "ece": 0.02}


def test_the_front_of_hand_made_points():
    assert pareto([]) == []
    assert pareto([(0.5, 0.5)]) == [True]
    #              best    smaller, worse  dominated   dominated in one  equal to the best
    assert pareto([(0.2, 0.5), (0.3, 0.1), (0.4, 0.6), (0.3, 0.2), (0.2, 0.5)]) == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ([0.9, 0.5, 0.1], True),
        ([0.9, 0.5, 0.5, 0.1], True),
        ([1.0, 1.0, 0.9, 0.5, 0.1, 0.0], True),
        ([0.9, 0.5, 0.5], False),  # two different ones
        ([0.99, 0.5, 0.1], False),  # two inside
        ([0.98, 0.5, 0.1], False),
        ([0.9, 0.5, 0.02], False),
        ([0.9, 0.4, 0.5, 0.1], False),  # it rises
        ([0.1, 0.5, 0.9], False),
        ([], False),
    ],
)
def test_what_counts_as_falling(fractions, expected):
    assert falls(fractions) is expected


def record(value, seed, n_open, log_loss, auc=0.9):
    validation = {**MEASURES, "log_loss": log_loss, "auc": auc}
    known = {"value": value, "seed": seed, "point": f"{value}-{seed}", "seconds": 1.0}
    return {**known, "n_open": n_open, "n_dimensions": 100, "validation": validation, "test": MEASURES}


def test_the_share_of_seeds_that_fall():
    paths = {0: (90, 50, 10), 1: (90, 50, 60), 2: (80, 60, 40)}
    values = (0.001, 0.01, 0.1)
    records = [record(v, s, n, 0.4) for s, path in paths.items() for v, n in zip(values, path, strict=True)]
    found = falling((0.1, 0.001, 0.01), [*records[::-1], record(0.001, 3, 50, 0.4)])  # one seed is not whole
    assert found == {"share": 2 / 3, "seeds": [0, 1, 2], "falling": [0, 2]}
    assert falling(values, []) is None


def test_values_over_seeds():
    records = [
        *(record(0.1, 0, 10, 0.50, 0.7), record(0.1, 1, 12, 0.60, 0.7)),
        *(record(0.3, 0, 30, 0.40, 0.8), record(0.3, 1, 30, 0.40, 0.8)),
        *(record(0.5, 0, 50, 0.41, 0.9), record(0.5, 1, 50, 0.41, 0.9)),
        record(0.7, 0, 70, 0.1, 0.99),
    ]
    entries = summarise_values((0.1, 0.3, 0.5, 0.7, 0.9), (0, 1), records, "log_loss")
    assert [entry["value"] for entry in entries] == [0.1, 0.3, 0.5, 0.7]
    assert [entry["on_front"] for entry in entries] == [True, True, False, False]
    assert [entry["lacking"] for entry in entries] == [[], [], [], [1]]
    loss = entries[0]["validation"]["log_loss"]
    assert loss["mean"] == pytest.approx(0.55)
    assert loss["std"] == pytest.approx(0.05 * 2**0.5)
    assert loss["worst"] == 0.60
    assert entries[0]["open_fraction"]["worst"] == 0.12
    by_auc = summarise_values((0.1, 0.3, 0.5), (0, 1), records, "auc")
    assert [entry["on_front"] for entry in by_auc] == [True, True, True]


def test_a_value_without_validation_measures_is_not_compared():
    lacking = {**record(0.1, 0, 10, 0.4), "validation": None}
    entries = summarise_values((0.1, 0.3), (0,), [lacking, record(0.3, 0, 30, 0.4)], "log_loss")
    assert [(entry["on_front"], bool(entry["validation"])) for entry in entries] == [(False, False), (True, True)]
