"""Graphs on the command line: files of nodes and edges, data sets, and what goes with what."""

import json

import numpy as np
import pandas as pd
import pytest

from l0gm import Graph, L0GMNodeClassifier, load
from l0gm.datasets import path
from l0gm.errors import DatasetError

N = 240
FITS = ["--epochs", "2", "--width", "8", "--hidden", "8"]
EDGES = ["--edges", "edges.csv", "--node-id", "id"]
NAMED = [*EDGES, "--weight", "w", "--relation", "kind"]


def frames(seed, prefix="p"):
    """Nodes with a text, a number and a category, values that are missing, and edges of two kinds."""
    rng = np.random.default_rng(seed)
    section = np.array(["lib", "net", "web"])[np.arange(N) % 3]
    words = np.array([f"word{i}" for i in range(30)])
    texts = [" ".join([*rng.choice(words, 6), *([name] if rng.random() < 0.5 else [])]) for name in section]
    nodes = pd.DataFrame(
        {
            "id": [f"{prefix}{i:03d}" for i in range(N)],
            "summary": texts,
            "size": np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N) + np.arange(N) % 3),
            "priority": rng.choice(["low", "high", None], N),
            "fold": rng.choice(["train", "valid", "test", "unused"], N, p=[0.5, 0.2, 0.2, 0.1]),
            "section": np.where(np.arange(N) % 20 == 7, None, section),
        }
    )
    nodes.loc[nodes["section"].isna(), "fold"] = "unused"
    first = np.arange(N)
    sources = np.concatenate([first, first, rng.integers(0, N, 40)])
    targets = np.concatenate([(first + 3) % N, (first + 9) % N, rng.integers(0, N, 40)])
    edges = pd.DataFrame({"from": nodes["id"].to_numpy()[sources], "to": nodes["id"].to_numpy()[targets]})
    edges["kind"] = rng.choice(["depends", "suggests"], len(edges))
    edges["w"] = rng.random(len(edges)).round(3)
    return nodes, edges


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """nodes and edges as csv and parquet, a graph of other nodes, and one whose ids are numbers."""
    place = tmp_path_factory.mktemp("graph")
    for name, (nodes, edges) in (("", frames(0)), ("other-", frames(1, "q"))):
        nodes.to_csv(place / f"{name}nodes.csv", index=False)
        edges.to_csv(place / f"{name}edges.csv", index=False)
    nodes, edges = frames(0)
    nodes.to_parquet(place / "nodes.parquet")
    edges.to_parquet(place / "edges.parquet")
    strange = pd.concat([edges, pd.DataFrame([{"from": "p000", "to": "nobody", "kind": "depends", "w": 1.0}])])
    strange.to_csv(place / "strange.csv", index=False)
    numbers = {text: f"{i:03d}" for i, text in enumerate(nodes["id"])}
    nodes.assign(id=nodes["id"].map(numbers)).to_csv(place / "numbered.csv", index=False)
    edges.assign(**{end: edges[end].map(numbers) for end in ("from", "to")}).to_csv(
        place / "numbered-edges.csv", index=False
    )
    edges.assign(**{end: edges[end].map(numbers).astype(int) for end in ("from", "to")}).to_csv(
        place / "rows.csv", index=False
    )
    return place


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def trained(l0gm, folder):
    """One seed, trained by columns for everything; the folder of the run and its summary."""
    monkey = pytest.MonkeyPatch()
    monkey.chdir(folder)
    args = ["--target", "section", "--fold", "fold", "--relations", "keep", "--encoder", "sage", "--layers", "1"]
    result = l0gm("train", "nodes.csv", *NAMED, *args, "--correct-and-smooth", *FITS, "--out", "run", "--json")
    monkey.undo()
    assert result.exit_code == 0, result.stderr
    assert "macro F1" in result.stderr
    return folder / "run", json.loads(result.stdout)


@pytest.fixture(scope="module")
def model(trained):
    return trained[0] / "seed-0" / "model.l0gm"


def test_train_by_a_column_of_folds(trained, model):
    run, summary = trained
    nodes, _ = frames(0)
    counts = nodes["fold"].value_counts()
    assert summary["rows"] == {"train": counts["train"], "validation": counts["valid"], "test": counts["test"]}
    assert (summary["split"], summary["target"], summary["graph"]["nodes"]) == ("column fold", "section", N)
    assert {"macro_f1", "smoothed", "dense"} <= set(summary)
    assert json.loads((run / "summary.json").read_text()) == summary
    asked = {"encoder": "sage", "relations": "keep", "layers": 1, "width": 8}
    assert {name: summary["options"][name] for name in asked} == asked
    assert load(model).feature_names_in_ == ("size", "priority", "summary")
    assert load(model).structure.relations == ("depends", "suggests")


def test_the_table_for_people(l0gm, tmp_path):
    args = [*EDGES, "--target", "section", "--drop", "fold", "--encoder", "sign", "--gate-at", "attributes"]
    result = l0gm("train", "nodes.csv", *args, "--hops", "2", "--seeds", "2", *FITS, "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "182 training and 46 test nodes of 240, 520 edges, 2 seeds" in result.stdout
    for part in ("macro F1", "attributes shut in every seed", "accuracy, gated minus dense"):
        assert part in result.stdout
    again = l0gm("train", "nodes.csv", *args, "--hops", "2", "--seeds", "2", *FITS, "--out", tmp_path)
    assert again.stdout == result.stdout


def test_the_same_from_parquet(l0gm, trained, tmp_path):
    """What a file is does not decide what is learned."""
    options = ["--target", "section", "--drop", "fold", "--encoder", "mlp", "--no-dense", *FITS, "--json"]
    found = []
    for kind in ("csv", "parquet"):
        ends = ["--edges", f"edges.{kind}", "--node-id", "id", "--source", "from", "--target-node", "to"]
        result = l0gm("train", f"nodes.{kind}", *ends, *options, "--out", tmp_path / kind)
        assert result.exit_code == 0, result.stderr
        found.append(json.loads(result.stdout))
    assert found[0]["log_loss"] == found[1]["log_loss"]
    model = tmp_path / "csv" / "seed-0" / "model.l0gm"  # it reads no edges, and needs none
    assert len(l0gm("predict", model, "nodes.parquet").stdout.splitlines()) == N + 1


def test_ids_with_leading_zeros_are_text(l0gm, tmp_path):
    args = ["--target", "section", "--encoder", "mlp", "--no-dense", *FITS, "--json"]
    known = l0gm("train", "numbered.csv", "--edges", "numbered-edges.csv", "--node-id", "id", *args, "--out", tmp_path)
    assert known.exit_code == 0, known.stderr
    rows = l0gm("train", "nodes.csv", "--edges", "rows.csv", "--drop", "id", *args, "--out", tmp_path / "rows")
    assert rows.exit_code == 0, rows.stderr
    assert json.loads(known.stdout)["graph"] == json.loads(rows.stdout)["graph"]


def test_predict_is_the_models_answer(l0gm, model, tmp_path):
    result = l0gm("predict", model, "nodes.csv", *NAMED, "--keep", "id", "--coverage", "0.8")
    assert result.exit_code == 0, result.stderr
    (tmp_path / "answers.csv").write_text(result.stdout)
    got = pd.read_csv(tmp_path / "answers.csv")
    nodes, edges = frames(0)
    graph = Graph(nodes, edges, node_id="id", weight="w", relation="kind")
    loaded = load(model)
    assert got["id"].tolist() == nodes["id"].tolist()
    assert got["prediction"].tolist() == loaded.predict(graph).tolist()
    np.testing.assert_allclose(got[[f"p({name})" for name in loaded.classes_]], loaded.predict_proba(graph), atol=1e-12)
    assert (got[[f"in({name})" for name in loaded.classes_]].to_numpy() == loaded.predict_set(graph, None, 0.8)).all()


def test_predict_other_nodes_to_a_file(l0gm, model, tmp_path):
    nodes = pd.read_csv("other-nodes.csv").assign(priority="never seen").drop(columns=["section", "fold"])
    nodes.to_csv(tmp_path / "nodes.csv", index=False)
    for out in (tmp_path / "answers.csv", tmp_path / "answers.parquet"):
        named = ["--edges", "other-edges.csv", "--node-id", "id", "--weight", "w", "--relation", "kind"]
        result = l0gm("predict", model, tmp_path / "nodes.csv", *named, "--keep", "id,size", "--out", out)
        assert result.exit_code == 0, result.stderr
        assert f"{N} nodes written" in result.stderr
    got, same = pd.read_csv(tmp_path / "answers.csv"), pd.read_parquet(tmp_path / "answers.parquet")
    assert got["id"].tolist() == same["id"].tolist() == nodes["id"].tolist()
    pd.testing.assert_series_equal(got["size"], nodes["size"])
    assert got["prediction"].tolist() == same["prediction"].tolist()


def test_evaluate_by_folds_is_the_record(l0gm, trained, model):
    result = l0gm("evaluate", model, "nodes.csv", *NAMED, "--fold", "fold", "--json")
    assert result.exit_code == 0, result.stderr
    got = json.loads(result.stdout)
    for name in ("accuracy", "macro_f1", "log_loss", "ece"):
        assert got[name] == pytest.approx(trained[1][name]["seeds"][0])
    text = l0gm("evaluate", model, "nodes.csv", *NAMED, "--by", "priority").stdout
    assert "labelled nodes: 228 nodes" in text
    for part in ("macro F1", "by priority", "(missing)", "high"):
        assert part in text


def test_evaluate_a_class_that_the_model_does_not_know(l0gm, model, tmp_path):
    nodes = pd.read_csv("nodes.csv")
    nodes.loc[nodes.index[:5], "section"] = "new"
    nodes.to_csv(tmp_path / "nodes.csv", index=False)
    asked = ["--edges", "edges.csv", "--node-id", "id", "--weight", "w", "--relation", "kind", "--json"]
    before = json.loads(l0gm("evaluate", model, "nodes.csv", *asked).stdout)
    after = json.loads(l0gm("evaluate", model, tmp_path / "nodes.csv", *asked, "--by", "section").stdout)
    assert after["accuracy"] < before["accuracy"]
    assert after["by"]["section"]["new"]["accuracy"] == 0.0


def test_show_and_compact(l0gm, trained, model, tmp_path):
    known = json.loads(l0gm("show", model, "--json").stdout)
    assert (known["kind"], known["encoder"], known["gate_at"], known["layers"]) == ("nodes", "sage", "states", 1)
    text = l0gm("show", model).stdout
    for part in ("sage, 1 layers", "relations depends, suggests", "gate at", "states", "3 attributes: size", "nodes"):
        assert part in text
    assert "over the nodes of a graph" in l0gm("show", model, "--card").stdout
    text = l0gm("compact", model, "--out", tmp_path / "copy.l0gm").stdout
    assert "verified  512 nodes" in text
    assert (tmp_path / "copy.l0gm").read_bytes() == model.read_bytes()
    (entry,) = json.loads(l0gm("compact", trained[0], "--json").stdout)
    assert entry["verified_difference"] <= 1.1e-5


def test_show_lists_forty_attributes(l0gm, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    ring = np.stack([np.arange(120), (np.arange(120) + 2) % 120])
    graph = Graph(rng.normal(size=(120, 90)) + y[:, None], ring)
    fitted = L0GMNodeClassifier(encoder="sign", gate_at="attributes", active=0.5, epochs=1, hidden=4, width=4)
    place = fitted.fit(graph, y, train=np.arange(80)).save(tmp_path / "wide.l0gm")
    known = json.loads(l0gm("show", place, "--json").stdout)
    assert len(known["kept"]) == len(known["dropped"]) == 45
    text = l0gm("show", place).stdout
    (line,) = (line for line in text.splitlines() if line.startswith("attributes kept"))
    assert line.endswith(f"{known['kept'][39]}, and 5 more")
    assert "45 attributes" in text
    assert known["kept"][39] in l0gm("compact", place).stdout


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("cache")
def test_a_generated_graph(l0gm, refuses, tmp_path):
    args = ["synthetic:products", "--scale", "0.0005", "--encoder", "sign", "--hops", "1", "--no-dense", *FITS]
    result = l0gm("train", *args, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["data"], summary["scale"], summary["target"]) == ("synthetic:products", 0.0005, "class")
    place = tmp_path / "run" / "seed-0" / "model.l0gm"
    measured = json.loads(l0gm("evaluate", place, "synthetic:products", "--json").stdout)  # of the same scale
    assert measured["accuracy"] == summary["accuracy"]["seeds"][0]
    assert measured["n_rows"] == summary["rows"]["test"]
    lines = l0gm("predict", place, "synthetic:products", "--scale", "0.0005").stdout.splitlines()
    assert len(lines) == summary["graph"]["nodes"] + 1
    assert "without names" in refuses("predict", place, "synthetic:products", "--keep", "x0")
    assert "without names" in refuses("train", *args, "--drop", "x0")
    assert "--edges edges.csv: it is for files" in refuses("train", *args, "--edges", "edges.csv")
    assert "--part some" in refuses("evaluate", place, "synthetic:products", "--part", "some")
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    narrow = L0GMNodeClassifier(encoder="mlp", epochs=1).fit((rng.normal(size=(60, 8)), np.zeros((2, 0))), y)
    narrow.save(tmp_path / "narrow.l0gm")
    line = refuses("predict", tmp_path / "narrow.l0gm", "synthetic:products", "--scale", "0.0005")
    assert "the nodes have 100 attributes, and those of fit had 8" in line


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nodes.csv", *EDGES], "--target: name the column of nodes.csv"),
        (["nodes.csv", *EDGES, "--target", "sectoin"], "did you mean 'section'?"),
        (["nodes.csv", "--edges", "strange.csv", "--node-id", "id", "--target", "section"], "is 'nobody', and no node"),
        (["nodes.csv", "--edges", "none.csv", "--target", "section"], "none.csv: no such file"),
        (["nodes.csv", "--edges", "edges.csv", "--target", "section"], "name nodes by a column with --node-id"),
        (["nodes.csv", "--edges", "nodes.csv", "--node-id", "id", "--target", "section"], "--source and --target-node"),
        (["nodes.csv", *EDGES, "--target", "section", "--weight", "v"], "--weight v: there is no such column"),
        (["nodes.csv", *EDGES, "--target", "section", "--relation", "kin"], "did you mean 'kind'?"),
        (["nodes.csv", *EDGES, "--target", "section", "--weight", "kind"], "'kind' of the edges holds"),
        (["nodes.csv", *EDGES, "--target", "section", "--relations", "abc"], "the graph has edge"),
        (["nodes.csv", *EDGES, "--target", "section", "--fold", "priority"], "no node says 'train' or 'test'"),
        (["nodes.csv", *EDGES, "--target", "section", "--fold", "fold", "--test-size", "0.3"], "one of the two"),
        (["nodes.csv", *EDGES, "--target", "section", "--drop", "id"], "--drop id: another option names"),
        (["nodes.csv", *EDGES, "--target", "section", "--text", "id"], "--text id: it is no attribute"),
        (["nodes.csv", *EDGES, "--target", "section", "--split", "time"], "--split time: it is for data sets"),
        (["nodes.csv", *EDGES, "--target", "section", "--cin", "8"], "--cin: nodes.csv is a graph"),
        (["nodes.csv", *EDGES, "--target", "section", "--from", "m"], "--from: nodes.csv is a graph"),
        (["nodes.csv", *EDGES, "--target", "section", "--active", "auto"], "--active auto"),
        (["nodes.csv", *EDGES, "--target", "section", "--encoder", "ngrams"], "choose one of gcn, sage"),
        (["nodes.csv", *EDGES, "--target", "section", "--neighbours", "few"], "--neighbours 'few'"),
        (["nodes.csv", "--target", "section", "--hops", "2"], "--hops: nodes.csv is a table"),
        (["nodes.csv", "--target", "section", "--inductive"], "--inductive: nodes.csv is a table"),
        (["nodes.csv", "--target", "section", "--encoder", "gcn"], "--encoder gcn: nodes.csv is a table"),
        (["synthetic:mixed", "--edges", "edges.csv"], "--edges edges.csv: it is for files"),
        (["cora", "--teacher", "trees"], "--teacher: cora is a graph"),
        (["cora", "--test-size", "0.2"], "--test-size 0.2: it is for files"),
        (["cora", "--target", "age"], "the target of cora is class"),
        (["ogbn-products", "--target", "age"], "the target of ogbn_products is category"),
        (["ogbn-prodcts"], "did you mean 'ogbn_products'?"),
    ],
)
def test_a_users_errors(refuses, tmp_path, args, message):
    assert message in refuses("train", *args, "--out", tmp_path)


def test_models_and_data_that_do_not_go_together(refuses, model, trained_rows, tmp_path):
    for command in ("predict", "evaluate"):
        assert "--edges: name the file of edges" in refuses(command, model, "nodes.csv")
        assert "--weight: name the column" in refuses(command, model, "nodes.csv", *EDGES)
        assert "adult: it is a table" in refuses(command, model, "adult")
        assert "--edges: " in (line := refuses(command, trained_rows, "nodes.csv", *EDGES))
        assert "classifies rows" in line
        assert "cora: it is a graph" in refuses(command, trained_rows, "cora")
    for command in ("explain", "monitor"):
        assert "classifies the nodes of a graph" in refuses(command, model, "nodes.csv")
    assert "classifies the nodes of a graph" in refuses("threshold", model, "nodes.csv", "--cost", "1,2")
    line = refuses("train", "nodes.csv", "--target", "section", "--from", model, "--out", tmp_path)
    assert "classifies the nodes of a graph" in line
    assert "--part train" in refuses("evaluate", model, "nodes.csv", *NAMED, "--part", "train")
    line = refuses("predict", model, "nodes.csv", *EDGES, "--weight", "w")
    assert "edges of the relation 'edge'" in line
    pd.read_csv("nodes.csv").drop(columns="size").to_csv(tmp_path / "less.csv", index=False)
    assert "size" in refuses("predict", model, tmp_path / "less.csv", *NAMED)
    out = tmp_path / "edges.csv"
    out.write_bytes((model.parents[2] / "edges.csv").read_bytes())
    named = ["--node-id", "id", "--weight", "w", "--relation", "kind"]
    assert "would replace" in refuses("predict", model, "nodes.csv", "--edges", out, *named, "--out", out)


@pytest.fixture(scope="module")
def trained_rows(l0gm, folder):
    """A model of rows."""
    args = ["--target", "section", "--epochs", "1", "--no-dense", "--embedding-dim", "2", "--out", folder / "rows"]
    nodes = pd.read_csv(folder / "nodes.csv").dropna(subset=["section"]).drop(columns="summary")
    nodes.to_csv(folder / "labelled.csv", index=False)
    result = l0gm("train", folder / "labelled.csv", *args, "--drop", "id,fold")
    assert result.exit_code == 0, result.stderr
    return folder / "rows" / "seed-0" / "model.l0gm"


def test_data_sets_say_what_they_are(l0gm):
    entries = {entry["name"]: entry for entry in json.loads(l0gm("data", "list", "--json").stdout)}
    assert (entries["cora"]["kind"], entries["cora"]["edges"]) == ("graph", 5278)
    assert (entries["adult"]["kind"], entries["adult"]["edges"]) == ("table", None)
    text = l0gm("data", "describe", "ogbn-products").stdout
    assert "ogbn_products" in text
    assert "graph" in text


@pytest.mark.data
def test_cora(l0gm, tmp_path):
    try:
        path("cora")
    except DatasetError as error:
        pytest.skip(str(error))
    result = l0gm("train", "cora", "--encoder", "gcn", "--epochs", "8", "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["rows"] == {"train": 140, "validation": 500, "test": 1000}
    assert summary["accuracy"]["mean"] > 0.7
    place = tmp_path / "seed-0" / "model.l0gm"
    measured = json.loads(l0gm("evaluate", place, "cora", "--json").stdout)
    assert measured["accuracy"] == summary["accuracy"]["mean"]
    assert len(l0gm("predict", place, "cora").stdout.splitlines()) == 2709
