"""Texts as the pooled vectors of a Transformer (paper, Eq. 4): of one that stays as it is, or one that is trained."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.encoders.batch import TextBatch
from l0gm.encoders.text import TextEncoder
from l0gm.errors import ParameterError
from l0gm.networks import PooledNetwork, named_network

__all__ = ["FrozenTransformer", "PooledText", "TrainedTransformer", "layer_list"]


class PooledText(TextEncoder):
    """A text encoder whose h is (pooled - center) / scale, pooled being a network's vector.

    Attributes
    ----------
    pooling : str
    center, scale : Tensor (dim,)
        Fixed; they are 0 and 1 where the network is trained.
    """

    pooling: str
    center: Tensor
    scale: Tensor

    def __init__(self, dim: int, pooling: str) -> None:
        super().__init__()
        self.dim = dim
        self.pooling = pooling
        self.register_buffer("groups", torch.zeros(dim, dtype=torch.int64), persistent=False)
        self.register_buffer("center", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    @abstractmethod
    def pooled(self, batch: TextBatch | Tensor) -> Tensor:
        """Return the network's vectors, (n, dim)."""

    def forward(self, batch: TextBatch | Tensor) -> Tensor:
        """Return h, (n, dim)."""
        return (self.pooled(batch) - self.center) / self.scale


class FrozenTransformer(PooledText):
    """A pretrained network that stays as it is; its features are standardised by those of the training rows.

    The network is no part of this module: it is found by its name when a text has to be encoded, and neither copied
    nor stored with the model. Features that were prepared before need no network.

    Parameters
    ----------
    name : str
        See :func:`l0gm.networks.names.resolved`.
    pooling : {"mean", "cls"}
    dim : int
    checksum : str
        Of the network's weights.
    """

    def __init__(self, name: str, pooling: str, dim: int, checksum: str) -> None:
        super().__init__(dim, pooling)
        self.name = name
        self.checksum = checksum

    @torch.no_grad()
    def start(self, batch: TextBatch | Tensor, y: Tensor, n_classes: int) -> TextBatch | Tensor:
        """Take the mean and the standard deviation of each feature from the training rows."""
        features = self.pooled(batch).double()
        self.center.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))  # a constant one stays constant
        return batch

    @torch.no_grad()
    def pooled(self, batch: TextBatch | Tensor) -> Tensor:
        """Return the features, (n, dim): those that are given, or the network's."""
        if isinstance(batch, Tensor):
            return batch
        network = _network(self.name, self.pooling, self.checksum).to(batch.ids.device)
        features: Tensor = network(batch.starts, batch.ids)
        return features


class TrainedTransformer(PooledText):
    """A network that is trained with the rest of the model.

    Modules carry ``lr_scale``, what :class:`l0gm.training.Trainer` multiplies the learning rate of their parameters
    with: ``lr_scale`` for the last layer, ``layer_decay`` times as much for each layer before it, and once more for
    the embeddings (Howard and Ruder 2018, section 3.2; Clark et al. 2020).
    """

    def __init__(self, network: PooledNetwork, lr_scale: float = 1.0, layer_decay: float = 1.0) -> None:
        super().__init__(network.dim, network.pooling)
        self.network = network
        layers: list[Any] = [*layer_list(network.network)]
        for depth, layer in enumerate(reversed(layers)):
            layer.lr_scale = lr_scale * layer_decay**depth
        network.lr_scale = lr_scale * layer_decay ** len(layers)  # type: ignore[assignment]  # what is in no layer

    def pooled(self, batch: TextBatch | Tensor) -> Tensor:
        """Return the network's vectors, (n, dim)."""
        assert isinstance(batch, TextBatch)  # nothing of it can be prepared
        return self.network(batch.starts, batch.ids)  # type: ignore[no-any-return]  # torch leaves calls untyped


def layer_list(network: nn.Module) -> nn.ModuleList:
    """Return a network's layers, first to last: the longest list of modules in it, as all families have it."""
    lists = [module for module in network.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=nn.ModuleList())


def _network(name: str, pooling: str, checksum: str) -> PooledNetwork:
    """Return the network of this name, if it is still the one with this checksum."""
    network, found = named_network(name, pooling)
    if found != checksum:
        raise ParameterError(
            f"encoder={name!r} is another network now than the one that this model was trained with (sha256 "
            f"{found[:16]}, not {checksum[:16]}): put the first one back, or fit again"
        )
    return network
