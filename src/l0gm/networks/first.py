"""The last layer of a network for the first position alone, which is all that cls pooling reads of it.

Keys and values are made of all positions; the query, what follows the attention and the feed-forward part of the
first one only. The answer is the same, at about a fifth of the layer's cost: of its products with matrices, two in
twelve are left, and the attention of one position.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["shorten"]


def shorten(network: nn.Module) -> bool:
    """Replace the last layer by one that computes its first position only; return whether the family is known."""
    config: Any = network.config
    found = {
        "bert": ("encoder", _Bert),
        "camembert": ("encoder", _Bert),
        "distilbert": ("transformer", _DistilBert),
        "electra": ("encoder", _Bert),
        "mpnet": ("encoder", _MPNet),
        "roberta": ("encoder", _Bert),
        "xlm-roberta": ("encoder", _Bert),
    }.get(config.model_type)
    if found is None:
        return False
    place, made = found
    layers: Any = network.get_submodule(place).layer
    layers[-1] = made(layers[-1])
    return True


class _First(nn.Module):
    """A layer's output at the first position, (n, 1, d). Its parts keep their names, and so do their weights."""

    attention: Any
    intermediate: Any
    output: Any

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        for name, part in layer.named_children():
            self.add_module(name, part)
        self.train(layer.training)

    def _attend(self, part: Any, q: Any, k: Any, v: Any, heads: int, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Return what the first position takes from all, (n, 1, d); ``mask`` (n or 1, heads or 1, 1 or T, T)."""

        def split(x: Tensor) -> Tensor:
            return x.view(*x.shape[:2], heads, -1).transpose(1, 2)

        rate = part.dropout.p if self.training else 0.0
        first = None if mask is None else mask[:, :, :1]
        query, key, value = split(q(hidden[:, :1])), split(k(hidden)), split(v(hidden))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=first, dropout_p=rate)
        out: Tensor = mixed.transpose(1, 2).flatten(2)
        return out


class _Bert(_First):
    def forward(self, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
        part = self.attention.self
        heads = part.num_attention_heads
        mixed = self._attend(part, part.query, part.key, part.value, heads, hidden, attention_mask)
        state = self.attention.output(mixed, hidden[:, :1])
        out: Tensor = self.output(self.intermediate(state), state)
        return out


class _DistilBert(_First):
    sa_layer_norm: Any
    ffn: Any
    output_layer_norm: Any

    def forward(self, hidden: Tensor, attention_mask: Tensor | None = None, **_: Any) -> Tensor:
        part = self.attention
        mixed = self._attend(part, part.q_lin, part.k_lin, part.v_lin, part.n_heads, hidden, attention_mask)
        state = self.sa_layer_norm(part.out_lin(mixed) + hidden[:, :1])
        out: Tensor = self.output_layer_norm(self.ffn(state) + state)
        return out


class _MPNet(_First):
    def forward(
        self, hidden: Tensor, attention_mask: Tensor, position_bias: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor]:
        attention = self.attention
        part = attention.attn
        mask = position_bias if attention_mask is None else position_bias + attention_mask
        mixed = self._attend(part, part.q, part.k, part.v, part.num_attention_heads, hidden, mask)
        state = attention.LayerNorm(attention.dropout(part.o(mixed)) + hidden[:, :1])
        return (self.output(self.intermediate(state), state),)
