"""Pruning of attention heads: the least important leave, as many as asked, and say nothing any more."""

import copy
import pickle

import numpy as np
import pytest
import torch
from texts import FAMILIES, draw, save_network, strange

from l0gm.baselines.text_heads import HeadPruning, chosen_heads, head_importance, prune_heads
from l0gm.encoders.pooled import layer_list
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import ParameterError
from l0gm.networks import PooledNetwork, load_network
from l0gm.testing.baselines import check_baseline
from l0gm.training.rows import Rows

pytest.importorskip("transformers")

TINY = Scratch(dim=16, heads=4, layers=2, max_tokens=24, tokens="word", lr_scale=1.0)
QUICK = {"epochs": 8, "tune_epochs": 2, "lr": 0.02, "batch_size": 16}
ATTENTION = {
    "distilbert": ("attention", "v_lin"),
    "mpnet": ("attention.attn", "v"),
    "deberta-v2": ("attention.self", "value_proj"),
}
HEADS, SIZE = 2, 8


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {family: save_network(tmp_path_factory.mktemp(family), family, layers=3) for family in FAMILIES}


@pytest.fixture(scope="module")
def fitted():
    return HeadPruning(TINY, 1.0, **{**QUICK, "epochs": 3, "tune_epochs": 1}).fit(*draw(120, 0, 2))


def tokens(n=6):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 20, n)
    return torch.tensor([0, *np.cumsum(lengths)]), torch.from_numpy(rng.integers(4, 18, lengths.sum()))


def test_the_contract():
    def make(*, seed, threads):
        quick = {**QUICK, "epochs": 4, "tune_epochs": 1, "lr": 0.03}
        return HeadPruning(TINY, 0.5, **quick, threads=threads, random_state=seed)

    check_baseline(make, draw, strange, tolerance=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_heads_that_left_say_nothing_and_the_others_what_they_said(family, pooling, folders):
    """Set to zero by hand, what they say is no longer there; the pruned network answers like that."""
    chosen = torch.tensor([[True, False], [True, True], [False, True]])
    pruned, by_hand = (PooledNetwork(load_network(folders[family]), pooling).eval() for _ in range(2))
    whole = copy.deepcopy(by_hand)
    where, value = ATTENTION.get(family, ("attention.self", "value"))
    for layer, stay in zip(layer_list(by_hand.network), chosen, strict=True):
        read = layer.get_submodule(where).get_submodule(value)
        for head in (~stay).nonzero()[:, 0].tolist():  # without values there is nothing to say
            read.weight.data[SIZE * head : SIZE * (head + 1)] = 0.0
            read.bias.data[SIZE * head : SIZE * (head + 1)] = 0.0
    prune_heads(pruned.network, chosen)
    with torch.no_grad():
        got, expected = pruned(*tokens()), by_hand(*tokens())
        assert torch.allclose(got, expected, atol=1e-5)
        assert not torch.allclose(got, whole(*tokens()), atol=1e-2)
    numbers = [sum(p.numel() for p in network.parameters()) for network in (pruned, whole)]
    if family in ("mpnet", "deberta-v2"):  # multiplied with zero
        assert numbers[0] == numbers[1]
        for layer, stay in zip(layer_list(pruned.network), chosen, strict=True):
            part = layer.get_submodule(where).get_submodule(value)
            for head in (~stay).nonzero()[:, 0].tolist():
                part.weight.data[SIZE * head : SIZE * (head + 1)] += 10.0
        with torch.no_grad():
            assert torch.allclose(pruned(*tokens()), expected, atol=1e-5)
    else:
        d = HEADS * SIZE
        assert numbers[0] == numbers[1] - 2 * (3 * (SIZE * d + SIZE) + d * SIZE)


def test_nothing_changes_where_all_heads_stay(folders):
    network = PooledNetwork(load_network(folders["bert"]), "mean").eval()
    with torch.no_grad():
        before = network(*tokens())
        prune_heads(network.network, torch.ones(3, HEADS, dtype=torch.bool))
        assert torch.equal(network(*tokens()), before)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (1.0, [[1, 1, 1], [1, 1, 1]]), (0.67, [[1, 1, 1], [0, 1, 0]]), (0.5, [[1, 1, 0], [0, 1, 0]]),
        (0.01, [[1, 0, 0], [0, 1, 0]]),
    ],
)  # fmt: skip
def test_the_most_important_stay_and_one_of_each_layer(keep, expected):
    importance = torch.tensor([[0.9, 0.8, 0.7], [0.1, 0.2, 0.15]])
    assert chosen_heads(importance, keep).int().tolist() == expected


def test_of_heads_that_are_all_the_same_as_many_stay_as_asked():
    assert chosen_heads(torch.zeros(3, 4), 0.5).sum(1).tolist() == [4, 1, 1]


@pytest.mark.parametrize("keep", [0.25, 0.5, 0.75, 1.0])
def test_as_many_stay_as_asked(keep):
    model = HeadPruning(TINY, keep, **{**QUICK, "epochs": 1, "tune_epochs": 1}).fit(*draw(80, 0, 2))
    stayed = [layer.attention.n_heads for layer in layer_list(network_of(model))]
    assert sum(stayed) == round(8 * keep)
    assert model.notes_[-1].startswith(f"heads that stayed, layer by layer: {stayed[0]}, {stayed[1]} of 4")
    per_head = 3 * (4 * 16 + 4) + 16 * 4
    dense = HeadPruning(TINY, 1.0, **{**QUICK, "epochs": 1, "tune_epochs": 1}).fit(*draw(80, 0, 2))
    assert model.size().n_parameters == dense.size().n_parameters - (8 - sum(stayed)) * per_head


def network_of(model):
    return model.model_.encoder.texts[0].network.network


def test_importance_is_the_derivative_of_the_loss_by_a_factor_on_a_head(fitted):
    """Compared with differences: one text, one head, its output a little larger."""
    model = copy.deepcopy(fitted.model_).double()
    network = model.encoder.texts[0].network.network
    texts, codes = draw(40, 3, 2)
    rows = Rows(fitted._batch(texts), torch.from_numpy(codes))
    found = head_importance(network, model, rows)
    assert torch.allclose(torch.linalg.vector_norm(found, dim=1), torch.ones(2, dtype=found.dtype), atol=1e-5)
    step = 1e-4
    differences = []  # the size of each text's, a row a layer
    for layer in layer_list(network):
        own = []
        for head in range(layer.attention.n_heads):
            columns = slice(4 * head, 4 * head + 4)
            losses = []
            for sign in (1, -1):
                weight = layer.attention.out_lin.weight.data
                before = weight.clone()
                weight[:, columns] *= 1.0 + sign * step
                with torch.no_grad():
                    logits = model(rows.inputs.take(torch.arange(40)))[:, 0]
                losses.append(torch.nn.functional.softplus(torch.where(rows.y == 1, -logits, logits)))
                weight.copy_(before)
            own.append(((losses[0] - losses[1]) / (2 * step)).abs().mean())
        differences.append(torch.stack(own))
    expected = torch.stack([own / torch.linalg.vector_norm(own) for own in differences])
    assert found.shape == (2, 4)
    assert torch.allclose(found.double(), expected.double(), atol=5e-3)


def test_weights_and_answers_are_as_they_were_after_importance(fitted):
    model = copy.deepcopy(fitted.model_)
    texts, codes = draw(40, 3, 2)
    rows = Rows(fitted._batch(texts), torch.from_numpy(codes))
    before = copy.deepcopy(model.state_dict())
    network = model.encoder.texts[0].network.network
    head_importance(network, model, rows)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("family", ["bert", "deberta-v2"])
def test_pretrained_networks_are_fine_tuned_and_pruned(family, folders):
    encoder = Transformer(folders[family], max_tokens=24, lr_scale=1.0, layer_decay=1.0)
    model = HeadPruning(encoder, 0.5, epochs=12, tune_epochs=2, lr=0.005, batch_size=16).fit(*draw(160, 0, 2))
    texts, truth = draw(60, 1, 2)
    assert np.mean(model.predict(texts) == truth) > 0.7
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(texts), model.predict_proba(texts))
    fresh = load_network(folders[family]).embeddings.word_embeddings.weight
    assert not torch.equal(fresh, network_of(model).embeddings.word_embeddings.weight)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (HeadPruning(keep=0.0), "keep=0.0: a share above 0 and at most 1"),
        (HeadPruning("ngrams"), "encoder='ngrams' is no Transformer"),
        (HeadPruning("nothing"), "encoder='nothing': choose"),
    ],
)
def test_parameters_that_mean_nothing(model, message):
    with pytest.raises(ParameterError, match=message):
        model.fit(*draw(60, 0, 2))
