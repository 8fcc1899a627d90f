"""From ragged tokens to one vector a text: padded batches through a network, pooled after its last normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.networks.build import checksum, load_network, positions
from l0gm.networks.first import shorten

__all__ = ["POOLINGS", "PooledNetwork", "named_network"]

POOLINGS = ("mean", "cls")
TOKENS_AT_ONCE = 8192
"""Of one pass, padding included: enough to keep a processor busy, and room for 512 tokens in any network."""


class PooledNetwork(nn.Module):
    """Maps texts of tokens to pooled vectors (n, dim): Eq. 4's H, and of it the first row or the mean of all.

    Texts are sorted by length and padded in groups of TOKENS_AT_ONCE, so that little is padding. A text's vector
    does not depend on the others but for rounding. On a GPU, training computes in bfloat16 where that is safe
    (``torch.autocast``); evaluation is in single precision always, so that every copy of a model answers alike.

    Parameters
    ----------
    network : Module
        An encoder of transformers; its last layer is replaced where ``pooling`` is "cls" and the family is known
        (:func:`l0gm.networks.first.shorten`).
    pooling : {"mean", "cls"}
    """

    def __init__(self, network: nn.Module, pooling: str) -> None:
        super().__init__()
        config: Any = network.config
        self.pooling = pooling
        self.dim = int(config.hidden_size)
        self.n_tokens = int(config.vocab_size)
        self.positions = positions(network)
        self.padding = int(getattr(config, "pad_token_id", None) or 0)
        if pooling == "cls":
            shorten(network)
        self.network = network

    def forward(self, starts: Tensor, ids: Tensor) -> Tensor:
        """Return the vectors (n, dim) of the texts ``ids[starts[i]:starts[i + 1]]``, int64 (n + 1,), int (tokens,)."""
        lengths = starts.diff()
        if len(lengths) == 0:
            return torch.zeros((0, self.dim), device=starts.device)
        order = lengths.argsort(stable=True)
        pooled = torch.cat([self._padded(starts[rows], lengths[rows], ids) for rows in _groups(order, lengths)])
        return pooled[order.argsort()]

    def _padded(self, starts: Tensor, lengths: Tensor, ids: Tensor) -> Tensor:
        place = torch.arange(int(lengths.max().clamp_min(1)), device=starts.device)
        inside = place < lengths.unsqueeze(1)
        at = (starts.unsqueeze(1) + place).clamp_max(max(len(ids) - 1, 0))
        read = ids[at] if len(ids) else torch.zeros_like(at)
        tokens = torch.where(inside, read.long(), self.padding)
        seen = place < lengths.clamp_min(1).unsqueeze(1)  # a text without any token is one of padding
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.training and ids.is_cuda):
            states = self.network(input_ids=tokens, attention_mask=seen.long()).last_hidden_state.float()
        if self.pooling == "cls":
            return states[:, 0]  # type: ignore[no-any-return]  # torch leaves calls of modules untyped
        mask = seen.unsqueeze(2).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)  # type: ignore[no-any-return]


def _groups(order: Tensor, lengths: Tensor) -> Iterator[Tensor]:
    """Yield texts of rising length in groups that take TOKENS_AT_ONCE when they are padded, or one text."""
    first = 0
    for i, length in enumerate(lengths[order].clamp_min(1).tolist()):
        if i > first and (i - first + 1) * length > TOKENS_AT_ONCE:
            yield order[first:i]
            first = i
    yield order[first:]


@lru_cache(maxsize=2)
def named_network(name: str, pooling: str, download: bool = True) -> tuple[PooledNetwork, str]:
    """Return a pretrained network that nobody trains, and its checksum; the latest two are kept in memory.

    Raises
    ------
    MissingExtraError, ParameterError
        As :func:`l0gm.networks.build.load_network`.
    """
    network = load_network(name, download=download)
    digest = checksum(network)
    return PooledNetwork(network, pooling).requires_grad_(False).eval(), digest
