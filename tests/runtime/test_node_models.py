"""The file of a model of nodes: what is written is what is read, and what was altered is refused."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from l0gm import CompactModel, load
from l0gm.data.adjacency import locality_order
from l0gm.data.graphs import Graph
from l0gm.errors import ArtifactError, DataError, L0GMError, MissingExtraError, ParameterError
from l0gm.runtime import artifact
from l0gm.runtime.files import load_rows
from l0gm.runtime.nodes import CompactNodeModel, probe_graph
from l0gm.runtime.smoothing import correct_and_smooth
from l0gm.testing import fuzz_artifacts
from l0gm.testing.fuzz_artifacts import Base, make
from l0gm.testing.sound import sound_model, sound_node_model, sound_node_models

MODELS = {model.information["encoder"]: model for model in sound_node_models()}


def graph_for(model, n=40, seed=3):
    return probe_graph(model.attributes, model.structure, model.weighted, n, seed)


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


# ---- what is written is what is read -------------------------------------------------------------------------


def test_a_model_that_was_read_answers_the_same(model, tmp_path):
    path = model.save(tmp_path / "model.l0gm")
    again, graph = load(path), graph_for(model)
    assert isinstance(again, CompactNodeModel)
    for calibrated in (False, True):
        expected = model.predict_proba(graph, calibrated=calibrated)
        assert np.array_equal(again.predict_proba(graph, calibrated=calibrated), expected)
    assert again.predict(graph).tolist() == model.predict(graph).tolist()
    assert np.array_equal(again.predict_set(graph, coverage=0.8), model.predict_set(graph, coverage=0.8))
    assert again.verify() < 1e-6
    for name in ("classes_", "structure", "weighted", "information", "feature_names_in_", "n_parameters", "calibrator"):
        assert getattr(again, name) == getattr(model, name)
    assert again.card() == model.card()
    assert again.save(tmp_path / "again.l0gm").read_bytes() == path.read_bytes()


def test_its_card_says_what_it_is(model):
    card = model.card()
    assert "A classifier over the nodes of a graph" in card
    assert "32 made-up nodes" in card
    assert "## Measured on the validation rows" in card


def test_what_asks_for_rows_refuses_it(tmp_path):
    path = MODELS["gcn"].save(tmp_path / "model.l0gm")
    with pytest.raises(ArtifactError, match=r"model\.l0gm classifies the nodes of a graph, and rows are asked for"):
        load_rows(path)
    assert isinstance(load_rows(sound_model().save(path)), CompactModel)


def test_a_kind_of_a_later_version(tmp_path):
    arrays, document, card = artifact.read(MODELS["gcn"].save(tmp_path / "model.l0gm"))
    for kind in ("edges", None, ["nodes"]):
        path = artifact.write(tmp_path / "model.l0gm", arrays, {**document, "kind": kind}, card)
        with pytest.raises(ArtifactError, match=r"model\.l0gm holds a .* model, which this version cannot run"):
            load(path)


# ---- prediction ----------------------------------------------------------------------------------------------


def test_some_nodes_have_the_answers_that_they_have_among_all(model):
    graph = graph_for(model)
    every = model.predict_proba(graph)
    mask = np.zeros(40, bool)
    mask[[2, 7]] = True
    assert np.array_equal(model.predict_proba(graph, mask), every[[2, 7]])
    assert np.array_equal(model.predict_proba(graph, [7, 2]), every[[7, 2]])
    assert model.predict(graph, [7]).tolist() == model.predict(graph).tolist()[7:8]
    assert model.predict_set(graph, mask, coverage=0.8).shape == (2, len(model.classes_))


def test_an_order_changes_nothing(model):
    graph = graph_for(model)
    rng = np.random.default_rng(0)
    for order in (rng.permutation(40), list(range(39, -1, -1)), rng.permutation(40).astype(np.uint32)):
        np.testing.assert_allclose(model.predict_proba(graph, order=order), model.predict_proba(graph), atol=1e-6)
    if model.reads_edges:
        order = locality_order(graph.kept[1][0])
        np.testing.assert_allclose(model.predict_proba(graph, order=order), model.predict_proba(graph), atol=1e-6)


@pytest.mark.parametrize(
    "order", [np.arange(39), np.zeros(40, int), np.arange(1, 41), np.arange(40.0), np.arange(40)[None], "x", None],
    ids=["short", "double", "shifted", "floats", "a matrix", "a text", "none"],
)  # fmt: skip
def test_an_order_that_is_none(order):
    model = MODELS["gcn"]
    if order is None:
        model.predict_proba(graph_for(model), order=None)
    else:
        with pytest.raises(ParameterError, match="order: each of the 40 nodes once"):
            model.predict_proba(graph_for(model), order=order)


def test_half_precision_is_near(model):
    graph = graph_for(model)
    half = model.predict_proba(graph, precision="bfloat16")
    assert np.abs(half - model.predict_proba(graph)).max() < 0.1
    np.testing.assert_allclose(half.sum(1), 1.0, atol=1e-12)
    with pytest.raises(ParameterError, match="precision='half': choose one of float32, bfloat16"):
        model.predict_proba(graph, precision="half")


def test_known_nodes_correct_and_smooth_the_others():
    model = MODELS["gcn"]
    graph = graph_for(model)
    nodes, labels = np.array([1, 5, 9]), ["b", "a", "c"]
    expected = correct_and_smooth(graph, model.predict_proba(graph), nodes, np.array([1, 0, 2]))
    for known in (
        (nodes, labels),
        (torch.from_numpy(nodes), np.array(labels)),
        (np.isin(np.arange(40), nodes), labels),
    ):
        assert np.array_equal(model.predict_proba(graph, known=known), expected)
    assert np.array_equal(model.predict_proba(graph, [2], known=(nodes, labels)), expected[[2]])
    with pytest.raises(DataError, match="known: 3 nodes and 2 labels"):
        model.predict_proba(graph, known=(nodes, labels[:2]))
    with pytest.raises(DataError, match="'d' is none of the model's classes"):
        model.predict_proba(graph, known=(nodes, ["a", "b", "d"]))


def test_measures_are_those_of_the_answers():
    model = MODELS["gcn"]
    graph = graph_for(model)
    y = np.array(["a", "b", "c"])[np.arange(40) % 3]
    measures = model.evaluate(graph, y)
    assert measures["accuracy"] == pytest.approx((model.predict(graph) == y).mean())
    assert measures["n_rows"] == 40
    assert "auc" in measures
    assert "auc" not in model.evaluate(graph, y[:2], [0, 1])
    with pytest.raises(DataError, match=r"y has shape \(40,\) and proba \(2, 3\)"):
        model.evaluate(graph, y, [0, 1])


def test_graphs_of_another_kind_are_refused():
    wide, table = MODELS["gcn"], MODELS["sage"]
    with pytest.raises(DataError, match="the nodes have 5 attributes, and those of fit had 6"):
        wide.predict_proba((np.zeros((3, 5)), np.zeros((2, 0), int)))
    with pytest.raises(DataError, match="the nodes are a table, and those of fit were an array"):
        wide.predict_proba(graph_for(table))
    with pytest.raises(DataError, match="the nodes are an array, and those of fit were a table"):
        table.predict_proba(graph_for(wide))
    with pytest.raises(DataError, match="list is no graph"):
        wide.predict_proba([1])


def test_relations_that_it_does_not_know():
    keeps, alone = MODELS["sign"], MODELS["gat"]
    graph = graph_for(keeps)
    graph.relations = ("a", "hates")
    with pytest.raises(DataError, match="edges of the relation 'hates', and the model knows 'a', 'b'"):
        keeps.predict_proba(graph)
    nodes = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    ends = np.array([[0, 1, 2], [1, 2, 3]])
    one = alone.predict_proba(Graph(nodes, ends, relation=["likes", "hates", "likes"]))
    other = alone.predict_proba(Graph(nodes, ends[:, [0, 2]], relation=["likes", "likes"]))
    assert np.array_equal(one, other)


def test_weights_so_large_that_the_answer_is_none():
    model = sound_node_model("gcn")
    for array in model.program.arrays().values():
        array[...] = 3e38
    with pytest.raises(ArtifactError, match="so large that an answer is no finite number"):
        model.verify()
    sound = MODELS["mlp"]
    with pytest.raises(ArtifactError, match="so large"):
        sound.predict_proba((np.full((2, 6), 3e38), np.zeros((2, 0), int)))


# ---- without PyTorch, scikit-learn and pandas ----------------------------------------------------------------

PREDICT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torch_geometric", "sklearn", "pandas", "scipy", "rich"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
import json
import numpy as np
import l0gm
from l0gm.runtime.nodes import probe_graph
answers = {}
for path in sys.argv[1:]:
    model = l0gm.load(path)
    graph = probe_graph(model.attributes, model.structure, model.weighted, 40, 3)
    answers[path] = {"proba": model.predict_proba(graph).tolist(), "verified": model.verify()}
    try:
        model.predict_proba(graph, precision="bfloat16")
    except l0gm.errors.MissingExtraError as error:
        answers[path]["half"] = str(error)
print(json.dumps([answers, sorted({name.split(".")[0] for name in sys.modules} & {"torch", "sklearn", "pandas"})]))
"""


def test_predictions_where_torch_cannot_be_imported(tmp_path):
    paths = {str(model.save(tmp_path / f"{name}.l0gm")): model for name, model in MODELS.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREDICT, *paths],
        capture_output=True, text=True, check=False, timeout=120, env=kept,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    for path, model in paths.items():
        np.testing.assert_allclose(answers[path]["proba"], model.predict_proba(graph_for(model)), atol=1e-6)
        assert answers[path]["verified"] < 1e-5
        assert ("half" in answers[path]) == (Path(path).stem in ("gcn", "sage", "sign"))
    assert issubclass(MissingExtraError, ImportError)


# ---- damaged files -------------------------------------------------------------------------------------------


@pytest.fixture
def parts(model, tmp_path, monkeypatch):
    """Arrays and document to spoil, and a function that loads them from a file."""
    arrays, document, card = artifact.read(model.save(tmp_path / "model.l0gm"))
    arrays = {name: a.copy() for name, a in arrays.items()}
    monkeypatch.setattr(artifact, "read", lambda path: (dict(arrays), json.loads(json.dumps(document)), card))

    def reload():
        return load(tmp_path / "model.l0gm")  # which would be written very often

    return arrays, document, reload


def refused(reload):
    with pytest.raises(ArtifactError, match=r"model\.l0gm"):
        reload()


def places(node, start=()):
    for key in node if isinstance(node, dict) else range(len(node)):
        yield (*start, key)
        if isinstance(node[key], (dict, list)):
            yield from places(node[key], (*start, key))


def at(document, place):
    for key in place[:-1]:
        document = document[key]
    return document, place[-1]


JUNK = [None, True, 3, -1, 1.5, "x", "", [], {}, [1, "x"], {"x": 1}, [[]], 1e300, 10**30]
FREE = ("information", "format")  # what a model is known by, and not run by


def test_each_entry_of_the_document_left_out(parts):
    _, document, reload = parts
    whole = copy.deepcopy(document)
    for place in list(places(document)):
        if place[0] in FREE or isinstance(place[-1], int):
            continue
        holder, key = at(document, place)
        value = holder.pop(key)
        refused(reload)
        holder[key] = value
    assert document == whole
    reload()


def test_junk_in_each_place_of_the_document(model, parts):
    """It is refused, or it means something and the model still answers, or says why not."""
    _, document, reload = parts
    graph, n_refused, n_loaded = graph_for(model, 12), 0, 0
    chosen = [place for place in places(document) if place[0] not in (*FREE, "conformal", "calibration")]
    chosen = [place for place in chosen if place[:2] != ("attributes", "schema")]  # the schema has its own tests
    for place in chosen:
        holder, key = at(document, place)
        value = holder[key]
        for junk in JUNK:
            holder[key] = junk
            other = None
            with suppress(ArtifactError):  # nothing else
                other = reload()
            if other is None:
                refused(reload)
                n_refused += 1
                continue
            n_loaded += 1
            with suppress(L0GMError):
                assert np.isfinite(other.predict_proba(graph)).all()
                other.verify()
        holder[key] = value
    assert n_refused > 5 * n_loaded
    reload()


SHAPES = [(), (0,), (1,), (3,), (2, 3), (0, 2), (2, 0), (3, 3, 3), (7,), (1, 1)]


def test_each_array_of_another_shape_or_type_or_missing(model, parts):
    arrays, _, reload = parts
    for name, good in list(arrays.items()):
        if name.startswith("attributes.text") or ".schema." in name:
            continue
        for shape in SHAPES:
            if shape != good.shape:
                arrays[name] = np.resize(good, shape)
                print(name, shape, good.shape)
                refused(reload)
        for dtype in (np.float64, np.float16, np.int8, np.int64, np.float32, np.int32, np.bool_):
            if dtype != good.dtype:
                arrays[name] = good.astype(dtype)
                refused(reload)
        del arrays[name]
        if name.endswith(("slopes", "root")):  # a field without a ramp, or a layer without a root: another sound model
            reload()
        else:
            refused(reload)
        arrays[f"{name}.x"] = good
        refused(reload)
        del arrays[f"{name}.x"]
        arrays[name] = good
    reload()


def test_numbers_that_are_not_finite(parts):
    arrays, _, reload = parts
    for array in arrays.values():
        if array.dtype == np.float32:
            for value in (np.nan, np.inf, -np.inf):
                before = array.flat[-1]
                array.flat[-1] = value
                refused(reload)
                array.flat[-1] = before
    reload()


def test_arrays_left_over(parts):
    arrays, _, reload = parts
    for name in ("more", "", "program.more", "attributes.more", "program.layer.9.bias", "program.dense.9.weight"):
        arrays[name] = np.zeros((2, 2), np.float32)
        refused(reload)
        del arrays[name]


def loaded(arrays, document, path):
    return load(artifact.write(path / "model.l0gm", arrays, document, ""))


@pytest.mark.parametrize(
    "columns", [[0, 2, 3, 6], [-1, 2, 3, 5], [2, 0, 3, 5], [0, 2, 2, 5], [0, 2, 3, 2**31 - 1]], ids=str
)
def test_columns_that_are_none(columns, tmp_path):
    arrays, document, _ = artifact.read(MODELS["gcn"].save(tmp_path / "model.l0gm"))
    arrays["attributes.columns"] = np.array(columns, np.int32)
    with pytest.raises(ArtifactError, match="attributes' arrays do not fit"):
        loaded(arrays, document, tmp_path)


@pytest.mark.parametrize("heads", [[0, 0, 1, 2], [1, 1, 2, 2], [0, 1, 0, 1], [-1, 0, 1, 1], [0, 0, 0, 0]], ids=str)
def test_heads_that_are_none(heads, tmp_path):
    """The compiled loop checks no index."""
    arrays, document, _ = artifact.read(MODELS["gat"].save(tmp_path / "model.l0gm"))
    arrays["program.layer.0.heads"] = np.array(heads, np.int32)
    with pytest.raises(ArtifactError, match="a layer's arrays do not fit"):
        loaded(arrays, document, tmp_path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("program", "mixing"), "mean"), (("program", "mixing"), "attention"), (("program", "n_channels"), 3),
        (("program", "hops"), 2), (("program", "layers"), {"linear": 1}), (("program", "layers"), "linear"),
        (("program", "layers"), ["linear", "attention"]),
        (("edges", "direction"), "forward"), (("edges", "relations"), ["a", "b"]), (("edges", "relations"), ["a", "a"]),
        (("edges", "relations"), []), (("edges", "relations"), [1]), (("edges", "relations"), "a"),
        (("edges", "alone"), 0), (("edges", "weighted"), None), (("attributes", "kind"), "table"),
        (("attributes", "total"), 10**12), (("attributes", "total"), True), (("attributes", "scaling"), "rows"),
    ],
    ids=str,
)  # fmt: skip
def test_entries_that_do_not_fit(place, value, tmp_path):
    arrays, document, _ = artifact.read(MODELS["gcn"].save(tmp_path / "model.l0gm"))
    holder, key = at(document, place)
    holder[key] = value
    with pytest.raises(ArtifactError, match=r"model\.l0gm is damaged|the certificate fails"):
        loaded(arrays, document, tmp_path).verify()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none(number, tmp_path):
    arrays, document, _ = artifact.read(MODELS["sign"].save(tmp_path / "model.l0gm"))
    for place in (("program", "hops"), ("program", "dense"), ("program", "n_channels"), ("certificate", "tolerance")):
        holder, key = at(document, place)
        value, holder[key] = holder[key], "HERE"
        text = json.dumps(document).replace('"HERE"', number)
        metadata = {"l0gm": text, "card": "", "sha256": artifact._digest(arrays, text, "")}
        artifact.save_file(arrays, tmp_path / "model.l0gm", metadata)
        with pytest.raises(ArtifactError):
            load(tmp_path / "model.l0gm")
        holder[key] = value


def test_spoilt_files_are_refused_or_harmless(tmp_path):
    """Mutations of a model of each encoder; each in a process that goes on: nothing else than ArtifactError."""
    changes = [("document", change) for change in fuzz_artifacts.TREE] * 2
    changes += [("arrays", change) for change in fuzz_artifacts.ARRAYS] * 2
    changes += [("bytes", change) for change in fuzz_artifacts.BYTES]
    path, rng, found = tmp_path / "model.l0gm", np.random.default_rng(5), []
    for model in MODELS.values():
        base = Base(*artifact.read(model.save(path)))
        for _ in range(60):
            steps = []
            for _ in range(rng.integers(1, 3)):
                level, change = changes[rng.integers(len(changes))]
                value = (*fuzz_artifacts.JUNK, *fuzz_artifacts.NUMBERS)[rng.integers(30)]
                steps.append((level, change, int(rng.integers(2**32)), int(rng.integers(2**32)), value))
            path.write_bytes(make(base, steps))
            found.append(fuzz_artifacts.check(path))
    assert len(found) == 300
    assert 200 < found.count("refused") < 295
