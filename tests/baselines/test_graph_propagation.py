"""Label propagation: what the labels alone tell."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from l0gm import Graph
from l0gm.baselines.base import size_of
from l0gm.baselines.graph_propagation import LabelPropagation
from l0gm.encoders.geometric import geometric
from l0gm.errors import DataError, NotFittedError, ParameterError

N = 9


def path(n=N):
    return Graph(np.ones((n, 1), np.float32), np.stack([np.arange(n - 1), np.arange(1, n)]))


LABELS = np.array(["left"] * 5 + ["right"] * 4)


def test_on_a_path_the_nearer_end_decides():
    model = LabelPropagation().fit(path(), LABELS, train=[0, 8], validation=[1, 7])
    proba = model.predict_proba(path())
    assert np.delete(model.predict(path()), 4).tolist() == np.delete(LABELS, 4).tolist()
    assert (np.diff(proba[:, 0]) < 0).all()  # less and less on the way
    assert np.allclose(proba[4], 0.5)  # as far from both
    assert np.allclose(proba, proba[::-1, ::-1])
    assert model.metrics_["validation"]["accuracy"] == 1.0
    assert size_of(model).n_parameters == 0


def test_it_is_what_pyg_computes():
    pytest.importorskip("torch_geometric")
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 30, (2, 60))
    graph = Graph(np.ones((30, 1), np.float32), ends[:, ends[0] != ends[1]])
    y, train = rng.integers(0, 3, 30), np.arange(12)
    y[:3] = [0, 1, 2]
    found = LabelPropagation(0.7, 20).fit(graph, y, train=train, validation=[12]).predict_proba(graph)
    both = np.unique(np.concatenate([(graph.sources, graph.targets), (graph.targets, graph.sources)], 1), axis=1)
    theirs = geometric("nn", "a test").LabelPropagation(20, 0.7)(
        torch.from_numpy(y), torch.from_numpy(both).long(), torch.from_numpy(train)
    ).numpy()  # fmt: skip
    reached = theirs.sum(1) > 0
    assert np.allclose(found[reached], theirs[reached] / theirs[reached].sum(1, keepdims=True), atol=1e-5)


def test_nodes_that_no_label_reaches_have_the_shares_of_the_classes():
    graph = Graph(np.ones((6, 1), np.float32), [[0, 1], [1, 2]])
    model = LabelPropagation().fit(graph, ["a", "a", "b", "a", "b", "b"], train=[0, 1, 2, 3], validation=[5])
    assert model.predict_proba(graph, [4, 5]).tolist() == [[0.75, 0.25]] * 2


def test_iterations_say_how_far_labels_come():
    model = LabelPropagation(iterations=2).fit(path(), LABELS, train=[0, 8], validation=[4])
    assert np.allclose(model.predict_proba(path(), [4]), 0.5)  # four steps from both: the classes' shares
    assert model.predict_proba(path(), [2])[0, 0] == 1.0


def test_graphs_as_pyg_has_them_and_nodes_without_a_label():
    pytest.importorskip("torch_geometric")
    mask = torch.zeros(N, dtype=torch.bool)
    mask[[0, 8]] = True
    edges = torch.stack([torch.arange(N - 1), torch.arange(1, N)])
    y = torch.tensor([0] * 5 + [1] * 4)
    data = SimpleNamespace(x=torch.ones(N, 1), edge_index=edges, y=y, train_mask=mask, val_mask=~mask)
    found = LabelPropagation().fit(data).predict_proba(data)
    same = LabelPropagation().fit(path(), LABELS, train=[0, 8], validation=[4])
    assert np.allclose(found, same.predict_proba(path()))
    some = [*LABELS[:2], *[None] * 5, *LABELS[7:]]  # all that have a label are learned from, but those held out
    model = LabelPropagation().fit(path(), some)
    assert sorted(np.concatenate([*model.parts_.nodes.values()])) == [0, 1, 7, 8]
    assert model.predict(path()).tolist()[:3] == ["left"] * 3


def test_what_it_refuses():
    with pytest.raises(ParameterError, match=r"alpha=1\.0: above 0 and below 1"):
        LabelPropagation(1.0).fit(path(), LABELS)
    with pytest.raises(NotFittedError):
        LabelPropagation().predict_proba(path())
    model = LabelPropagation().fit(path(), LABELS, train=[0, 8], validation=[1])
    with pytest.raises(DataError, match="the graph of fit, which has 9 nodes, and this one has 5"):
        model.predict_proba(path(5))
