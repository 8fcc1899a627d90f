"""Pruning of attention heads (Michel et al. 2019, "Are sixteen heads really better than one?")."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.baselines.text_compression import CompressedTransformer
from l0gm.encoders.pooled import layer_list
from l0gm.errors import ParameterError
from l0gm.model import GatedModel
from l0gm.training.objective import task_loss
from l0gm.training.rows import Rows

__all__ = ["HeadPruning", "chosen_heads", "head_importance", "prune_heads"]

ROWS, AT_ONCE = 2048, 32
BERT = ("attention.self", ("query", "key", "value"), "attention.output.dense")
FAMILIES: dict[str, tuple[str, tuple[str, str, str], str]] = {
    **dict.fromkeys(("bert", "camembert", "electra", "roberta", "xlm-roberta"), BERT),
    "distilbert": ("attention", ("q_lin", "k_lin", "v_lin"), "attention.out_lin"),
    "mpnet": ("attention.attn", ("q", "k", "v"), "attention.attn.o"),
    "deberta-v2": ("attention.self", ("query_proj", "key_proj", "value_proj"), "attention.output.dense"),
}
"""Of each family: what attends, its three maps, and what reads the heads, one after the other."""
MASKED = ("mpnet", "deberta-v2")
"""Families whose heads share positions: theirs are multiplied with zero instead of being cut out."""


class HeadPruning(CompressedTransformer):
    """A Transformer without its least important attention heads (see :class:`CompressedTransformer`).

    The importance of a head is the mean, over training texts, of the size of the loss's derivative by a factor on what
    the head says, divided by the norm of its layer's importances. The least important heads of all layers leave at
    once, but each layer keeps one. transformers has given up cutting heads out, so this is done here.
    """

    def _compress(self, network: nn.Module, model: GatedModel, rows: Rows) -> str:
        importance = head_importance(network, model, rows)
        chosen = chosen_heads(importance, self.keep)
        prune_heads(network, chosen)
        stayed = [int(mask.sum()) for mask in chosen]
        return f"heads that stayed, layer by layer: {', '.join(map(str, stayed))} of {chosen.shape[1]} each"


def head_importance(network: nn.Module, model: GatedModel, rows: Rows) -> Tensor:
    """Return the importance of each head, (layers, heads): see :class:`HeadPruning`.

    Parameters
    ----------
    network : Module
        Of transformers, within the model.
    model : GatedModel
    rows : Rows
        Labelled texts, of which up to 2,048 are read, drawn at random.
    """
    asked: list[list[Tensor]] = []

    def ask(layer: int, heads: int, module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        factor = torch.ones(len(given[0]), 1, heads, 1, device=given[0].device, requires_grad=True)
        asked[layer].append(factor)
        return (_by_heads(given[0], factor), *given[1:])

    handles = []
    for layer, (attention, out) in enumerate(_attentions(network)):
        asked.append([])
        handles.append(out.register_forward_pre_hook(partial(ask, layer, _n_heads(attention))))
    model.eval()
    found: list[Tensor] = []
    drawn = torch.randperm(rows.inputs.n_rows)[:ROWS].to(rows.y.device)
    for some in drawn.split(AT_ONCE):
        for factors in asked:
            factors.clear()
        loss = task_loss(model(rows.inputs.take(some)), rows.y[some]) * len(some)  # of each text by itself
        gradients = torch.autograd.grad(loss, [factor for factors in asked for factor in factors])
        sizes = iter([gradient.abs().sum((0, 1, 3)) for gradient in gradients])
        found.append(torch.stack([sum(next(sizes) for _ in factors) for factors in asked]))  # type: ignore[misc]
    for handle in handles:
        handle.remove()
    importance: Tensor = torch.stack(found).sum(0) / len(drawn)
    norm: Tensor = torch.linalg.vector_norm(importance, dim=1, keepdim=True)
    return importance / norm.clamp_min(torch.finfo(importance.dtype).tiny)


def chosen_heads(importance: Tensor, keep: float) -> Tensor:
    """Return which heads stay, bool (layers, heads): round(keep * all), and at least one of each layer."""
    layers = len(importance)
    k = max(layers, round(keep * importance.numel()))
    best = torch.zeros_like(importance, dtype=torch.bool)
    best[torch.arange(layers), importance.argmax(1)] = True
    order = torch.where(best, torch.inf, importance).flatten().argsort(descending=True, stable=True)
    chosen = torch.zeros(importance.numel(), dtype=torch.bool)
    chosen[order[:k].cpu()] = True
    return chosen.view(importance.shape)


@torch.no_grad()
def prune_heads(network: nn.Module, chosen: Tensor) -> None:
    """Take heads out of a network of transformers, in place.

    Parameters
    ----------
    network : Module
    chosen : bool Tensor (layers, heads)
        Those that stay, at least one of each layer.
    """
    config: Any = network.config
    for layer, (attention, out), stay in zip(layer_list(network), _attentions(network), chosen, strict=True):
        if bool(stay.all()):
            continue
        if config.model_type in MASKED:
            out.register_buffer("heads", stay.float().view(1, 1, -1, 1).to(out.weight.device), persistent=False)
            out.register_forward_pre_hook(_masked)
            continue
        _, maps, behind = FAMILIES[config.model_type]
        size = out.in_features // len(stay)
        units = torch.cat([torch.arange(size) + size * h for h in stay.nonzero()[:, 0].tolist()])
        units = units.to(out.weight.device)
        for name in maps:
            setattr(attention, name, _cut(getattr(attention, name), units, 0))
        parent, _, last = behind.rpartition(".")
        setattr(layer.get_submodule(parent), last, _cut(out, units, 1))
        n = int(stay.sum())
        for name, value in (("num_attention_heads", n), ("n_heads", n), ("all_head_size", n * size)):
            if hasattr(attention, name):
                setattr(attention, name, value)


def _attentions(network: nn.Module) -> list[tuple[Any, nn.Linear]]:
    """Return for each layer what attends, and what reads its heads."""
    config: Any = network.config
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise ParameterError(f"heads of a {config.model_type} cannot be pruned: choose one of {', '.join(FAMILIES)}")
    found: list[tuple[Any, Any]] = [
        (layer.get_submodule(family[0]), layer.get_submodule(family[2])) for layer in layer_list(network)
    ]
    return found


def _n_heads(attention: Any) -> int:
    return int(getattr(attention, "n_heads", 0) or attention.num_attention_heads)


def _by_heads(states: Tensor, factor: Tensor) -> Tensor:
    """Multiply states (n, T, heads * size) with a factor a head, (n or 1, 1, heads, 1)."""
    n, length, width = states.shape
    split = states.reshape(n, length, factor.shape[2], width // factor.shape[2])
    return (split * factor).flatten(2)


def _masked(module: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (_by_heads(given[0], module.heads), *given[1:])


def _cut(layer: nn.Linear, units: Tensor, dim: int) -> nn.Linear:
    """Return a linear layer with these of its outputs (dim 0) or inputs (dim 1)."""
    weight = layer.weight.index_select(dim, units)
    made = nn.Linear(weight.shape[1], weight.shape[0], layer.bias is not None).to(weight.device)
    made.weight.copy_(weight)
    if layer.bias is not None:
        made.bias.copy_(layer.bias[units] if dim == 0 else layer.bias)
    return made.train(layer.training)
