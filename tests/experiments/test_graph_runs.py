import json
import signal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from l0gm import Graph, L0GMNodeClassifier, load
from l0gm.errors import DataError, ParameterError
from l0gm.experiments import run_graph_seeds
from l0gm.experiments.records import graph_fingerprint
from l0gm.metrics import macro_f1
from l0gm.training import Trainer, checkpoint

N = 240
OPTIONS = {"encoder": "sign", "epochs": 2, "hops": 2, "width": 8, "hidden": 8}
KEYS = {"accuracy", "auc", "macro_f1", "log_loss", "brier", "ece", "n_open", "n_dimensions", "n_parameters", "dense"}


@pytest.fixture(scope="module")
def labels():
    return np.array(["a", "b", "c"])[np.arange(N) % 3]


@pytest.fixture(scope="module")
def graph(labels):
    """Nodes that are mostly linked to their own class."""
    rng = np.random.default_rng(0)
    nodes = rng.normal(size=(N, 6)) + (labels[:, None] == ["a", "b", "c", "a", "b", "c"])
    first = np.arange(N)
    sources = np.concatenate([first, first, rng.integers(0, N, 40)])
    targets = np.concatenate([(first + 3) % N, (first + 9) % N, rng.integers(0, N, 40)])
    return Graph(nodes, np.stack([sources, targets]))


@pytest.fixture(scope="module")
def parts():
    mixed = np.random.default_rng(1).permutation(N)
    return {"train": mixed[:120], "validation": mixed[120:160], "test": mixed[160:]}


@pytest.fixture(scope="module")
def run(graph, labels, parts, tmp_path_factory):
    """A finished run of two seeds: its folder and its summary."""
    out = tmp_path_factory.mktemp("graph")
    about = {"data": "rings", "split": "mixed", "target": "letter"}
    found = run_graph_seeds(
        graph, labels, **parts, seeds=[0, 2], out=out, active=0.25, smooth=True, about=about, **OPTIONS
    )
    return out, found


@pytest.fixture
def no_fit(monkeypatch):
    """Make any fit an error."""

    def fit(self, graph, y, **parts):
        raise AssertionError("fitted again")

    monkeypatch.setattr(L0GMNodeClassifier, "fit", fit)


def test_summary_has_the_same_keys_and_macro_f1(run):
    out, summary = run
    assert json.loads((out / "summary.json").read_text()) == summary
    assert set(summary) >= KEYS
    for part in (summary, summary["dense"], summary["smoothed"], summary["dense"]["smoothed"]):
        assert len(part["macro_f1"]["seeds"]) == 2
        assert part["macro_f1"]["worst"] == min(part["macro_f1"]["seeds"])
    assert summary["rows"] == {"train": 120, "validation": 40, "test": 80}
    assert summary["graph"] == {"nodes": N, "edges": 520}
    assert (summary["n_open"], summary["n_dimensions"], summary["data"]) == (2, 8, "rings")
    assert summary["options"]["encoder"] == "sign"
    for folder in (out / "seed-0", out / "seed-2", out / "seed-2" / "dense"):
        assert {"model.l0gm", "history.jsonl", "metrics.json"} <= {path.name for path in folder.iterdir()}
        assert not (folder / "checkpoint.pt").exists()


def test_measures_are_those_of_the_shipped_file(run, graph, labels, parts):
    out, summary = run
    test, train = parts["test"], parts["train"]
    for i, seed in enumerate(summary["seeds"]):
        model = load(out / f"seed-{seed}" / "model.l0gm")
        proba = model.predict_proba(graph, test)
        answers = np.array(model.classes_)[proba.argmax(1)]
        assert summary["accuracy"]["seeds"][i] == np.mean(answers == labels[test])
        assert summary["macro_f1"]["seeds"][i] == pytest.approx(f1_score(labels[test], answers, average="macro"))
        measured = model.evaluate(graph, labels[test], test)
        assert summary["log_loss"]["seeds"][i] == pytest.approx(measured["log_loss"])
        assert model.information["metrics"]["test"]["auc"] == pytest.approx(measured["auc"])
        known = model.predict_proba(graph, test, known=(train, labels[train]))
        smoothed = np.array(model.classes_)[known.argmax(1)]
        assert summary["smoothed"]["accuracy"]["seeds"][i] == np.mean(smoothed == labels[test])


def test_macro_f1_is_scikit_learns():
    rng = np.random.default_rng(0)
    for n in (1, 3, 50):
        y, proba = rng.integers(0, 4, n), rng.dirichlet(np.ones(6), n)
        expected = f1_score(y, proba.argmax(1), average="macro", zero_division=0)
        assert macro_f1(y, proba) == pytest.approx(expected)


def test_a_finished_run_is_not_repeated(run, graph, labels, parts, no_fit):
    out, summary = run
    about = {name: summary[name] for name in ("data", "split", "target")}
    seen = []
    again = run_graph_seeds(
        graph,
        labels.tolist(),
        **parts,
        seeds=[0, 2],
        out=out,
        active=0.25,
        smooth=True,
        about=about,
        on_fit=lambda seed, role, record: seen.append((seed, role)),
        **OPTIONS,
    )
    assert again == summary
    assert seen == [(0, "gated"), (0, "dense"), (2, "gated"), (2, "dense")]


def test_other_conditions_are_refused_by_name(run, graph, labels, parts, no_fit):
    out, _ = run
    given = {"seeds": [0], "out": out, "active": 0.25, "smooth": True, **OPTIONS}
    with pytest.raises(ParameterError, match="hops: 2 there, 3 now"):
        run_graph_seeds(graph, labels, **parts, **{**given, "hops": 3})
    with pytest.raises(ParameterError, match="smooth: True there, False now"):
        run_graph_seeds(graph, labels, **parts, **{**given, "smooth": False})
    fewer = Graph(graph.nodes, np.stack([graph.sources, graph.targets])[:, 1:])
    with pytest.raises(ParameterError, match=r"graph: 240 nodes, 520 edges .* there, 240 nodes, 519 edges"):
        run_graph_seeds(fewer, labels, **parts, **given)
    with pytest.raises(ParameterError, match=r"test nodes: 80 .* there, 79 .* now"):
        run_graph_seeds(graph, labels, **{**parts, "test": parts["test"][1:]}, **given)
    with pytest.raises(ParameterError, match=r"validation nodes: 40 .* there, a part of the training nodes now"):
        run_graph_seeds(graph, labels, train=parts["train"], test=parts["test"], **given)
    other = labels.copy()
    other[parts["train"]] = np.roll(labels[parts["train"]], 1)
    with pytest.raises(ParameterError, match=r"training nodes: 120 .* there, 120 .* now"):
        run_graph_seeds(graph, other, **parts, **given)


@pytest.mark.parametrize(
    "more",
    [
        {"batch_size": 10},
        {"batch_size": 10, "encoder": "sage", "layers": 1, "neighbours": [2]},
        {},
    ],
)
def test_goes_on_where_it_was_interrupted(graph, labels, parts, monkeypatch, tmp_path, more):
    options = {**OPTIONS, "seeds": [0], "active": 0.25, "dense": False, **more}
    run_graph_seeds(graph, labels, **parts, out=tmp_path / "whole", **options)
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    whole, made = Trainer._step, []

    def step(self, *args):
        made.append(1)
        if len(made) == 7:
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", step)
        with pytest.raises(KeyboardInterrupt, match="seed 0, gated"):
            run_graph_seeds(graph, labels, **parts, out=tmp_path / "cut", **options)
    signal.signal(signal.SIGINT, handler)
    assert (tmp_path / "cut" / "seed-0" / "checkpoint.pt").exists()
    run_graph_seeds(graph, labels, **parts, out=tmp_path / "cut", **options)
    cut, one = (tmp_path / name / "seed-0" / "model.l0gm" for name in ("cut", "whole"))
    assert cut.read_bytes() == one.read_bytes()
    assert not (tmp_path / "cut" / "seed-0" / "checkpoint.pt").exists()


def test_a_class_that_no_training_node_has(graph, labels, parts, tmp_path):
    other = labels.astype(object)
    other[parts["test"][:4]], other[parts["validation"][:4]] = "d", "d"
    found = run_graph_seeds(graph, other, **parts, seeds=[0], out=tmp_path, dense=False, **OPTIONS)
    assert found["rows"] == {"train": 120, "validation": 36, "test": 80}
    model = load(tmp_path / "seed-0" / "model.l0gm")
    right = np.array(model.classes_)[model.predict_proba(graph, parts["test"]).argmax(1)] == other[parts["test"]]
    assert found["accuracy"]["mean"] == right.mean() <= 76 / 80
    lacking = np.flatnonzero(labels != "c")
    fewer = np.intersect1d(parts["test"], lacking)
    held = {"train": parts["train"], "test": fewer}
    found = run_graph_seeds(graph, labels, **held, seeds=[0], out=tmp_path / "fewer", dense=False, **OPTIONS)
    assert "auc" not in found
    assert found["macro_f1"]["mean"] > 0


def test_columns_that_hold_masks_are_no_attributes(graph, labels, parts, tmp_path):
    table = pd.DataFrame({"x": graph.nodes[:, 0], "y": graph.nodes[:, 1]})
    for name, numbers in parts.items():
        table[name] = np.isin(np.arange(N), numbers)
    named = Graph(table, np.stack([graph.sources, graph.targets]))
    run_graph_seeds(
        named,
        pd.Series(labels),
        train="train",
        validation="validation",
        test="test",
        seeds=[0],
        out=tmp_path,
        dense=False,
        **OPTIONS,
    )
    assert load(tmp_path / "seed-0" / "model.l0gm").feature_names_in_ == ("x", "y")


def test_splits_are_checked_before_training(graph, labels, parts, tmp_path, no_fit):
    given = {"seeds": [0], "out": tmp_path / "run", **OPTIONS}
    both = {**parts, "test": np.append(parts["test"], parts["train"][0])}
    with pytest.raises(DataError, match="is in train and in test"):
        run_graph_seeds(graph, labels, **both, **given)
    bare = labels.astype(object)
    bare[parts["test"][3]] = None
    with pytest.raises(DataError, match=f"test: node {parts['test'][3]} has no label"):
        run_graph_seeds(graph, bare, **parts, **given)
    with pytest.raises(DataError, match="239 labels for 240 nodes"):
        run_graph_seeds(graph, labels[1:], **parts, **given)
    with pytest.raises(DataError, match="test names no node"):
        run_graph_seeds(graph, labels, **{**parts, "test": []}, **given)
    assert not (tmp_path / "run").exists()


def test_the_digest_sees_every_part_of_a_graph():
    nodes = np.arange(12, dtype=np.float32).reshape(6, 2)
    edges = np.array([[0, 1, 2], [1, 2, 3]])
    table = pd.DataFrame({"x": [1, 2, 3, 4, 5, 6], "y": list("abcdef")})
    graphs = [
        Graph(nodes, edges),
        Graph(nodes + 1, edges),
        Graph(nodes, edges[::-1].copy()),
        Graph(nodes, edges, weight=[1, 1, 1]),
        Graph(nodes, edges, weight=[1, 1, 2]),
        Graph(nodes, edges, relation=["p", "q", "p"]),
        Graph(nodes, edges, relation=["p", "p", "q"]),
        Graph(nodes, edges, relation=["p", "r", "p"]),
        Graph(table, edges),
        Graph(table.assign(y=list("abcdeg")), edges),
    ]
    digests = list(map(graph_fingerprint, graphs))
    assert len(set(digests)) == len(digests)
    assert graph_fingerprint(Graph(nodes.copy(), edges.astype(np.int32))) == digests[0]
    assert graph_fingerprint(Graph(table.to_dict("list"), edges)) == digests[8]
