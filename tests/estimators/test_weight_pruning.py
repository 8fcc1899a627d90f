"""Weights pruned by size behind the interface: exact counts, masks that hold, rewinding, on rows, texts and nodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import l0gm
from l0gm import Graph, L0GMClassifier, L0GMNodeClassifier
from l0gm.baselines import methods
from l0gm.errors import ParameterError
from l0gm.gates import BlockGate, L0Linear
from l0gm.training import Trainer, lottery

PRUNED = ("pruned", "lottery", "n:m")


@pytest.fixture
def spied(monkeypatch):
    """Take note of each training's first and last weights."""
    seen = []
    whole = Trainer.fit

    def fit(self, *rows):
        first = {name: value.clone() for name, value in self.model.state_dict().items()}
        after = {}
        step = self.on_step

        def look(progress):
            after[progress.step] = {name: value.clone() for name, value in self.model.state_dict().items()}
            if step is not None:
                step(progress)

        self.on_step = look
        made = whole(self, *rows)
        seen.append((first, after, made))
        return made

    monkeypatch.setattr(Trainer, "fit", fit)
    return seen


def layer_of(model):
    (layer,) = (m for m in model.model_.modules() if isinstance(m, L0Linear))
    return layer


def kept(layer, active):
    gate = layer.gate
    return gate.attainable(1) if isinstance(gate, BlockGate) else round(active * layer.weight.numel())


@pytest.mark.parametrize("active", [0.03, 0.2, 0.5])
@pytest.mark.parametrize("gate", PRUNED)
def test_the_count_is_exact_and_both_shares_are_reported(quick, people, gate, active, tmp_path):
    model = quick(gate=gate, active=active).fit(people.X, people.y)
    layer = layer_of(model)
    n_open, total = kept(layer, active), layer.weight.numel()
    assert int((layer.inference_weight() != 0).sum()) == n_open
    assert abs(n_open / total - active) < 0.02
    read = int((layer.inference_weight() != 0).any(0).sum())
    measures = model.evaluate(people.new_X, people.new_y)
    assert (measures["open_weights"], measures["weight_fraction"]) == (n_open, n_open / total)
    assert (measures["n_open"], measures["active_fraction"]) == (read, read / 56)
    small = l0gm.load(model.save(tmp_path / "model.l0gm"))
    assert small.information["open_weights"] == [n_open, total]
    assert small.information["gate"] == gate
    assert np.count_nonzero(small.program.deep[0][0]) == n_open
    np.testing.assert_allclose(small.predict_proba(people.new_X), model.predict_proba(people.new_X), rtol=0, atol=1e-5)
    assert "the size of the weights that read it" in small.card()


def test_what_is_pruned_stays_pruned_and_the_rest_goes_on(quick, people, spied):
    model = quick(gate="pruned", active=0.1, epochs=10).fit(people.X, people.y)
    ((_, after, _),) = spied
    steps = [number for number, weights in after.items() if weights["head.deep.0.gate.hard"]]
    assert len(steps) > 10
    mask = layer_of(model).gate.chosen.view(8, 56)
    assert 0 < mask.any(0).sum() < 56  # some dimensions are read by none
    for number in steps:
        assert torch.equal(after[number]["head.deep.0.gate.chosen"].view(8, 56), mask)
    before, last = (after[steps[i]]["head.deep.0.weight"] for i in (0, -1))
    assert not torch.equal(before[mask], last[mask])
    # at pruning, those that stayed were the largest
    at = after[steps[0] - 1]["head.deep.0.weight"].abs()
    assert at[mask].min() >= at[~mask].max()


@pytest.mark.parametrize("active", [0.25, 0.5])
def test_n_m_holds_in_every_block(quick, people, active):
    model = quick(gate="n:m", active=active).fit(people.X, people.y)
    layer = layer_of(model)
    opened = (layer.inference_weight() != 0).view(8, 14, 4)  # blocks of 4
    assert (opened.sum(2) == 4 * active).all()


def test_a_ticket_is_rewound_to_early_weights(quick, people, spied):
    model = quick(gate="lottery", active=0.1, epochs=6).fit(people.X, people.y)
    assert len(spied) == lottery.ROUNDS + 1
    (first, after, _), *rounds = spied
    early = after[max(1, round(lottery.EARLY * max(after)))]
    assert not all(torch.equal(early[name], first[name]) for name in first)
    mask = "head.deep.0.gate.chosen"
    for number, (began, _, _) in enumerate(rounds, start=1):
        assert {name for name in early if not torch.equal(began[name], early[name])} == {mask, "gate.behind.chosen"}
        assert int(began[mask].sum()) == round(0.1 ** (number / lottery.ROUNDS) * 448)
        sizes = spied[number - 1][2].head.deep.linears[0].inference_weight().abs().flatten()
        assert sizes[began[mask]].min() >= sizes[~began[mask]].max()
        assert not (began[mask] & ~spied[number - 1][0][mask]).any()  # none comes back
    assert torch.equal(layer_of(model).gate.chosen, rounds[-1][0][mask])


@pytest.mark.parametrize("gate", PRUNED)
def test_texts(gate):
    rng = np.random.default_rng(0)
    words = ["good", "bad", "film", "dog", "cat", "nice"]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(240)]
    y = [("good" in text) + ("cat" in text) for text in texts]
    for deep in (None, (8,)):
        model = L0GMClassifier(gate=gate, active=0.25, epochs=4, deep=deep).fit(texts, y)
        layer = layer_of(model)
        assert layer is (model.model_.head.text if deep is None else model.model_.head.deep.linears[0])
        assert int((layer.inference_weight() != 0).sum()) == kept(layer, 0.25)
        small = model.compact()
        np.testing.assert_allclose(small.predict_proba(texts), model.predict_proba(texts), rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoder", ["sign", "gcn"])
@pytest.mark.parametrize("gate", PRUNED)
def test_nodes(encoder, gate):
    y = np.arange(160) % 4
    around = np.stack([np.arange(160), (np.arange(160) + 4) % 160])
    graph = Graph(np.random.default_rng(0).normal(size=(160, 10)) + 0.8 * y[:, None], around)
    model = L0GMNodeClassifier(encoder=encoder, gate=gate, active=0.2, epochs=4, width=16)
    model.fit(graph, y, train=np.arange(100))
    layer = layer_of(model)
    assert layer is model.model_.head.out
    assert int((layer.inference_weight() != 0).sum()) == kept(layer, 0.2)
    assert model.evaluate(graph, y)["open_weights"] == kept(layer, 0.2)
    assert model.compact_.certificate.max_difference <= 1e-5


@pytest.mark.parametrize("modality", ["tabular", "text", "graph"])
def test_they_are_methods_of_every_modality(modality):
    found = methods(modality)
    for gate in PRUNED:
        assert found[gate].budgeted
        made = found[gate].make(seed=3, active=0.1, epochs=2)
        assert (made.gate, made.active, made.random_state, made.epochs) == (gate, 0.1, 3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"active": "auto"}, "counts weights"),
        ({"penalty": 0.1}, "give active, not penalty"),
        ({"gate_groups": "field"}, "one gate a weight"),
        ({"inference": "soft"}, "a rule of its own"),
        ({"cost": {"age": 2.0}}, "leave cost out"),
        ({"hidden_cost": 1.0}, "no penalty for hidden units"),
        ({"deep": ()}, "give deep widths"),
    ],
)
@pytest.mark.parametrize("gate", PRUNED)
def test_what_is_refused(quick, people, gate, options, message):
    with pytest.raises(ParameterError, match=message):
        quick(gate=gate, **options).fit(people.X, people.y)


def test_weights_are_behind_node_states_alone():
    with pytest.raises(ParameterError, match="leave gate_at out"):
        L0GMNodeClassifier(gate="lottery", gate_at="attributes").fit(
            Graph(np.eye(4), np.zeros((2, 0), dtype=int)), [0, 1] * 2
        )
