"""Putting encoder, gate and head together from the names and numbers that a user gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from l0gm.data.schema import NumericField, Schema
from l0gm.encoders.base import Encoder
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.tabular import FieldTables, TabularEncoder
from l0gm.encoders.text import Ngrams, TextEncoder, TextEncoding
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import ParameterError
from l0gm.gates import (
    BlockGate,
    ConditionalGate,
    FixedMaskGate,
    Gate,
    GaussianGate,
    HardConcreteGate,
    IdentityGate,
    L0Linear,
    MagnitudeGate,
    ReadGate,
    ScaleGate,
    WeightMagnitudeGate,
)
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead
from l0gm.networks import PACKAGED

__all__ = [
    "COSTED",
    "COUNTED",
    "GATES",
    "RULED",
    "WEIGHED",
    "integrated_predictor",
    "make_gate",
    "make_hidden_gate",
    "make_weight_gates",
    "text_encoding",
]

COSTED = ("hard_concrete", "conditional")
"""Gates whose penalty can count a dimension as more than one."""
RULED = (*COSTED, "weights")
"""Gates with hard-concrete variables, for which there are two rules of inference."""
PRUNED = ("pruned", "n:m", "lottery")
WEIGHED = ("weights", *PRUNED)
"""Gates on the weights of the layer that reads the interface."""
COUNTED = ("random", "magnitude", "static", *PRUNED)
"""Controls that keep a given number of dimensions or weights, without a penalty."""
GATES = (*RULED, "gaussian", "l1", *COUNTED, "none")
LINEAR = ("gated", "ungated", "off")
DEEP = (128, 64)
TEXT_TERM_RATE = 10.0
WIDEST = 16
MOST_DIMENSIONS = 256
WIDE_RANK = 16
"""Rank of the CIN where the fields are more than MOST_DIMENSIONS: a matrix of 2,000 fields has 4 million numbers."""


def text_encoding(choice: str | TextEncoding) -> TextEncoding:
    """Return how texts are encoded: a name's default settings, or the settings themselves.

    Names on the hub have a ``/`` or a ``-`` in them; whether there is such a network is seen when it is loaded.

    Raises
    ------
    ParameterError
        If there is no such encoder.
    """
    if isinstance(choice, TextEncoding):
        return choice
    if choice == "ngrams":
        return Ngrams()
    if choice == "scratch":
        return Scratch()
    if isinstance(choice, str) and choice and (choice in PACKAGED or Path(choice).is_dir() or {*"/-"} & {*choice}):
        return Transformer(choice)
    raise ParameterError(
        f"encoder={choice!r}: choose 'ngrams', 'scratch', {', '.join(map(repr, PACKAGED))}, a pretrained encoder's "
        "name on the Hugging Face hub, or its folder"
    )


def integrated_predictor(
    schema: Schema,
    n_outputs: int,
    *,
    width: int | None,
    linear: str,
    deep: Sequence[int] | None,
    cin: Sequence[int],
    cin_rank: int | None,
    dropout: float,
    texts: TextEncoding,
    hidden_gate: Callable[[int], Gate] | None = None,
    first: Callable[[int, int], nn.Linear] = nn.Linear,
) -> tuple[RowEncoder, IntegratedHead]:
    """Return encoder and head for rows of tables, texts or both (Eqs. 8 and 20).

    Parameters
    ----------
    schema : Schema
    n_outputs : int
        1 for binary tasks, else the number of classes.
    width : int, optional
        The paper's D. Default: 16, or less where the fields are many, so that the interface has at most 256
        dimensions of fields.
    linear, deep, cin, cin_rank, dropout
        See :class:`l0gm.L0GMClassifier`.
    texts : TextEncoding
    hidden_gate : callable, optional
        From the width of a hidden layer of the deep branch to the gate of its units; default: they have none.
    first : callable, optional
        From the widths of input and output to the first layer of the deep branch, or to the linear layer over texts
        alone that have no such branch; default: a plain one.

    Raises
    ------
    ParameterError
        If an argument is out of range, every branch is left out, or hidden units or weights that there are not are to
        be gated.
    """
    n_fields = len(schema.fields)
    if width is None:
        width = max(1, min(WIDEST, MOST_DIMENSIONS // max(n_fields, 1)))
    if not isinstance(width, Integral) or width < 1:
        raise ParameterError(f"embedding_dim={width!r}: a whole number, at least 1")
    width = int(width)
    if linear not in LINEAR:
        raise ParameterError(f"linear={linear!r}: choose one of {', '.join(LINEAR)}")
    if not 0.0 <= dropout < 1.0:
        raise ParameterError(f"dropout={dropout}: at least 0 and below 1")
    if cin_rank is None and n_fields > MOST_DIMENSIONS:
        cin_rank = WIDE_RANK
    if deep is None:
        deep = DEEP if n_fields else ()
    if hidden_gate is not None and not len(deep):
        raise ParameterError(
            "hidden_cost: there are no hidden units; texts alone have a deep branch only where deep asks for one"
        )
    if first is not nn.Linear and not len(deep) and n_fields:
        raise ParameterError(
            f"gate: there is no deep branch whose weights {', '.join(WEIGHED)} could act on; give deep widths, as "
            "(128, 64)"
        )
    fields = TabularEncoder(schema, width) if n_fields else None
    encoder = RowEncoder(fields, [texts.encoder(field, n_outputs) for field in schema.texts])
    term = None
    if linear != "off" and n_fields:
        numeric = [isinstance(f, NumericField) for f in schema.fields]
        term = FieldLinear(FieldTables(schema.n_rows, numeric, n_outputs, 0.0), linear == "gated")
    head = IntegratedHead(
        n_fields,
        n_outputs,
        linear=term,
        deep=Deep(encoder.dim, deep, n_outputs, dropout, hidden_gate, first) if len(deep) else None,
        cin=CIN(n_fields, cin, cin_rank) if len(cin) and n_fields else None,
        text=_text_term(encoder.texts, n_outputs, nn.Linear if len(deep) else first),
    )
    return encoder, head


@torch.no_grad()
def _text_term(
    texts: Iterable[nn.Module], n_outputs: int, layer: Callable[..., nn.Linear] = nn.Linear
) -> nn.Linear | None:
    """Return the linear term over the texts' vectors, which counts the coordinates that are logits already."""
    listed = [text for text in texts if isinstance(text, TextEncoder)]
    if not listed:
        return None
    term = layer(sum(text.dim for text in listed), n_outputs, bias=False)
    term.weight.mul_(0.1)
    term.lr_scale = TEXT_TERM_RATE  # type: ignore[assignment]  # see l0gm.training.objective.parameter_groups
    at = 0
    for text in listed:
        for coordinate, output in text.direct:
            term.weight[:, at + coordinate] = 0.0
            term.weight[output, at + coordinate] = 1.0
        at += text.dim
    return term


def make_gate(
    name: str,
    encoder: Encoder,
    *,
    groups: str,
    active: float | None,
    seed: int,
    temperature: float,
    mask: Literal["example", "batch"],
    inference: Literal["binary", "soft"],
    threshold: float,
    cost: Sequence[float] | None = None,
    chosen: Tensor | None = None,
    layer: nn.Module | None = None,
) -> Gate:
    """Return the gate of this name (one of GATES) for the encoder's interface.

    Parameters
    ----------
    groups : {"dimension", "field"}
        One gate a dimension, or one for each of the encoder's groups.
    active : float, optional
        Fraction that a random mask leaves open.
    seed : int
        Of a random mask.
    temperature, mask, inference, threshold, cost
        See :class:`l0gm.gates.HardConcreteGate`.
    chosen : bool Tensor (dim,), optional
        The mask of ``"static"``.
    layer : L0Linear, optional
        The layer behind the interface whose weights have gates, for those of WEIGHED.

    Raises
    ------
    ParameterError
        If a name is unknown or an argument out of range.
    """
    if groups not in ("dimension", "field"):
        raise ParameterError(f"gate_groups={groups!r}: choose 'dimension' or 'field'")
    shared = encoder.groups if groups == "field" else None
    if name in COSTED:
        kind = HardConcreteGate if name == "hard_concrete" else ConditionalGate
        return kind(
            encoder.dim,
            shared,
            temperature=temperature,
            mask=mask,
            inference=inference,
            threshold=threshold,
            cost=cost,
        )
    if name in WEIGHED:
        assert isinstance(layer, L0Linear)
        return ReadGate(layer)
    if name == "gaussian":
        return GaussianGate(encoder.dim, shared, mask=mask)
    if name == "l1":
        return ScaleGate(encoder.dim, shared)
    if name == "random":
        k = max(1, round((1.0 if active is None else active) * encoder.dim))
        if shared is None:
            return FixedMaskGate.random(encoder.dim, k, seed)
        n_groups = int(shared.max()) + 1
        opened = FixedMaskGate.random(n_groups, max(1, k * n_groups // encoder.dim), seed)
        return FixedMaskGate(opened.open_mask()[shared])
    if name == "magnitude":
        return MagnitudeGate(encoder.dim, shared)
    if name == "static":
        assert chosen is not None
        return FixedMaskGate(chosen)
    if name == "none":
        return IdentityGate(encoder.dim)
    raise ParameterError(f"gate={name!r}: choose one of {', '.join(GATES)}")


def make_weight_gates(
    name: str,
    active: float | None,
    *,
    temperature: float,
    inference: Literal["binary", "soft"],
    threshold: float,
) -> Callable[..., nn.Linear]:
    """Return what makes the layer behind the interface from the widths of its input and output.

    With a name of WEIGHED its weights have gates: hard-concrete ones; a mask that keeps the largest weights when it is
    hardened, of all or of each block of inputs; or a mask that is given before training, and is open until then.

    Parameters
    ----------
    name : str
        Of GATES.
    active : float, optional
        Fraction that N:M comes from.
    temperature, inference, threshold
        See :class:`l0gm.gates.HardConcreteGate`.
    """
    if name not in WEIGHED:
        return nn.Linear
    if name == "weights":
        return partial(L0Linear, temperature=temperature, inference=inference, threshold=threshold)
    kinds: dict[str, Callable[[int, int], Gate]] = {
        "pruned": WeightMagnitudeGate,
        "n:m": lambda outputs, inputs: BlockGate.nearest(outputs, inputs, 1.0 if active is None else active),
        "lottery": lambda outputs, inputs: FixedMaskGate(torch.ones(outputs * inputs, dtype=torch.bool)),
    }
    return partial(L0Linear, gate=kinds[name])


def make_hidden_gate(
    width: int,
    cost: float,
    *,
    temperature: float,
    mask: Literal["example", "batch"],
    inference: Literal["binary", "soft"],
    threshold: float,
) -> Gate:
    """Return the gate of a hidden layer of ``width`` units, each of which costs ``cost`` while it is open.

    Parameters
    ----------
    temperature, mask, inference, threshold
        See :class:`l0gm.gates.HardConcreteGate`.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """
    return HardConcreteGate(
        width,
        temperature=temperature,
        mask=mask,
        inference=inference,
        threshold=threshold,
        cost=[cost] * width,
    )
