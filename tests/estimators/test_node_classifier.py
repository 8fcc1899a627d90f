"""The classifier of a graph's nodes: its knobs, its reproducibility, what it sees, and scikit-learn's conventions."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier

from l0gm import Graph, L0GMNodeClassifier, load
from l0gm.encoders.graph import GRAPH_ENCODERS
from l0gm.errors import CompactionError, DataError, NotFittedError, ParameterError
from l0gm.runtime.smoothing import correct_and_smooth
from l0gm.training import Trainer, checkpoint
from l0gm.training.rows import predict

N, C = 120, 3
TRAIN, HELD, REST = np.arange(60), np.arange(60, 85), np.arange(85, N)


def linked(seed=0, n_edges=300, classes=C):
    """Classes of nodes that are mostly linked among themselves; the last ten have no edge."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, N)
    ends = rng.integers(0, N - 10, (2, 8 * n_edges))
    alike = (y[ends[0]] == y[ends[1]]) | (rng.random(8 * n_edges) < 0.1)
    x = rng.normal(size=(N, 6)).astype(np.float32)
    x[:, :classes] += 1.5 * np.eye(classes)[y]
    return Graph(x, ends[:, alike][:, :n_edges]), y


GRAPH, Y = linked()
ENDS = np.stack([GRAPH.sources, GRAPH.targets])


def quick(**options):
    return L0GMNodeClassifier(**{"epochs": 1, "width": 16, "hidden": 8, "active": 0.25, **options})


def fit(graph=GRAPH, y=Y, **options):
    return quick(**options).fit(graph, y, train=TRAIN, validation=HELD)


def same(a, b):
    """Whether two estimators have the same weights and answers, bit for bit."""
    left, right = a.model_.state_dict(), b.model_.state_dict()
    return (
        left.keys() == right.keys()
        and all(torch.equal(left[name], right[name]) for name in left)
        and a.calibrator_ == b.calibrator_
        and np.array_equal(a.predict_proba(GRAPH), b.predict_proba(GRAPH))
    )


@pytest.fixture(scope="module")
def fitted():
    """Tests do not alter it."""
    return fit(epochs=10)


# ---- the knob ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
@pytest.mark.parametrize("gate_at", ["states", "attributes"])
def test_the_fraction_is_met_exactly_and_the_compacted_model_is_the_same(encoder, gate_at):
    model = fit(encoder=encoder, gate_at=gate_at, active=0.5)
    dim = 16 if gate_at == "states" else 6
    assert model.model_.gate.n_open == model.compact_.information["n_open"] == dim // 2
    assert model.evaluate(GRAPH, Y)["active_fraction"] == 0.5
    assert model.compact_.verify() < 1e-5
    assert model.compact_.certificate.max_difference <= 1e-5
    if encoder in ("gcn", "sage"):
        assert model.plan().n_parameters > model.compact_.n_parameters
    if gate_at == "attributes":
        assert len(model.compact_.feature_names_in_) == 3
        assert len(model.plan().dropped) == 3


@pytest.mark.parametrize("active", [1e-9, 0.3, 1.0])
def test_at_least_one_dimension_stays(active):
    assert fit(active=active, encoder="mlp").model_.gate.n_open == max(1, round(active * 16))


def test_without_a_knob_the_fraction_is_fifteen_hundredths():
    assert fit(active=None, width=40, encoder="mlp").model_.gate.n_open == 6


def test_a_penalty_closes_and_a_huge_one_everything(tmp_path):
    none, huge = (fit(active=None, penalty=penalty, encoder="sign", epochs=40, lr=1e-3) for penalty in (0.0, 1e3))
    assert none.model_.gate.n_open > 8
    assert huge.model_.gate.n_open == 0
    proba = huge.predict_proba(GRAPH)
    assert (proba == proba[0]).all()
    assert np.array_equal(load(huge.save(tmp_path / "model.l0gm")).predict_proba(GRAPH), proba)


@pytest.mark.parametrize("gate_at", ["states", "attributes"])
@pytest.mark.parametrize(("gate", "n_open"), [("none", 1.0), ("random", 0.5), ("magnitude", 0.5)])
def test_controls(gate, n_open, gate_at):
    model = fit(gate=gate, gate_at=gate_at, active=None if gate == "none" else 0.5, encoder="sage")
    assert model.model_.gate.n_open == n_open * model.model_.gate.dim
    assert model.compact_.verify() < 1e-5


def test_whole_fields_of_a_table_are_closed_together():
    table = {"age": GRAPH.nodes[:, 0], "job": np.array(["a", "b", "c"])[Y], "size": GRAPH.nodes[:, 1]}
    graph = Graph(table, ENDS)
    model = fit(graph, gate_at="attributes", gate_groups="field", active=0.5, max_bins=4, encoder="mlp")
    support, groups = model.plan().support, np.bincount(model._attributes.groups)
    assert sum(support.values()) <= sum(groups) // 2
    assert all(count in (0, size) for count, size in zip(support.values(), groups, strict=True))
    assert 0 < sum(count > 0 for count in support.values()) < 3


def test_costs_decide_among_attributes_that_say_the_same():
    """Columns 0 to 2 tell the class, and 3 to 5 are copies of them."""
    x = np.concatenate([GRAPH.nodes[:, :3]] * 2, 1)
    for dear in (range(3), range(3, 6)):
        cost = {f"x{i}": 8.0 for i in dear}
        model = fit(Graph(x, ENDS), gate_at="attributes", cost=cost, active=0.5, encoder="mlp", epochs=40, hidden=4)
        assert len(set(model.compact_.feature_names_in_) & set(cost)) <= 1


def test_soft_inference_is_hardened_in_the_end():
    model = fit(inference="soft", active=0.25)
    assert model.model_.gate.hardened
    assert model.model_.gate.n_open == 4


# ---- reproducibility -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_the_same_seed_gives_the_same_model(encoder):
    models = [fit(encoder=encoder, random_state=seed) for seed in (3, 3, 4)]
    assert same(*models[:2])
    assert not same(*models[1:])
    assert models[0].seed_ == 3


@pytest.mark.parametrize("encoder", ["gcn", "sage", "gat"])
def test_sampled_neighbours(encoder):
    options = {"encoder": encoder, "neighbours": (5, 3), "batch_size": 20}
    model = fit(**options)
    assert same(model, fit(**options))
    assert not same(model, fit(**{**options, "neighbours": "all"}))
    assert not same(model, fit(**{**options, "neighbours": [5, -1]}))
    exact = predict(model.model_, whole_inputs(model)).numpy()
    np.testing.assert_allclose(model.predict_proba(GRAPH), exact, atol=1e-5)  # prediction takes them all
    assert model.metrics_["validation"] == pytest.approx(
        {k: v for k, v in model.evaluate(GRAPH, Y[HELD], HELD).items() if k in model.metrics_["validation"]}, abs=1e-6
    )


def whole_inputs(model):
    from l0gm.data.adjacency import adjacencies
    from l0gm.encoders.nodes import node_inputs

    mixed = adjacencies(GRAPH, model.compact_.structure)
    x = model._attributes.matrix(GRAPH.nodes)
    return node_inputs(model.encoder, x, mixed, {"all": np.arange(N)}, hops=0, fan_outs=[-1, -1])["all"]


def test_global_random_numbers_are_left_alone():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002  # the stream that others use
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    fit(encoder="sage", neighbours=(2, 2))
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


class Cut(Exception):  # noqa: N818  # no error
    """Ends a fit before a step."""


CASES = {
    "whole neighbourhoods": {},
    "batches": {"batch_size": 17, "encoder": "sage"},
    "samples": {"neighbours": (3, 2), "batch_size": 17},
    "samples of attention": {"neighbours": (3, -1), "encoder": "gat"},
    "hops": {"encoder": "sign", "gate_at": "attributes"},
    "averaging": {"averaging": 0.9, "encoder": "mlp"},
    "inductive": {"inductive": True, "penalty": 0.01, "active": None},
}


@pytest.mark.parametrize("case", CASES)
def test_a_fit_that_is_cut_short_goes_on_to_the_same_model(case, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    options, step, done, limits, whole_steps = CASES[case], Trainer._step, [0], [7], []
    monkeypatch.setattr(Trainer, "_step", lambda self, *args: whole_steps.append(1) or step(self, *args))
    whole = fit(**options)

    def counted(self, *args):
        if done[0] == limits[-1]:
            raise Cut
        done[0] += 1
        return step(self, *args)

    monkeypatch.setattr(Trainer, "_step", counted)
    place = {"checkpoint_path": tmp_path / "checkpoint.pt", **options}
    with pytest.raises(Cut):
        fit(**place)
    limits.append(math.inf)
    last = fit(**place)
    assert same(whole, last)
    assert [r["event"] for r in last.history_.records] == [r["event"] for r in whole.history_.records]
    total = done[0]
    fit(**place)  # it has ended: no step is repeated
    assert done[0] == total == len(whole_steps)


def test_another_graph_in_the_same_place_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    done, step = [0], Trainer._step

    def cut(self, *args):
        done[0] += 1
        if done[0] == 5:
            raise Cut
        return step(self, *args)

    path = tmp_path / "checkpoint.pt"
    monkeypatch.setattr(Trainer, "_step", cut)
    with pytest.raises(Cut):
        fit(checkpoint_path=path)
    content = path.read_bytes()
    fewer = Graph(GRAPH.nodes, ENDS[:, 1:])
    with pytest.raises(ParameterError, match="training rows"):
        fit(fewer, checkpoint_path=path)
    with pytest.raises(ParameterError, match="hidden: 8 there, 9 now"):
        fit(checkpoint_path=path, hidden=9)
    assert path.read_bytes() == content


# ---- what training sees --------------------------------------------------------------------------------------


def altered():
    """Other attributes and edges for the nodes that are neither trained on nor chosen with."""
    x = GRAPH.nodes.copy()
    x[REST] = 9.0
    inside = ~np.isin(ENDS, REST).any(0)
    return Graph(x, np.concatenate([ENDS[:, inside], np.stack([np.arange(85), np.full(85, 100)])], 1))


@pytest.mark.parametrize("options", [{"encoder": "gcn"}, {"encoder": "sign"}, {"neighbours": (4, 4)}], ids=str)
def test_an_inductive_fit_does_not_see_other_nodes(options):
    a, b = (fit(graph, inductive=True, **options) for graph in (GRAPH, altered()))
    assert same(a, b)
    assert a.metrics_ == b.metrics_
    assert np.array_equal(a.compact_.attributes.center, b.compact_.attributes.center)
    a, b = (fit(graph, **options) for graph in (GRAPH, altered()))
    assert not same(a, b)


def test_an_inductive_fit_learns_from_edges_among_training_nodes_alone():
    """Those to validation nodes are there when the checkpoint is chosen, and no sooner."""
    seen = []
    step = Trainer._step

    def watch(self, train, rows, progress):
        seen.append((train.inputs.take(rows).x.shape[0], len(rows)))
        return step(self, train, rows, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", watch)
        fit(inductive=True)
        inside, count = set(seen), len(seen)
        fit()
    assert inside == {(60, 60)}
    assert all(nodes > 60 for nodes, _ in seen[count:])


def test_labels_of_other_nodes_change_nothing():
    other = Y.copy()
    other[REST] = (other[REST] + 1) % C
    assert same(fit(), fit(y=other))


def test_neighbours_help():
    graph, y = linked(seed=3, n_edges=600)
    x = graph.nodes * np.float32(0.1) + np.random.default_rng(0).normal(size=(N, 6)).astype(np.float32)
    noisy = Graph(x, np.stack([graph.sources, graph.targets]))
    scores = {}
    for encoder in ("gcn", "mlp"):
        model = quick(encoder=encoder, gate="none", active=None, epochs=6).fit(noisy, y, train=TRAIN, validation=HELD)
        scores[encoder] = model.score(noisy, y[REST[:-10]], REST[:-10])
    assert scores["gcn"] > scores["mlp"] + 0.1


# ---- answers -------------------------------------------------------------------------------------------------


def test_two_classes():
    graph, y = linked(classes=2)
    model = fit(graph, np.array(["no", "yes"])[y], epochs=5)
    proba = model.predict_proba(graph)
    assert proba.shape == (N, 2)
    np.testing.assert_allclose(proba.sum(1), 1.0)
    assert model.predict(graph).tolist() == [["no", "yes"][k] for k in proba.argmax(1)]
    assert {"auc", "ece_positive"} <= model.evaluate(graph, np.array(["no", "yes"])[y]).keys()


def test_known_labels_correct_and_smooth_the_answers(fitted):
    expected = correct_and_smooth(GRAPH, fitted.predict_proba(GRAPH), TRAIN, Y[TRAIN])
    assert np.array_equal(fitted.predict_proba(GRAPH, known=(TRAIN, Y[TRAIN])), expected)
    assert np.array_equal(fitted.predict_proba(GRAPH, REST, known=(TRAIN, Y[TRAIN])), expected[REST])


def test_measures_and_scores(fitted):
    measures = fitted.evaluate(GRAPH, Y[REST], REST)
    assert measures["accuracy"] == fitted.score(GRAPH, Y[REST], REST)
    assert fitted.score(GRAPH, Y[REST], REST) == np.mean(fitted.predict(GRAPH, REST) == Y[REST])
    assert measures["n_open"] == 4
    assert fitted.metrics_.keys() == {"validation"}  # which the calibrator had, too
    assert fitted.metrics_["validation"]["n_rows"] == len(HELD)
    assert any("fitted on the validation nodes" in note for note in fitted.notes_)


def test_sets_hold_the_label_as_often_as_asked_for(fitted):
    sets = fitted.predict_set(GRAPH, HELD, coverage=0.8)
    assert sets[np.arange(len(HELD)), Y[HELD]].mean() >= 0.8
    assert fitted.conformal_ is fitted.compact_.conformal
    assert fitted.predict_set(GRAPH, coverage=0.8).shape == (N, C)
    none = quick(calibration_fraction=0.0, encoder="mlp").fit(GRAPH, Y)
    with pytest.raises(ParameterError, match="fitted without calibration rows"):
        none.predict_set(GRAPH)
    assert any(note.startswith("no calibration rows") for note in none.notes_)


@pytest.mark.parametrize("calibration", ["temperature", "platt", "isotonic", "beta", "venn_abers"])
@pytest.mark.parametrize("held", [HELD, np.array([62]), np.flatnonzero(Y[60:] != 1)[:9] + 60], ids=["", "one", "no 1"])
def test_validation_nodes_that_are_few_or_lack_a_class(calibration, held, tmp_path):
    history = tmp_path / "history.jsonl"
    model = quick(encoder="mlp", calibration=calibration, calibrated=True, history_path=history)
    model.fit(GRAPH, Y, train=TRAIN, validation=held)
    again = load(model.save(tmp_path / "model.l0gm"))
    proba = again.predict_proba(GRAPH)
    assert np.array_equal(proba, model.predict_proba(GRAPH))
    np.testing.assert_allclose(proba.sum(1), 1.0)
    assert ("auc" in model.metrics_["validation"]) == (len(set(Y[held])) == C)
    assert [json.loads(line)["event"] for line in history.read_text().splitlines()][-1] == "end"


def test_without_validation_nodes():
    model = quick(encoder="mlp", validation_fraction=0, calibration_fraction=0).fit(GRAPH, Y)
    assert "no validation nodes: the checkpoint was chosen on the training nodes" in model.notes_
    assert model.metrics_ == {}
    assert len(model.parts_.nodes["train"]) == N


def test_an_order_of_nodes_changes_nothing(fitted):
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_allclose(fitted.predict_proba(GRAPH, order=order), fitted.predict_proba(GRAPH), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"layers": 1}, {"layers": 3}, {"width": 1}, {"hidden": 1}, {"encoder": "sign", "hops": 1},
        {"encoder": "mlp", "layers": 1, "width": 1}, {"encoder": "gat", "heads": 1, "hidden": 1},
        {"encoder": "gat", "heads": 16, "hidden": 16}, {"dropout": 0.0}, {"batch_size": 1, "epochs": 1},
        {"direction": "both", "relations": "keep"}, {"mask": "batch"}, {"label_smoothing": 0.1},
    ],
    ids=str,
)  # fmt: skip
def test_the_smallest_settings(options):
    model = fit(**options)
    assert np.isfinite(model.predict_proba(GRAPH)).all()
    assert model.compact_.verify() < 1e-5


# ---- parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "gin"}, "encoder='gin': choose one of gcn, sage, gat, sign, mlp"),
        ({"encoder": ["gcn"]}, "encoder="), ({"gate_at": "edges"}, "gate_at='edges': choose one of states, attributes"),
        ({"gate": "soft"}, "gate='soft'"), ({"direction": "back"}, "direction='back'"),
        ({"calibration": "x"}, "calibration='x'"), ({"scaling": "x"}, "scaling='x': choose one of auto, none, rows"),
        ({"relations": "x"}, "relations='x': choose 'fold', 'keep'"), ({"relations": 3}, "relations=3"),
        ({"relations": ["a"]}, r"relations=\['a'\]: the graph has edge"), ({"relations": []}, "relations="),
        ({"gate_groups": "x", "gate_at": "attributes"}, "gate_groups='x'"), ({"mask": "x"}, "mask='x'"),
        ({"inference": "x"}, "inference='x'"), ({"device": "x"}, "device='x'"),
        ({"active": 0.0}, "active=0.0: a fraction"), ({"active": "auto"}, "'auto' is for rows of tables"),
        ({"active": True}, "active=True"), ({"active": 0.5, "penalty": 1.0}, "give active or penalty, not both"),
        ({"active": None, "penalty": "x"}, "penalty='x': a number"), ({"active": None, "penalty": -1}, "penalty=-1"),
        ({"width": 0}, "width=0: at least 1"), ({"hidden": 2.5}, "hidden=2.5: a whole number"),
        ({"layers": 0}, "layers=0"), ({"heads": 0}, "heads=0"), ({"hops": 0}, "hops=0: at least 1; encoder='mlp'"),
        ({"most_columns": 0}, "most_columns=0"), ({"text_dim": True}, "text_dim=True"),
        ({"dropout": 1.0}, "dropout=1.0"), ({"epochs": 0}, "epochs=0: at least 1"),
        ({"batch_size": 0}, "batch_size=0: at least 1"), ({"patience": 0}, "patience=0"), ({"lr": 0.0}, "lr=0.0"),
        ({"encoder": "gat", "heads": 3}, "heads=3: hidden=8 and width=16 are shared out"),
        ({"neighbours": "some"}, "neighbours='some'"), ({"neighbours": (5,)}, r"neighbours=\(5,\)"),
        ({"neighbours": (5, 0)}, "neighbours="), ({"neighbours": (5, -2)}, "neighbours="),
        ({"neighbours": 5}, "neighbours=5"), ({"neighbours": (5, 2.0)}, "neighbours="),
        ({"cost": {"x0": 2.0}}, "cost and gate_groups are of attributes"),
        ({"gate_groups": "field"}, "cost and gate_groups are of attributes"),
        ({"cost": {"y": 2.0}, "gate_at": "attributes"}, r"cost names \['y'\]"),
        ({"cost": {"x0": 0}, "gate_at": "attributes"}, "cost of 'x0' is 0"),
        ({"cost": [1], "gate_at": "attributes"}, r"cost=\[1\]: a mapping"),
        ({"mask": "example", "gate_at": "attributes"}, "mask='example' has no meaning for attributes"),
        ({"random_state": -1}, "random_state=-1"), ({"random_state": "x"}, "random_state='x'"),
        ({"warmup": 0.9, "ramp": 0.9}, "warmup"), ({"start_temperature": -1.0}, "temperature=-1.0"),
    ],
    ids=str,
)  # fmt: skip
def test_parameters_that_mean_nothing(options, message):
    with pytest.raises(ParameterError, match=message):
        fit(**options)


def test_a_refused_fit_leaves_the_last_one(fitted):
    model = pickle.loads(pickle.dumps(fitted))
    for bad in ({"width": 0}, {}):
        model.set_params(**bad)
        with pytest.raises((ParameterError, DataError)):
            model.fit(GRAPH, Y[:-1])
        model.set_params(width=16)
        assert np.array_equal(model.predict_proba(GRAPH), fitted.predict_proba(GRAPH))


def test_an_interface_that_cannot_be_compacted_is_refused(monkeypatch):
    from l0gm.compaction import graphs

    right = graphs._f32
    monkeypatch.setattr(
        graphs, "_f32", lambda a: right(a) + np.float32(0.01) * np.arange(right(a).shape[-1], dtype="f4")
    )
    with pytest.raises(CompactionError, match="the compacted model differs"):
        fit(encoder="mlp")


# ---- scikit-learn --------------------------------------------------------------------------------------------


def test_it_is_an_estimator(fitted):
    assert is_classifier(fitted)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError, match="this L0GMNodeClassifier is not fitted: call fit first"):
        copy.predict(GRAPH)
    assert same(copy.fit(GRAPH, Y, train=TRAIN, validation=HELD), fitted)
    assert repr(L0GMNodeClassifier(width=3)) == "L0GMNodeClassifier(width=3)"


@pytest.mark.parametrize("name", ["predict_proba", "predict_set", "evaluate", "score", "plan", "compact", "save"])
def test_what_needs_a_fit_says_so(name):
    arguments = {"evaluate": (GRAPH, Y), "score": (GRAPH, Y), "plan": (), "compact": (), "save": ("x",)}
    with pytest.raises(NotFittedError, match="call fit first"):
        getattr(quick(), name)(*arguments.get(name, (GRAPH,)))


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_it_is_pickled(encoder):
    model = fit(encoder=encoder)
    again = pickle.loads(pickle.dumps(model))
    assert same(model, again)
    assert str(again.plan()) == str(model.plan())
    assert again.notes_ == model.notes_


def test_random_states_of_numpy_give_another_seed_each_time():
    state = np.random.RandomState(0)
    model = quick(encoder="mlp", random_state=state)
    seeds = [model.fit(GRAPH, Y).seed_ for _ in range(2)]
    assert seeds[0] != seeds[1]


def test_a_file_that_was_saved_answers_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "model.l0gm"))
    assert np.array_equal(again.predict_proba(GRAPH), fitted.predict_proba(GRAPH))
    assert again.evaluate(GRAPH, Y).items() <= fitted.evaluate(GRAPH, Y).items()
    assert again.information["encoder"] == "gcn"
