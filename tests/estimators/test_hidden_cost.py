"""hidden_cost=: hidden units of the deep branch close, too, and compaction leaves a narrow network."""

import numpy as np
import pytest

import l0gm
from l0gm import HardConcreteGate, L0GMClassifier
from l0gm.encoders.text import Ngrams
from l0gm.errors import DataError, ParameterError

DEEP = {"deep": (16, 8), "epochs": 8}


@pytest.fixture(scope="module")
def narrow(quick, people):
    """A fit of two hidden layers, each of which keeps some of its units."""
    return quick(active=0.3, hidden_cost=0.5, **DEEP).fit(people.X, people.y)


def gates(model):
    return [module for module in model.model_.head.deep if isinstance(module, HardConcreteGate)]


def widths(small):
    """Units of the compacted model's hidden layers."""
    return [len(bias) for _, bias in small.program.deep[:-1]]


def assert_same_answers(model, rows, tmp_path):
    """The gated model, the compacted one and its file agree."""
    small = model.compact()
    served = l0gm.load(small.save(tmp_path / "model.l0gm"))
    assert served.verify() <= 1e-5
    answers = model.predict_proba(rows)
    np.testing.assert_allclose(small.predict_proba(rows), answers, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(served.predict_proba(rows), small.predict_proba(rows))
    assert np.ptp(answers[:, 0]) > 0.003
    return served


def test_closed_units_leave_the_network(narrow, people, tmp_path):
    counts = [gate.n_open for gate in gates(narrow)]
    assert all(gate.hardened for gate in gates(narrow))
    assert all(0 < n < width for n, width in zip(counts, DEEP["deep"], strict=True))
    served = assert_same_answers(narrow, people.new_X, tmp_path)
    assert widths(served) == counts
    assert narrow.model_.gate.n_open == round(0.3 * 56)  # the target is that of the interface, met exactly


def test_what_stayed_is_said_everywhere(narrow):
    first, second = (gate.n_open for gate in gates(narrow))
    says = f"{first} of 16 and {second} of 8"
    assert f"{says} hidden units" in str(narrow.plan()).splitlines()[0]
    assert narrow.notes_[-1] == f"hidden units that stayed: {says}"
    assert narrow.compact().information["hidden_units"] == [[first, 16], [second, 8]]


def test_without_it_nothing_is_said(fitted):
    assert fitted.hidden_cost is None
    assert gates(fitted) == []
    assert not any("hidden units" in note for note in fitted.notes_)
    assert "hidden_units" not in fitted.compact().information


def test_contributions_are_those_of_the_narrow_network(narrow, people):
    found = narrow.contributions(people.new_X)
    p = narrow.predict_proba(people.new_X)[:, 1]
    np.testing.assert_allclose(found.base + found.values.sum(1), np.log(p / (1 - p)), atol=1e-4)


def test_a_larger_cost_leaves_fewer(quick, people):
    counts = [
        sum(gate.n_open for gate in gates(quick(active=0.3, hidden_cost=cost, **DEEP).fit(people.X, people.y)))
        for cost in (0.01, 0.5, 5.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


@pytest.mark.parametrize("mask", ["example", "batch"])
def test_the_gates_are_made_as_that_of_the_interface(mask, quick, people):
    model = quick(active=0.3, hidden_cost=0.5, mask=mask, threshold=0.3, end_temperature=0.9, deep=(16, 8))
    model.fit(people.X, people.y)
    for gate, width in zip(gates(model), (16, 8), strict=True):
        assert (gate.dim, gate.mask, gate.inference, gate.threshold) == (width, mask, "binary", 0.3)
        assert gate.temperature == pytest.approx(0.9)
        assert gate.cost.tolist() == [0.5] * width


def test_soft_gates(quick, people, tmp_path):
    model = quick(active=0.3, hidden_cost=0.5, inference="soft", **DEEP).fit(people.X, people.y)
    assert all(gate.inference == "soft" and gate.hardened for gate in gates(model))
    assert_same_answers(model, people.new_X, tmp_path)


@pytest.mark.parametrize("groups", ["dimension", "field"])
def test_a_penalty_drives_them_as_well(groups, quick, people, tmp_path):
    model = quick(penalty=0.01, hidden_cost=1.0, gate_groups=groups, **DEEP).fit(people.X, people.y)
    assert 0 < sum(gate.n_open for gate in gates(model)) < 24
    assert_same_answers(model, people.new_X, tmp_path)


def test_several_classes(quick, kinds, tmp_path):
    model = quick(active=0.3, hidden_cost=0.5, **DEEP).fit(kinds.X, kinds.y)
    served = assert_same_answers(model, kinds.new_X, tmp_path)
    assert 0 < sum(widths(served)) < 24


def test_texts_and_columns_in_one_row(tmp_path):
    rng = np.random.default_rng(0)
    told, number = rng.random(400) < 0.5, rng.normal(size=400)
    rows = {"note": [f"a {'fine' if t else 'poor'} thing" for t in told], "number": number}
    y = np.where(told ^ (number > 1), "yes", "no")
    options = {"encoder": Ngrams(dim=8, min_count=2), "text": ["note"], "embedding_dim": 4}
    model = L0GMClassifier(active=0.5, hidden_cost=0.5, deep=(16,), epochs=8, **options).fit(rows, y)
    (gate,) = gates(model)
    assert 0 < gate.n_open < 16
    strange = {"note": [*rows["note"][:200], *["", "ünknown wörds"] * 100], "number": [*[np.nan] * 9, *number[9:]]}
    assert widths(assert_same_answers(model, strange, tmp_path)) == [gate.n_open]


def test_rows_as_they_come(narrow, people, tmp_path):
    """With values missing in every column."""
    rows = people.new_X.copy()
    for i, name in enumerate(rows.columns):
        rows[name] = rows[name].where(np.arange(len(rows)) % 7 != i % 7)
    assert_same_answers(narrow, rows, tmp_path)
    with pytest.raises(DataError):
        narrow.predict_proba(rows[rows.columns[:1]])


@pytest.mark.parametrize("knob", [{"active": 0.3}, {"penalty": 0.02}])
def test_a_cost_that_closes_every_unit(knob, quick, people, tmp_path):
    model = quick(hidden_cost=200.0, **knob, deep=(16, 8), epochs=24).fit(people.X, people.y)
    assert 0 in [gate.n_open for gate in gates(model)]
    assert model.notes_[-1] == "hidden units that stayed: 0 of 16 and 0 of 8"
    served = assert_same_answers(model, people.new_X, tmp_path)
    assert served.program.deep == ()
    assert served.contributions(people.new_X).exact  # no ReLU is left
    warm = quick(initial_model=served, epochs=2).fit(people.new_X, people.new_y)
    assert warm.model_.head.deep is None


def test_training_goes_on_with_the_narrow_network(narrow, quick, people):
    small = narrow.compact()
    warm = quick(initial_model=narrow, epochs=2).fit(people.new_X, people.new_y)
    again = warm.compact()
    assert gates(warm) == []
    assert widths(again) == widths(small)
    assert again.information["hidden_units"] == small.information["hidden_units"]
    assert again.verify() <= 1e-5
    assert not np.allclose(again.predict_proba(people.X), small.predict_proba(people.X), atol=1e-3)


def test_the_search_compares_with_a_dense_model_that_has_no_such_gates(quick, people):
    model = quick(active="auto", hidden_cost=0.5, epochs=4, deep=(16,)).fit(people.X, people.y)
    plain = quick(active="auto", epochs=4, deep=(16,)).fit(people.X, people.y)
    assert model.trials_[0] == plain.trials_[0]
    assert model.trials_[1] != plain.trials_[1]
    assert len(gates(model)) == (model.model_.gate.n_open < model.model_.gate.dim)


def test_their_learning_rate_is_that_of_the_interfaces_gate(quick, people):
    """With no steps of theirs they stay as they were made, whatever the weights do."""
    model = quick(active=0.3, hidden_cost=50.0, gate_lr=1e-9, lr=0.05, weight_decay=0.5, **DEEP)
    model.fit(people.X, people.y)
    assert model.notes_[-1] == "hidden units that stayed: 16 of 16 and 8 of 8"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"hidden_cost": 0.0}, r"hidden_cost=0\.0: a finite number above 0"),
        ({"hidden_cost": -1}, "hidden_cost=-1: a finite number above 0"),
        ({"hidden_cost": float("inf")}, "hidden_cost=inf"),
        ({"hidden_cost": float("nan")}, "hidden_cost=nan"),
        ({"hidden_cost": True}, "hidden_cost=True: a number is needed"),
        ({"hidden_cost": "0.2"}, "hidden_cost='0.2': a number is needed"),
        ({"hidden_cost": 0.2, "deep": ()}, r"hidden_cost=0\.2: deep=\(\) leaves no hidden units"),
        ({"hidden_cost": 0.2, "gate": "none"}, "gate='none' has no penalty for hidden units.*leave hidden_cost out"),
        ({"hidden_cost": 0.2, "gate": "none", "penalty": 0.1}, "gate='none' has no penalty for hidden units"),
        ({"hidden_cost": 0.2, "gate": "random"}, "gate='random' has no penalty for hidden units"),
        ({"hidden_cost": 0.2, "gate": "magnitude"}, "gate='magnitude' has no penalty for hidden units"),
        ({"hidden_cost": 0.2, "active": 1.0}, r"hidden_cost=0\.2: active=1\.0 closes nothing"),
        ({"hidden_cost": 0.2, "penalty": 0.0}, r"hidden_cost=0\.2: penalty=0\.0 closes nothing"),
    ],
    ids=str,
)
def test_costs_that_cannot_be(options, says, quick, step):
    with pytest.raises(ParameterError, match=says):
        quick(**options).fit(*step)


def test_texts_alone_have_hidden_units_only_where_they_are_asked_for():
    texts, y = ["a fine thing", "a poor thing"] * 60, np.arange(120) % 2
    options = {"hidden_cost": 0.5, "epochs": 2, "encoder": Ngrams(dim=8, min_count=2)}
    with pytest.raises(ParameterError, match="hidden_cost: there are no hidden units; texts alone"):
        L0GMClassifier(**options).fit(texts, y)
    model = L0GMClassifier(deep=(8,), **options).fit(texts, y)
    assert [gate.dim for gate in gates(model)] == [8]
