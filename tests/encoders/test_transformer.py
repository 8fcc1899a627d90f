"""Pretrained encoders: padding, pooling, the last layer for one position, the contract, the cache of features."""

import copy

import numpy as np
import pytest
import torch
from tiny_networks import DIM, FAMILIES, reviews, save_network

from l0gm.assembly import text_encoding
from l0gm.data.frames import Table
from l0gm.data.ragged import Ragged
from l0gm.encoders import TextBatch
from l0gm.encoders.cache import FeatureCache
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import ParameterError
from l0gm.networks import PooledNetwork, load_network, named_network
from l0gm.networks.first import shorten
from l0gm.testing import check_encoder

TEXTS = ["a great film", "awful !", "", "the plot was boring and the music was not very good but i was fun", None]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    named_network.cache_clear()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {family: save_network(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


def batch_of(encoding, texts=TEXTS):
    field = encoding.reader.field("text", "text", texts, (), [])
    return field, TextBatch.of(field.encode(Table({"text": texts})))


class Texts:
    """Rows of one text, as the contract suite takes them."""

    def __init__(self, batch):
        self.batch = batch
        self.n_rows = batch.n_rows

    def take(self, rows):
        return self.batch.take(rows)


@pytest.mark.parametrize(
    ("family", "pooling", "frozen"),
    [*((family, "mean", False) for family in FAMILIES), ("bert", "cls", False), ("mpnet", "cls", True)],
)
def test_trained_and_frozen_encoders_keep_the_contract(tmp_path, family, pooling, frozen):
    folder = save_network(tmp_path / "network", family, layers=1)
    encoding = Transformer(folder, pooling=pooling, frozen=frozen, max_tokens=12)
    field, batch = batch_of(encoding)
    first = encoding.encoder(field, 1)
    check_encoder(lambda: copy.deepcopy(first), Texts(batch))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_each_text_alone_without_padding(folders, family, pooling):
    encoding = Transformer(folders[family], pooling=pooling, frozen=False, max_tokens=12)
    field, batch = batch_of(encoding)
    network = load_network(folders[family])
    with torch.no_grad():
        h = encoding.encoder(field, 1).eval()(batch)
        for i in range(batch.n_rows):
            ids = batch.ids[batch.starts[i] : batch.starts[i + 1]].long()[None]
            states = network(input_ids=ids).last_hidden_state[0]
            alone = states[0] if pooling == "cls" else states.mean(0)
            assert torch.allclose(h[i], alone, atol=2e-5)
    assert h.std(0).min() > 1e-3  # texts are told apart


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_layer_for_the_first_position_is_exact_and_has_the_same_gradients(folders, family):
    whole, short = load_network(folders[family]), load_network(folders[family])
    assert shorten(short) == (family != "deberta-v2")
    assert list(short.state_dict()) == list(whole.state_dict())
    ids = torch.randint(4, 20, (3, 9))
    mask = torch.arange(9) < torch.tensor([[9], [4], [1]])
    results = []
    for network in (whole, short):
        h = network(input_ids=ids, attention_mask=mask.long()).last_hidden_state[:, 0]
        (h * torch.linspace(-1, 1, h.numel()).view_as(h)).sum().backward()
        results.append((h, {name: p.grad for name, p in network.named_parameters()}))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-5)
    for name, gradient in results[0][1].items():
        other = results[1][1][name]
        if gradient is None:
            assert other is None
        else:
            assert torch.allclose(gradient, other, atol=1e-4 * max(1.0, float(gradient.abs().max()))), name


def test_the_last_layer_computes_one_position(folders):
    short = load_network(folders["bert"])
    shorten(short)
    seen = []
    short.encoder.layer[-1].intermediate.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    short(input_ids=torch.randint(4, 20, (3, 9)))
    assert seen == [(3, 1, 24)]


def test_long_and_short_texts_go_through_in_groups(folders, monkeypatch):
    encoding = Transformer(folders["bert"], frozen=False, max_tokens=30)
    texts, _ = reviews(40)
    field, batch = batch_of(encoding, texts)
    encoder = encoding.encoder(field, 1).eval()
    with torch.no_grad():
        at_once = encoder(batch)
        monkeypatch.setattr("l0gm.networks.pooled.TOKENS_AT_ONCE", 64)
        passes = []
        encoder.network.network.register_forward_hook(lambda *_: passes.append(1))
        assert torch.allclose(encoder(batch), at_once, atol=1e-5)
    assert len(passes) > 5


def test_truncation_is_said_and_too_much_is_refused(folders):
    notes = []
    encoding = Transformer(folders["roberta"], max_tokens=8)
    field = encoding.reader.field("text", "text", TEXTS, (), notes)
    assert notes == ["text: text, up to 8 tokens; 1 of 5 texts looked at are longer and lose their end"]
    assert field.encode(Table({"text": TEXTS})).lengths.max() == 8
    long = Transformer(folders["roberta"], max_tokens=33)  # 34 positions, of which two come before the first token
    with pytest.raises(ParameterError, match=r"max_tokens=33.*reads at most 32"):
        long.encoder(long.reader.field("text", "text", TEXTS, (), []), 1)
    assert Transformer(folders["deberta-v2"], max_tokens=300).encoder(field, 1).dim == DIM  # without positions


def test_features_are_computed_once(folders, monkeypatch, tmp_path):
    encoding = Transformer(folders["mpnet"], max_tokens=20)
    field, batch = batch_of(encoding, [*TEXTS, TEXTS[0]])
    passed = []
    forward = PooledNetwork.forward
    monkeypatch.setattr(
        PooledNetwork,
        "forward",
        lambda self, starts, ids: (passed.append(len(starts) - 1), forward(self, starts, ids))[1],
    )
    features = encoding.prepared(field, batch)
    assert features.shape == (6, DIM)
    assert features.dtype == torch.float32
    assert passed == [4]  # the empty and the missing text are one, and one is there twice
    again = encoding.prepared(field, batch.take(torch.tensor([3, 0])))
    assert torch.equal(again, features[[3, 0]])
    assert passed == [4]
    encoder = encoding.encoder(field, 1)
    assert torch.allclose(encoder(batch), features, atol=1e-5)  # without them, on the fly
    encoding.prepared(field, batch_of(encoding, ["not great"])[1])
    assert passed == [4, 6, 1]
    assert not [*encoder.parameters()]
    assert {*encoder.state_dict()} == {"center", "scale"}


def test_other_poolings_and_weights_have_features_of_their_own(folders, tmp_path):
    encoding = Transformer(folders["bert"], max_tokens=20)
    field, batch = batch_of(encoding)
    of_mean = encoding.prepared(field, batch)
    of_first = Transformer(folders["bert"], pooling="cls", max_tokens=20).prepared(field, batch)
    others = Transformer(save_network(tmp_path / "other", "bert", seed=1), max_tokens=20).prepared(field, batch)
    assert not torch.allclose(of_mean, of_first)
    assert not torch.allclose(of_mean, others)


def test_a_damaged_cache_is_computed_again_and_stays_within_its_bound(tmp_path, monkeypatch):
    cache = FeatureCache("one", 3, tmp_path)
    texts = Ragged.of([[1, 2], [3], [1, 2], []])
    computed = []

    def compute(rows):
        computed.append(len(rows))
        return np.array([[row.sum(), len(row), 0.0] for row in np.split(rows.ids, rows.starts[1:-1])], np.float32)

    expected = cache.features(texts, compute)
    assert expected.tolist() == [[3, 2, 0], [3, 1, 0], [3, 2, 0], [0, 0, 0]]
    assert np.array_equal(cache.features(texts, compute), expected)
    assert computed == [3]
    (file,) = cache.folder.glob("*")
    file.write_bytes(file.read_bytes()[:-5])
    assert np.array_equal(cache.features(texts, compute), expected)
    assert computed == [3, 3]
    assert cache.features(Ragged.of([]), compute).shape == (0, 3)
    monkeypatch.setattr("l0gm.encoders.cache.MOST_BYTES", 1)
    for number in range(4):
        cache.features(Ragged.of([[100 + number]]), compute)
    assert len([*cache.folder.glob("*.safetensors")]) == 1


def test_frozen_features_are_standardised_by_the_training_rows(folders):
    encoding = Transformer(folders["bert"], max_tokens=20)
    field, batch = batch_of(encoding, reviews(30)[0])
    encoder, features = encoding.encoder(field, 1), encoding.prepared(field, batch)
    assert encoder.start(features, torch.zeros(30, dtype=torch.int64), 2) is features
    h = encoder(features)
    assert torch.allclose(h.mean(0), torch.zeros(DIM), atol=1e-5)
    assert torch.allclose(h.std(0, correction=0), torch.ones(DIM), atol=1e-5)
    assert torch.allclose(encoder(batch), h, atol=1e-4)


def test_another_network_under_the_same_name_is_refused(tmp_path):
    folder = save_network(tmp_path / "network", "bert")
    encoding = Transformer(folder, max_tokens=20)
    field, batch = batch_of(encoding)
    encoder = encoding.encoder(field, 1)
    save_network(tmp_path / "network", "bert", seed=1)
    named_network.cache_clear()
    with pytest.raises(ParameterError, match="another network now"):
        encoder(batch)


@pytest.mark.parametrize(("positions", "tokens"), [("learned", "wordpiece"), ("sinusoidal", "word")])
def test_scratch_keeps_the_contract(positions, tokens):
    encoding = Scratch(
        dim=8, heads=2, layers=1, max_tokens=12, positions=positions, tokens=tokens, dropout=0.0, min_count=1
    )
    field, batch = batch_of(encoding, reviews(30)[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = encoding.encoder(field, 1)
    assert first.network.network.embeddings.position_embeddings.weight.requires_grad == (positions == "learned")
    check_encoder(lambda: copy.deepcopy(first), Texts(batch.take(torch.arange(8))))


def test_the_vocabulary_of_scratch_is_that_of_the_training_texts():
    notes = []
    field = Scratch(vocabulary=60, min_count=1, max_tokens=9).reader.field("t", "t", reviews(50)[0], (), notes)
    assert field.n_tokens <= 60
    assert notes[-1] == f"t: a vocabulary of {field.n_tokens} tokens"
    assert Scratch(min_count=99).reader.field("t", "t", ["", None], (), notes) is None
    assert "dropped" in notes[-1]


def test_layers_carry_learning_rates(folders):
    encoding = Transformer(folders["bert"], frozen=False, max_tokens=9, lr_scale=0.1, layer_decay=0.5)
    network = encoding.encoder(batch_of(encoding)[0], 1).network
    assert [layer.lr_scale for layer in network.network.encoder.layer] == [0.05, 0.1]
    assert network.lr_scale == 0.025


def test_choices_of_encoders(folders):
    assert text_encoding("minilm") == Transformer("minilm")
    assert text_encoding(folders["bert"]) == Transformer(folders["bert"])
    assert text_encoding("somebody/something") == Transformer("somebody/something")
    assert text_encoding("scratch") == Scratch()
    for strange in ("ngrms", "", 3, None):
        with pytest.raises(ParameterError, match="choose 'ngrams', 'scratch', 'minilm', 'mpnet'"):
            text_encoding(strange)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Transformer(pooling="max"),
        lambda: Transformer(name=""),
        lambda: Transformer(max_tokens=2),
        lambda: Transformer(lr_scale=0.0),
        lambda: Transformer(layer_decay=1.1),
        lambda: Transformer(rise=1.0),
        lambda: Transformer(micro_batch=0),
        lambda: Transformer(epochs=0),
        lambda: Scratch(dim=10, heads=4),
        lambda: Scratch(positions="none"),
        lambda: Scratch(tokens="letters"),
        lambda: Scratch(dropout=1.0),
        lambda: Scratch(vocabulary=3),
        lambda: Scratch(lr_scale=2.0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ParameterError):
        make()
