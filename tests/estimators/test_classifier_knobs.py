"""The knobs of sparsity and what they promise; parameters out of range."""

import numpy as np
import pytest
import torch

from l0gm import L0GMClassifier
from l0gm.datasets import load
from l0gm.errors import ParameterError


@pytest.fixture(scope="module")
def mixed():
    data = load("synthetic:mixed", rows=1000)
    return data.features, data.labels


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("active", [0.05, 0.12, 0.15, 0.35, 0.60])
def test_a_target_is_met_exactly_by_gates_that_had_decided(active, seed, mixed):
    model = L0GMClassifier(
        active, epochs=24, deep=(16,), cin=(4,), embedding_dim=4, batch_size=64, random_state=seed
    ).fit(*mixed)
    gate = model.model_.gate
    record = model.history_.last("harden")
    assert gate.dim == 56
    assert gate.n_open == record["n_open"] == round(active * 56) == model.open_dimensions_.sum()
    assert record["decided"]
    assert abs(record["n_open_before"] - record["n_open"]) <= 0.02 * 56
    assert not any("had not decided" in note for note in model.notes_)
    assert model.compact().information["n_open"] == round(active * 56)


def test_the_default_is_fifteen_percent(quick, people):
    model = quick().fit(people.X, people.y)
    assert model.model_.gate.n_open == round(0.15 * model.model_.gate.dim)


@pytest.mark.parametrize(("active", "n_open"), [(1e-9, 1), (1.0, 56), (0.5, 28)])
def test_the_ends_of_the_knob(active, n_open, quick, people):
    model = quick(active=active).fit(people.X, people.y)
    assert model.model_.gate.n_open == n_open
    model.compact()


def test_gates_that_had_no_time_to_decide_are_noted(quick, people):
    model = quick(active=0.05, epochs=1, warmup=0.0, ramp=0.0, hold=0.0, gate_lr=1e-6).fit(people.X, people.y)
    assert model.model_.gate.n_open == 3
    assert not model.history_.last("harden")["decided"]
    (note,) = [n for n in model.notes_ if "had not decided" in n]
    assert "(56 open, 3 asked)" in note


@pytest.mark.parametrize("seed", [0, 1])
def test_a_larger_penalty_leaves_less(seed, people, quick):
    counts = [
        quick(penalty=penalty, epochs=16, random_state=seed).fit(people.X, people.y).model_.gate.n_open
        for penalty in (1e-3, 1e-2, 3e-2, 1e-1, 3.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) >= 4
    assert counts[0] > 28
    assert counts[-1] <= 1


def test_a_penalty_that_shuts_everything(people, quick, tmp_path):
    """The answer is then one constant, from compaction and file alike."""
    model = quick(penalty=1000.0, epochs=16).fit(people.X, people.y)
    assert model.model_.gate.n_open == 0
    assert not model.get_support().any()
    assert model.feature_importances_.tolist() == [0.0] * 12
    p = model.predict_proba(people.new_X)
    assert np.ptp(p, 0).max() == 0.0
    small = model.compact()
    assert small.feature_names_in_ == ()
    np.testing.assert_allclose(small.predict_proba({"anything": [1]}), p[:1], atol=1e-6)
    assert small.verify() < 1e-6
    share = (people.y == "yes").mean()
    assert p[0, 1] == pytest.approx(share, abs=0.15)
    model.save(tmp_path / "model.l0gm")


def test_the_controls_have_as_many_dimensions_open(people, quick):
    models = {
        gate: quick(active=0.2, gate=gate).fit(people.X, people.y)
        for gate in ("hard_concrete", "random", "magnitude", "none")
    }
    counts = {gate: model.model_.gate.n_open for gate, model in models.items()}
    assert counts == {"hard_concrete": 11, "random": 11, "magnitude": 11, "none": 56}
    masks = [models[gate].open_dimensions_ for gate in ("hard_concrete", "random", "magnitude")]
    assert not np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[1], masks[2])
    for model in models.values():
        assert np.abs(model.compact().predict_proba(people.new_X) - model.predict_proba(people.new_X)).max() <= 1e-5


def test_the_dense_model_keeps_every_field(people, quick):
    model = quick(gate="none").fit(people.X, people.y)
    assert model.open_dimensions_.all()
    assert model.get_support().sum() == 10
    assert model.plan().dropped == ()
    assert model.history_.last("harden") is None


@pytest.mark.parametrize("gate", ["hard_concrete", "random", "magnitude"])
def test_gates_of_whole_fields(gate, people, quick):
    model = quick(active=0.4, gate=gate, gate_groups="field").fit(people.X, people.y)
    opened = model.open_dimensions_.sum(1)
    assert set(opened.tolist()) == {0, 4}
    assert opened.sum() == 20  # whole fields of 4 that fit into round(0.4 * 56) = 22
    assert len(model.plan().kept) == 5
    assert np.abs(model.compact().predict_proba(people.new_X) - model.predict_proba(people.new_X)).max() <= 1e-5


def test_at_least_one_field_is_open(people, quick):
    for gate in ("hard_concrete", "random", "magnitude"):
        model = quick(active=0.01, gate=gate, gate_groups="field").fit(people.X, people.y)
        assert model.open_dimensions_.sum() == 4


@pytest.mark.parametrize(
    "branches",
    [
        {"linear": "off", "cin": ()},
        {"linear": "off", "deep": ()},
        {"deep": (), "cin": ()},
        {"linear": "ungated", "cin": (3, 2), "cin_rank": 2},
        {"deep": (8, 4, 2), "cin": (2, 2, 2)},
    ],
    ids=str,
)
def test_each_branch_may_be_left_out(branches, kinds, quick):
    model = quick(active=0.4, **branches).fit(kinds.X, kinds.y)
    head = model.model_.head
    assert (head.linear is None) == (branches.get("linear") == "off")
    assert (head.deep is None) == (branches.get("deep") == ())
    assert (head.cin is None) == (branches.get("cin") == ())
    assert np.abs(model.compact().predict_proba(kinds.new_X) - model.predict_proba(kinds.new_X)).max() <= 1e-5


def test_options_reach_the_parts(people, quick):
    model = quick(
        mask="batch",
        inference="soft",
        threshold=0.3,
        end_temperature=0.9,
        dropout=0.4,
        cin=(3, 2),
        cin_rank=2,
        deep=(5,),
    ).fit(people.X, people.y)
    gate, head = model.model_.gate, model.model_.head
    assert (gate.mask, gate.inference, gate.threshold) == ("batch", "soft", 0.3)
    assert gate.temperature == pytest.approx(0.9)
    assert [m.p for m in head.deep if isinstance(m, torch.nn.Dropout)] == [0.4]
    assert (head.cin.widths, head.cin.rank) == ((3, 2), 2)
    assert [layer.out_features for layer in head.deep.linears] == [5, 1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"gate": "soft"}, "gate='soft': choose one of hard_concrete, conditional, weights"),
        ({"gate_groups": "table"}, "gate_groups='table'"),
        ({"dropout": 1.0}, r"dropout=1\.0: at least 0 and below 1"),
        ({"dropout": -0.1}, r"dropout=-0\.1"),
        ({"active": 0.2, "penalty": 0.1}, "active or penalty, not both"),
        ({"active": 0.2, "penalty": 0.1, "gate": "none"}, "active or penalty, not both"),
        ({"active": 0.0}, r"active=0\.0: a fraction above 0 and at most 1"),
        ({"active": 1.1}, r"active=1\.1"),
        ({"active": -1}, "active=-1"),
        ({"active": float("nan")}, "active=nan"),
        ({"active": 2.0, "gate": "random"}, r"active=2\.0"),
        ({"penalty": -0.1}, r"penalty=-0\.1"),
        ({"penalty": 0.1, "gate": "random"}, "give active, not penalty"),
        ({"penalty": 0.1, "gate": "magnitude"}, "give active, not penalty"),
        ({"device": "gpu"}, "device='gpu'"),
        ({"device": "cpu:x"}, "device='cpu:x'"),
        ({"device": "meta"}, "device='meta'"),
        ({"device": None}, "device=None"),
        ({"linear": "on"}, "linear='on'"),
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"deep": (0,)}, r"deep=\(0,\)"),
        ({"deep": (8, -1)}, r"deep=\(8, -1\)"),
        ({"deep": 128}, "deep=128"),
        ({"deep": (8.5,)}, r"deep=\(8\.5,\)"),
        ({"deep": "8"}, "deep='8'"),
        ({"cin": (0,)}, r"cin=\(0,\)"),
        ({"cin": (1.5,)}, r"cin=\(1\.5,\)"),
        ({"embedding_dim": 2.5}, r"embedding_dim=2\.5"),
        ({"cin": 8}, "cin=8"),
        ({"cin_rank": 0}, "rank=0"),
        ({"linear": "off", "deep": (), "cin": ()}, "at least one of linear, deep and cin"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"patience": 0}, "patience=0"),
        ({"mask": "row"}, "mask='row'"),
        ({"inference": "hard"}, "inference='hard'"),
        ({"threshold": 1.0}, r"threshold=1\.0"),
        ({"warmup": 0.5, "ramp": 0.5, "hold": 0.5}, "together at most 1"),
        ({"end_temperature": 0.0}, r"end_temperature=0\.0"),
        ({"bins": "equal"}, "bins='equal'"),
        ({"max_bins": 1}, "max_bins=1"),
        ({"categorical": "job"}, "categorical='job': give a list"),
        ({"random_state": -1}, "-1"),
        ({"random_state": "0"}, "random_state='0': a whole number of at least 0, a RandomState or None"),
        ({"validation_fraction": 1.0}, r"1\.0"),
        ({"class_weight": "even"}, "class_weight='even'"),
        ({"lr": 0.0}, r"lr=0\.0"),
        ({"lr": -1.0}, r"lr=-1\.0"),
        ({"weight_decay": -1.0}, r"weight_decay=-1\.0"),
        ({"label_smoothing": 1.5}, r"smoothing=1\.5"),
    ],
    ids=str,
)
def test_parameters_out_of_range(options, says, step, quick):
    X, y = step
    with pytest.raises(ParameterError, match=says):
        quick(**options).fit(X, y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is one")
def test_a_device_that_is_not_there(step, quick):
    with pytest.raises(ParameterError, match="device='cuda'"):
        quick(device="cuda").fit(*step)
    assert next(quick(device="auto").fit(*step).model_.parameters()).device.type == "cpu"


@pytest.mark.parametrize(
    "wrong",
    [{"lr": "x"}, {"penalty": "0.1"}, {"dropout": None, "lr": [1]}, {"batch_size": 1.5}, {"epochs": True}],
    ids=str,
)
def test_parameters_of_the_wrong_type(quick, people, wrong):
    with pytest.raises(ParameterError, match="number is needed"):
        quick(**wrong).fit(people.X, people.y)
