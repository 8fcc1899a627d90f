"""Layer dropping: the layers that stay are those of the whole network."""

import numpy as np
import pandas as pd
import pytest
import torch
from texts import FAMILIES, draw, save_network, strange

from l0gm.baselines.text_layers import LayerDropping, kept_layers
from l0gm.encoders.pooled import layer_list
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import DataError, ParameterError
from l0gm.networks import load_network
from l0gm.testing.baselines import check_baseline

pytest.importorskip("transformers")

TINY = Scratch(dim=16, heads=2, layers=2, max_tokens=24, tokens="word", lr_scale=1.0)
QUICK = {"epochs": 8, "tune_epochs": 2, "lr": 0.02, "batch_size": 16}


def network_of(model):
    return model.model_.encoder.texts[0].network.network


def test_the_contract():
    def make(*, seed, threads):
        quick = {**QUICK, "epochs": 4, "tune_epochs": 1, "lr": 0.03}
        return LayerDropping(TINY, 0.5, **quick, threads=threads, random_state=seed)

    check_baseline(make, draw, strange, tolerance=1e-5)


@pytest.mark.parametrize(
    ("n", "keep", "which", "expected"),
    [
        (6, 0.5, "lower", [0, 1, 2]), (6, 0.5, "alternate", [0, 2, 4]), (12, 0.5, "alternate", [0, 2, 4, 6, 8, 10]),
        (6, 0.01, "lower", [0]), (6, 0.01, "alternate", [0]), (5, 0.6, "alternate", [0, 1, 3]),
        (4, 1.0, "alternate", [0, 1, 2, 3]),
    ],
)  # fmt: skip
def test_which_layers_stay(n, keep, which, expected):
    assert kept_layers(n, keep, which) == expected


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_network_that_is_left_answers_as_one_of_fewer_layers(family, pooling, tmp_path):
    """At a learning rate of nothing, the layers that stay are those of the file."""
    folder = save_network(tmp_path, family, layers=4)
    encoder = Transformer(folder, pooling, max_tokens=24, lr_scale=1e-9, layer_decay=1.0)
    model = LayerDropping(encoder, 0.5, "alternate", **{**QUICK, "epochs": 1, "lr": 1e-9}).fit(*draw(60, 0, 2))
    left, whole = network_of(model), load_network(folder)
    assert len(layer_list(left)) == 2
    assert (left.config.n_layers if family == "distilbert" else left.config.num_hidden_layers) == 2
    for mine, place in zip(layer_list(left), (0, 2), strict=True):
        theirs = layer_list(whole)[place].state_dict()
        assert all(torch.allclose(value, theirs[name], atol=1e-6) for name, value in mine.state_dict().items())
    dense = LayerDropping(encoder, 1.0, **{**QUICK, "epochs": 1, "lr": 1e-9}).fit(*draw(60, 0, 2))
    one = sum(p.numel() for p in layer_list(whole)[0].parameters())
    assert model.size().n_parameters == dense.size().n_parameters - 2 * one
    assert model.notes_[-1] == "layers that stayed: 1, 3"
    if pooling == "mean":  # the network of these layers, built by hand
        del layer_list(whole)[3], layer_list(whole)[1]
        ids = torch.randint(4, 18, (3, 9), generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            states = [network.eval()(input_ids=ids).last_hidden_state for network in (left, whole)]
        assert torch.allclose(*states, atol=1e-4)


def test_it_learns_with_half_of_the_layers():
    texts, truth = draw(80, 1, 2)
    for which in ("lower", "alternate"):
        model = LayerDropping(TINY, 0.5, which, **QUICK).fit(*draw(200, 0, 2))
        assert np.mean(model.predict(texts) == truth) > 0.75
        assert len(layer_list(network_of(model))) == 1


def test_what_it_refuses():
    with pytest.raises(ParameterError, match="which='upper': choose 'lower' or 'alternate'"):
        LayerDropping(TINY, which="upper", **{**QUICK, "epochs": 1}).fit(*draw(40, 0, 2))
    with pytest.raises(DataError, match="there is no text to read"):
        LayerDropping(TINY).fit(pd.DataFrame({"number": np.arange(60.0)}), np.arange(60) % 2)
