"""Real graphs with the public split: quick fits reach what quick fits reach, and Debian's packages carry all three."""

import numpy as np
import pytest

import l0gm
from l0gm import L0GMNodeClassifier
from l0gm.datasets import load_graph
from l0gm.errors import DatasetError

pytestmark = pytest.mark.data


def found(name):
    try:
        return load_graph(name)
    except DatasetError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("name", "encoder", "least"), [("pubmed", "gcn", 0.74), ("pubmed", "sign", 0.72), ("cora", "gat", 0.75)]
)
def test_a_sixth_of_the_states_is_enough(name, encoder, least, tmp_path):
    data = found(name)
    train, validation, test = data.split()
    model = L0GMNodeClassifier(encoder=encoder, active=0.15, dropout=0.6, epochs=12)
    model.fit(data.graph, data.labels, train=train, validation=validation)
    measures = model.evaluate(data.graph, data.labels[test], test)
    assert measures["n_open"] == 10
    assert measures["accuracy"] > least
    served = l0gm.load(model.save(tmp_path / "nodes.l0gm"))
    served.verify()
    np.testing.assert_array_equal(served.predict_proba(data.graph), model.predict_proba(data.graph))


def test_columns_texts_and_edges_together():
    data = found("debian_packages")
    keep = np.sort(np.random.PCG64(0).random_raw(data.graph.n_nodes).argsort()[:4000])
    graph, labels = data.graph.subgraph(keep), data.labels[keep]
    common = [label for label in np.unique(labels) if (labels == label).sum() >= 40]
    known = np.flatnonzero(np.isin(labels, common))
    train, test = known[::2], known[1::2]
    model = L0GMNodeClassifier(encoder="sage", active=0.15, l2=0.0, lr=0.005, dropout=0.3, text_dim=32, epochs=4)
    model.set_params(relations=["Depends", "Recommends"], text=["short_description"])
    model.fit(graph, labels, train=train)
    assert model.score(graph, labels[test], test) > 0.45
    assert "short_description" in model.compact_.feature_names_in_
