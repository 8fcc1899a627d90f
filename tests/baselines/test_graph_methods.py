"""What comparisons of graphs may name."""

from functools import partial

import numpy as np
import pytest

from l0gm.baselines import find, methods
from l0gm.baselines.base import size_of
from l0gm.testing.baselines import check_node_baseline
from l0gm.testing.messy import random_graph

pytest.importorskip("torch_geometric")

DENSE = {"mlp", "gcn", "sage", "gat", "sign"}
EFFICIENT = {"dropedge", "neighbour-sampling", "graphsaint", "fastgcn"}
OURS = DENSE | EFFICIENT | {"label-propagation"}
SMALL = {"hidden": 8, "dropout": 0.2, "lr": 0.05}
QUICK = {
    **{name: {**SMALL, "width": 8, "epochs": 4} for name in DENSE | EFFICIENT},
    "gat": {**SMALL, "width": 8, "epochs": 4, "heads": 2},
    "graphsaint": {**SMALL, "roots": 60, "presamples": 10, "steps": 30},
    "fastgcn": {**SMALL, "samples": (60, -1), "batch_size": 64, "steps": 30},
    "label-propagation": {},
}


def test_the_names_are_there():
    known = methods("graph")
    assert {*known} >= OURS
    assert {name for name in OURS if known[name].group == "efficiency"} == EFFICIENT
    assert not any(known[name].budgeted for name in OURS)


@pytest.mark.parametrize("name", ["label-propagation", "graphsaint", "fastgcn"])
def test_the_contract(name):
    check_node_baseline(partial(find("graph", name).make, active=None, **QUICK[name]))


@pytest.mark.parametrize("name", sorted(DENSE | EFFICIENT))
def test_it_learns_with_every_dimension_open(name):
    graph, codes = random_graph(300, 0, 2)
    model = find("graph", name).make(seed=0, active=0.1, **QUICK[name]).fit(graph, codes, train=np.arange(240))
    assert np.mean(model.predict(graph, np.arange(240, 300)) == codes[240:]) > 0.6
    assert size_of(model).n_open == size_of(model).n_dimensions == 8


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_candidate_of_the_space_can_be_made(name):
    method = find("graph", name)
    default = method.make(seed=3, active=0.1, threads=1)
    assert default.random_state == 3
    for setting, candidates in method.space.items():
        made = [method.make(seed=3, active=0.1, threads=1, **{setting: value}) for value in candidates]
        assert repr(made[0]) == repr(default)  # the first is the default
        assert len({*map(repr, made)}) == len(candidates)
