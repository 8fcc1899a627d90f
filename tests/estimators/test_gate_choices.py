"""gate=: each one meets its count, is compacted to the same function, repeats by its seed, and says what it left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import l0gm
from l0gm import Graph, L0GMClassifier, L0GMNodeClassifier
from l0gm.errors import CompactionError, ParameterError

AT_THE_INTERFACE = ("hard_concrete", "conditional", "gaussian", "l1", "random", "magnitude", "static")
NEW = ("conditional", "weights", "gaussian", "l1", "static")


@pytest.fixture(scope="module")
def fits(quick, people):
    """One fit of each gate."""
    made = {}

    def fit(gate):
        if gate not in made:
            made[gate] = quick(gate=gate, active=0.2, epochs=30).fit(people.X, people.y)
        return made[gate]

    return fit


@pytest.mark.parametrize("gate", AT_THE_INTERFACE)
def test_as_many_dimensions_stay_as_asked_for(fits, gate):
    made = fits(gate).model_.gate
    assert made.hardened
    assert (made.n_open, made.dim) == (round(0.2 * 56), 56)


@pytest.mark.parametrize("gate", ["conditional", "gaussian", "l1", "static"])
def test_whole_fields_stay_or_leave(quick, people, gate):
    opened = quick(gate=gate, active=0.3, gate_groups="field").fit(people.X, people.y).open_dimensions_
    assert opened.sum() == 16
    assert (opened.all(1) | ~opened.any(1)).all()


@pytest.mark.parametrize("gate", NEW)
def test_the_compacted_model_and_its_file_answer_alike(fits, people, gate, tmp_path):
    model = fits(gate)
    small = model.compact()
    served = l0gm.load(small.save(tmp_path / "model.l0gm"))
    assert served.verify() <= 1e-5
    rows = people.new_X.copy()
    rows.iloc[:20, :] = None  # everything missing
    answers = model.predict_proba(rows)
    np.testing.assert_allclose(small.predict_proba(rows), answers, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(served.predict_proba(rows), small.predict_proba(rows))
    assert np.ptp(answers[:, 0]) > 0.003


@pytest.mark.parametrize("gate", NEW)
def test_a_seed_repeats_and_another_differs(quick, people, same_fit, gate):
    first, again, other = (
        quick(gate=gate, active=0.2, random_state=seed).fit(people.X, people.y) for seed in (1, 1, 2)
    )
    assert same_fit(first, again)
    assert not same_fit(first, other)


@pytest.mark.parametrize("gate", ["conditional", "weights", "gaussian", "l1"])
def test_a_penalty_leaves_what_comes_out_of_it(quick, people, gate):
    few, many = (
        quick(gate=gate, penalty=penalty, epochs=8).fit(people.X, people.y).model_.gate.targeted.n_open
        for penalty in (0.05, 1e-5)
    )
    assert few < many


# ---- each one's own ------------------------------------------------------------------------------------------


def test_weights_are_counted_and_what_they_read_is_said(fits, people):
    model = fits("weights")
    n_open, total = round(0.2 * 56 * 8), 56 * 8
    read = model.model_.gate.n_open
    assert model.model_.head.deep.linears[0].n_open == n_open
    assert f"open weights: {n_open} of {total}; they read {read} of 56 dimensions" in model.notes_
    assert f"{n_open} of {total} weights" in str(model.plan())
    assert model.compact().information["open_weights"] == [n_open, total]
    measures = model.evaluate(people.new_X, people.new_y)
    assert (measures["open_weights"], measures["weight_fraction"]) == (n_open, n_open / total)
    assert (measures["n_open"], measures["active_fraction"]) == (read, read / 56)
    assert "open_weights" not in fits("l1").evaluate(people.new_X, people.new_y)
    first = model.compact().program.deep[0][0]
    assert first.shape == (8, read)
    assert np.count_nonzero(first) == n_open


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("weights", "gates on the weights that read it chose"),
        ("l1", "an L1 penalty on scales chose"),
        ("hard_concrete", "design: a hard-concrete L0 gate chose"),
        ("none", "dense: all dimensions"),
    ],
)
def test_the_card_says_what_chose(fits, gate, says):
    card = fits(gate).compact().card()
    assert says in card
    assert ("| open weights behind them | 90 of 448 |" in card) == (gate == "weights")


@pytest.mark.parametrize("gate", ["hard_concrete", "none"])
def test_the_dense_model_takes_the_settings_of_the_gate_beside_it(quick, people, gate):
    quick(gate=gate, inference="soft", penalty=1e-3, gate_groups="field", epochs=1).fit(people.X, people.y)


def test_a_dimension_that_no_weight_reads_leaves_every_branch(quick, people):
    model = quick(gate="weights", active=0.01).fit(people.X, people.y)
    assert model.model_.gate.n_open <= 4
    assert len(model.compact().schema.fields) <= 4


def test_a_static_mask_is_that_of_the_dense_model(quick, people):
    dense = quick(gate="none").fit(people.X, people.y)
    encoder = dense.model_.encoder
    rows = dense.schema_.encode(people.X)
    with torch.no_grad():
        from l0gm.encoders import RowBatch

        sizes = encoder(RowBatch.of(rows)).abs().mean(0)
    static = quick(gate="static", active=0.2).fit(people.X, people.y)
    largest = torch.zeros(56, dtype=torch.bool)
    largest[sizes.argsort(descending=True)[:11]] = True
    assert (largest == static.model_.gate.open_mask()).sum() >= 54  # fit held some of these rows out
    assert static.history_.last("harden") is None


def test_masks_of_several_seeds_leave_the_rest_as_it_is(quick, people):
    fits = [quick(gate="random", active=0.2, mask_seed=s, epochs=1).fit(people.X, people.y) for s in (0, 1, 0)]
    masks = [tuple(fit.model_.gate.open_mask().tolist()) for fit in fits]
    assert masks[0] == masks[2] != masks[1]
    plain = quick(gate="random", active=0.2, epochs=1).fit(people.X, people.y)
    assert tuple(plain.model_.gate.open_mask().tolist()) == masks[0]  # random_state is 0


def test_a_conditional_gate_gives_no_contributions_and_no_start(fits, people):
    model = fits("conditional")
    with pytest.raises(ParameterError, match="conditional gate"):
        model.contributions(people.new_X)
    with pytest.raises(CompactionError, match="conditional gate"):
        L0GMClassifier(initial_model=model, epochs=1).fit(people.X, people.y)


def test_a_conditional_gate_reads_texts_too():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["good", "bad", "film", "dog", "cat", "nice"], 6)) for _ in range(200)]
    y = ["good" in text for text in texts]
    for deep in ((), (8,)):
        model = L0GMClassifier(gate="conditional", active=0.2, epochs=3, deep=deep).fit(texts, y)
        small = model.compact()
        assert small.program.conditioning is not None
        np.testing.assert_allclose(small.predict_proba(texts), model.predict_proba(texts), rtol=0, atol=1e-5)


def test_the_weights_of_texts_alone_are_those_of_their_linear_layer(tmp_path):
    rng = np.random.default_rng(0)
    words = ["good", "bad", "film", "dog", "cat", "nice"]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(240)]
    y = [("good" in text) + ("cat" in text) for text in texts]
    model = L0GMClassifier(gate="weights", active=0.2, epochs=4).fit(texts, y)
    layer = model.model_.head.text
    assert layer.n_open == round(0.2 * layer.weight.numel())
    small = l0gm.load(model.save(tmp_path / "model.l0gm"))
    np.testing.assert_allclose(small.predict_proba(texts), model.predict_proba(texts), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": "hard"}, "choose one of hard_concrete, conditional, weights"),
        ({"gate": "weights", "active": "auto"}, "counts weights"),
        ({"gate": "static", "active": "auto"}, "a dense model of its own"),
        ({"gate": "static", "penalty": 0.1}, "give active, not penalty"),
        ({"gate": "weights", "gate_groups": "field"}, "one gate a weight"),
        ({"gate": "weights", "cost": {"age": 2.0}}, "leave cost out"),
        ({"gate": "gaussian", "cost": {"age": 2.0}}, "leave cost out"),
        ({"gate": "l1", "inference": "soft"}, "a rule of its own"),
        ({"gate": "gaussian", "inference": "soft"}, "a rule of its own"),
        ({"gate": "conditional", "hidden_cost": 1.0}, "hidden units"),
        ({"gate": "weights", "deep": ()}, "give deep widths"),
        ({"gate": "l1", "mask_seed": 3}, "draws no mask"),
    ],
)
def test_what_does_not_go_together_is_refused(quick, people, options, message):
    with pytest.raises(ParameterError, match=message):
        quick(**options).fit(people.X, people.y)


def test_a_cost_acts_on_the_static_part_of_a_conditional_gate(quick, people):
    free, dear = (
        quick(gate="conditional", active=0.2, cost=cost, epochs=8).fit(people.X, people.y).plan().support["age"]
        for cost in ({"age": 0.1}, {"age": 30.0})
    )
    assert dear < free


# ---- nodes ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ring():
    y = np.arange(160) % 2
    around = np.stack([np.arange(160), (np.arange(160) + 2) % 160])
    return Graph(np.random.default_rng(0).normal(size=(160, 10)) + 0.8 * y[:, None], around), y


@pytest.mark.parametrize("at", ["states", "attributes"])
@pytest.mark.parametrize("gate", ["gaussian", "l1", "static"])
@pytest.mark.parametrize("encoder", ["sign", "gcn"])
def test_nodes_meet_the_count(ring, encoder, gate, at):
    graph, y = ring
    model = L0GMNodeClassifier(encoder=encoder, gate=gate, gate_at=at, active=0.25, epochs=4, width=16)
    model.fit(graph, y, train=np.arange(100))
    assert model.model_.gate.n_open == {"states": 4, "attributes": 2}[at]
    assert model.compact_.certificate.max_difference <= 1e-5


def test_nodes_count_the_weights_behind_their_states(ring):
    graph, y = ring
    kinds = (y + 2 * (np.arange(160) // 80)).astype(int)
    model = L0GMNodeClassifier(encoder="sign", gate="weights", active=0.1, epochs=8, width=16)
    model.fit(graph, kinds, train=np.arange(160) // 2 % 3 > 0)
    layer = model.model_.head.out
    assert layer.n_open == round(0.1 * layer.weight.numel())
    assert model.evaluate(graph, kinds)["open_weights"] == layer.n_open
    assert model.compact_.information["open_weights"] == [layer.n_open, layer.weight.numel()]
    assert f"{layer.n_open} of {layer.weight.numel()} weights" in str(model.plan())
    assert model.compact_.certificate.max_difference <= 1e-5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": "conditional"}, "choose one of"),
        ({"gate": "weights", "gate_at": "attributes"}, "leave gate_at out"),
        ({"gate": "static", "penalty": 0.1}, "give active"),
        ({"gate": "l1", "inference": "soft"}, "a rule of its own"),
    ],
)
def test_what_does_not_go_with_nodes_is_refused(ring, options, message):
    with pytest.raises(ParameterError, match=message):
        L0GMNodeClassifier(**options).fit(*ring, train=np.arange(100))
