"""Transformers: a pretrained one, frozen or fine-tuned, or a small one that starts from nothing (paper, Eq. 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from l0gm.data.ragged import Ragged
from l0gm.data.texts import TextField, TokenField
from l0gm.data.tokens import FittedTokenReader, TokenReader
from l0gm.encoders.batch import TextBatch
from l0gm.encoders.cache import FeatureCache
from l0gm.encoders.pooled import FrozenTransformer, PooledText, TrainedTransformer
from l0gm.encoders.text import TextEncoding
from l0gm.errors import ParameterError
from l0gm.networks import POOLINGS, PooledNetwork, load_network, named_network, tokenizer_json
from l0gm.networks.names import named, transformers

__all__ = ["Scratch", "Transformer"]


@dataclass(frozen=True)
class Transformer(TextEncoding):
    """A pretrained encoder, any that transformers' AutoModel loads.

    Parameters
    ----------
    name : str
        "minilm", "mpnet", a name on the hub, or a local folder (:func:`l0gm.networks.names.resolved`).
    pooling : {"mean", "cls"}
        The mean of the last layer's states, or the first one alone (the paper's Eq. 4).
    frozen : bool
        Whether its weights stay as they are. Then each text is encoded once and its vector kept on disk
        (:class:`l0gm.encoders.cache.FeatureCache`), so that further fits take seconds.
    max_tokens : int
        What is beyond so many tokens of a text is not read.
    lr_scale, layer_decay : float
        Fine-tuning: see :class:`l0gm.encoders.pooled.TrainedTransformer`. At the default ``lr`` of 1e-3 the last layer
        learns at 2e-5.
    rise : float
        Fine-tuning: the share of the steps over which the learning rates rise.
    epochs, batch_size : int
        Fine-tuning: what an estimator takes where it is not told.
    micro_batch : int, optional
        Fine-tuning: rows that are in memory at a time; gradients add up over a batch. Default: all of a batch.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    name: str = "minilm"
    pooling: Literal["mean", "cls"] = "mean"
    frozen: bool = True
    max_tokens: int = 256
    lr_scale: float = 0.02
    layer_decay: float = 0.9
    rise: float = 0.06
    epochs: int = 6
    batch_size: int = 32
    micro_batch: int | None = None

    def __post_init__(self) -> None:
        _check_common(self.pooling, self.max_tokens)
        if not isinstance(self.name, str) or not self.name:
            raise ParameterError(f"name={self.name!r}: the name or the folder of a pretrained encoder")
        _check_whole(epochs=self.epochs, batch_size=self.batch_size)
        if self.micro_batch is not None:
            _check_whole(micro_batch=self.micro_batch)
        for what, value in (("lr_scale", self.lr_scale), ("layer_decay", self.layer_decay)):
            if not 0.0 < value <= 1.0:
                raise ParameterError(f"{what}={value}: a number above 0 and at most 1")
        if not 0.0 <= self.rise < 1.0:
            raise ParameterError(f"rise={self.rise}: a share of the steps, at least 0 and below 1")

    @property
    def reader(self) -> TokenReader:
        """What cuts texts into the network's tokens."""
        return TokenReader(partial(_tokenizer, self.name), self.max_tokens)

    @property
    def training(self) -> Mapping[str, Any]:
        """How the trainer goes about it: nothing of its own where the network is frozen."""
        if self.frozen:
            return {}
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "rise": self.rise,
            "micro_batch": self.micro_batch,
            "by_length": True,
        }

    def encoder(self, field: TextField, n_outputs: int) -> PooledText:
        """Return the encoder of a field: the network itself, or what standardises its features."""
        assert isinstance(field, TokenField)  # of this reader
        if self.frozen:
            shared, checksum = named_network(self.name, self.pooling)
            _check_reach(shared, field, self.name)
            return FrozenTransformer(named(self.name), self.pooling, shared.dim, checksum)
        own = PooledNetwork(load_network(self.name), self.pooling)
        _check_reach(own, field, self.name)
        return TrainedTransformer(own, self.lr_scale, self.layer_decay)

    def prepared(self, field: TextField, batch: TextBatch) -> TextBatch | Tensor:
        """Return the features (n, dim) of a frozen network, from the cache where it has them."""
        if not self.frozen:
            return batch
        assert isinstance(field, TokenField)
        network, checksum = named_network(self.name, self.pooling)
        _check_reach(network, field, self.name)
        device = batch.starts.device

        @torch.no_grad()
        def compute(texts: Ragged) -> NDArray[np.float32]:
            part = TextBatch.of(texts, device)
            return np.asarray(network.to(device)(part.starts, part.ids).cpu().numpy(), dtype=np.float32)

        cache = FeatureCache(f"{checksum} {self.pooling}", network.dim)
        texts = Ragged(batch.starts.cpu().numpy(), batch.ids.cpu().numpy())
        return torch.from_numpy(cache.features(texts, compute)).to(device)


@dataclass(frozen=True)
class Scratch(TextEncoding):
    """A small Transformer that is trained from nothing, with a tokenizer of its own (paper, section 5).

    It is a DistilBERT of these sizes: post-norm layers, whose last normalisation h comes from.

    Parameters
    ----------
    dim, layers, heads, hidden : int
        Width, depth, attention heads, width of the feed-forward part (default: 4 times ``dim``).
    dropout : float
    pooling : {"mean", "cls"}
    max_tokens : int
        What is beyond so many tokens of a text is not read.
    positions : {"learned", "sinusoidal"}
    tokens : {"wordpiece", "word"}
    vocabulary : int
        Most tokens.
    min_count : int
        How often a token has to occur in the training texts.
    lr_scale : float
        What the learning rate is multiplied with.
    rise : float
        The share of the steps over which the learning rate rises.
    epochs, batch_size : int
        What an estimator takes where it is not told.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    dim: int = 128
    layers: int = 2
    heads: int = 4
    hidden: int | None = None
    dropout: float = 0.1
    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int = 256
    positions: Literal["learned", "sinusoidal"] = "learned"
    tokens: Literal["wordpiece", "word"] = "wordpiece"
    vocabulary: int = 8000
    min_count: int = 2
    lr_scale: float = 0.5
    rise: float = 0.1
    epochs: int = 10
    batch_size: int = 64

    def __post_init__(self) -> None:
        _check_common(self.pooling, self.max_tokens)
        _check_whole(
            dim=self.dim,
            layers=self.layers,
            heads=self.heads,
            min_count=self.min_count,
            epochs=self.epochs,
            batch_size=self.batch_size,
            **({} if self.hidden is None else {"hidden": self.hidden}),
        )
        _check_whole(least=8, vocabulary=self.vocabulary)
        if self.dim % self.heads:
            raise ParameterError(f"heads={self.heads}: they share dim={self.dim} evenly")
        if self.positions not in ("learned", "sinusoidal"):
            raise ParameterError(f"positions={self.positions!r}: choose 'learned' or 'sinusoidal'")
        if self.tokens not in ("wordpiece", "word"):
            raise ParameterError(f"tokens={self.tokens!r}: choose 'wordpiece' or 'word'")
        for what, value in (("dropout", self.dropout), ("rise", self.rise)):
            if not 0.0 <= value < 1.0:
                raise ParameterError(f"{what}={value}: at least 0 and below 1")
        if not 0.0 < self.lr_scale <= 1.0:
            raise ParameterError(f"lr_scale={self.lr_scale}: a number above 0 and at most 1")

    @property
    def reader(self) -> FittedTokenReader:
        """What fits the tokenizer."""
        return FittedTokenReader(self.tokens, self.vocabulary, self.min_count, self.max_tokens)

    @property
    def training(self) -> Mapping[str, Any]:
        """How the trainer goes about it."""
        return {"epochs": self.epochs, "batch_size": self.batch_size, "rise": self.rise, "by_length": True}

    def encoder(self, field: TextField, n_outputs: int) -> TrainedTransformer:
        """Return a new network for the tokens of a field, of random weights.

        Raises
        ------
        MissingExtraError
            If transformers is not installed.
        """
        assert isinstance(field, TokenField)  # of this reader
        package = transformers("encoder='scratch'")
        config = package.DistilBertConfig(
            vocab_size=field.n_tokens,
            max_position_embeddings=field.max_tokens,
            sinusoidal_pos_embds=self.positions == "sinusoidal",
            n_layers=self.layers,
            n_heads=self.heads,
            dim=self.dim,
            hidden_dim=4 * self.dim if self.hidden is None else self.hidden,
            dropout=self.dropout,
            attention_dropout=self.dropout,
            pad_token_id=0,
        )
        network = package.DistilBertModel(config)
        network.embeddings.position_embeddings.weight.requires_grad_(self.positions == "learned")
        return TrainedTransformer(PooledNetwork(network, self.pooling), self.lr_scale)


@lru_cache(maxsize=4)
def _tokenizer(name: str) -> str:
    return tokenizer_json(name)


def _check_reach(network: PooledNetwork, field: TokenField, name: str) -> None:
    """Raise ParameterError where a field may hold more than the network can read."""
    if network.positions is not None and field.max_tokens > network.positions:
        raise ParameterError(f"max_tokens={field.max_tokens}: encoder={name!r} reads at most {network.positions}")
    if field.n_tokens > network.n_tokens:
        raise ParameterError(
            f"encoder={name!r}: its tokenizer has {field.n_tokens} tokens and the network {network.n_tokens}: they do "
            "not belong together"
        )


def _check_common(pooling: str, max_tokens: int) -> None:
    if pooling not in POOLINGS:
        raise ParameterError(f"pooling={pooling!r}: choose 'mean' or 'cls'")
    _check_whole(least=3, max_tokens=max_tokens)


def _check_whole(least: int = 1, **values: int) -> None:
    for name, value in values.items():
        if type(value) is not int or value < least:
            raise ParameterError(f"{name}={value!r}: a whole number, at least {least}")
