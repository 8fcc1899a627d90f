"""Heads: from the gated representation to logits. The integrated predictor of Eq. 20 and its branches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.encoders.tabular import FieldTables
from l0gm.errors import ParameterError

__all__ = ["CIN", "Deep", "FieldLinear", "Head", "IntegratedHead", "StatesHead"]


class Head(nn.Module, ABC):
    """Maps the gated representation to logits (n, n_outputs)."""

    @abstractmethod
    def forward(self, h: Tensor, z: Tensor, batch: Any) -> Tensor:
        """Return logits.

        Parameters
        ----------
        h : Tensor (n, dim)
            The gated representation, z * h.
        z : Tensor (dim,) or (n, dim)
            The gate's values.
        batch
            The rows as the encoder reads them, for terms over raw inputs.
        """


class Deep(nn.Sequential):
    """The deep branch: linear layers with ReLU and dropout between them; the last one gives logits.

    Parameters
    ----------
    dim : int
        Width of the input.
    hidden : sequence of int
        Widths of the hidden layers; empty for a linear head.
    n_outputs : int
        Number of logits.
    dropout : float
        Dropout after each hidden layer.
    gate : callable, optional
        From the width of a hidden layer to the gate of its units, a module from (n, width) to (n, width) that comes
        after the dropout; default: hidden units have no gates.
    first : callable, optional
        From the widths of input and output to the first linear layer; default: a plain one.
    """

    def __init__(
        self,
        dim: int,
        hidden: Sequence[int],
        n_outputs: int,
        dropout: float = 0.0,
        gate: Callable[[int], nn.Module] | None = None,
        first: Callable[[int, int], nn.Linear] = nn.Linear,
    ) -> None:
        layers: list[nn.Module] = []
        linear = first
        for width in hidden:
            layers += [linear(dim, width), nn.ReLU(), nn.Dropout(dropout)]
            if gate is not None:
                layers.append(gate(width))
            dim, linear = width, nn.Linear
        super().__init__(*layers, linear(dim, n_outputs))

    @property
    def linears(self) -> list[nn.Linear]:
        """The linear layers, first to last."""
        return [layer for layer in self if isinstance(layer, nn.Linear)]


class CIN(nn.Module):
    """Compressed interaction network (Eqs. 8 to 12; Lian et al. 2018).

    X(k)_h = sum_ij W(k,h)_ij X(k-1)_i o X(0)_j, coordinate by coordinate; each map is summed over its coordinates
    and the sums of all depths are concatenated. A map of depth k is homogeneous of degree k + 1 in the fields.

    Parameters
    ----------
    n_fields : int
        m, the rows of X(0).
    widths : sequence of int
        H_1, ..., H_T.
    rank : int, optional
        L of the factorised form W = U V^T (Eq. 14); default: full matrices, H_k * H_(k-1) * m numbers a depth.
    """

    def __init__(self, n_fields: int, widths: Sequence[int], rank: int | None = None) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise ParameterError(f"widths={tuple(widths)}: the CIN needs at least one depth of at least one map")
        if rank is not None and rank < 1:
            raise ParameterError(f"rank={rank}: at least 1, or None for full matrices")
        self.n_fields = n_fields
        self.widths = tuple(widths)
        self.rank = rank
        self.weights = nn.ParameterList()
        self.left = nn.ParameterList()
        self.right = nn.ParameterList()
        before = n_fields
        for width in widths:
            scale = (before * n_fields) ** -0.5
            if rank is None:
                self.weights.append(nn.Parameter(torch.randn(width, before, n_fields) * scale))
            else:
                spread = (scale / rank**0.5) ** 0.5
                self.left.append(nn.Parameter(torch.randn(width, before, rank) * spread))
                self.right.append(nn.Parameter(torch.randn(width, n_fields, rank) * spread))
            before = width

    @property
    def n_outputs(self) -> int:
        """Number of pooled values, the sum of the widths."""
        return sum(self.widths)

    def matrices(self) -> list[Tensor]:
        """Return W(k), (H_k, H_(k-1), m), of each depth; factorised ones multiplied out."""
        if self.rank is None:
            return list(self.weights)
        return [u @ v.transpose(1, 2) for u, v in zip(self.left, self.right, strict=True)]

    def maps(self, x: Tensor, depth: int | None = None) -> list[Tensor]:
        """Return X(1), ..., X(depth), each (n, H_k, D), of X(0) = ``x`` (n, m, D); default: all depths."""
        result = []
        state = x
        for k, width in enumerate(self.widths[:depth]):
            if self.rank is None:
                w = self.weights[k]
                mixed = torch.matmul(w.reshape(-1, self.n_fields), x)  # (n, H_k * H_(k-1), D)
                state = (mixed.unflatten(1, (width, -1)) * state.unsqueeze(1)).sum(2)
            else:
                u, v = self.left[k], self.right[k]
                left = torch.matmul(u.transpose(1, 2).flatten(0, 1), state)
                right = torch.matmul(v.transpose(1, 2).flatten(0, 1), x)
                state = (left * right).unflatten(1, (width, -1)).sum(2)
            result.append(state)
        return result

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled values p+ (n, n_outputs) of ``x`` (n, m, D) (Eqs. 11 and 12).

        The last depth's maps are only summed, so their sums can be taken without making them: with the products
        G_ij = <X(T-1)_i, X(0)_j>, p_h = sum_ij W(T,h)_ij G_ij. Where the fields are so many that the products take
        more room than the maps, the maps are made.
        """
        if self.n_fields > self.widths[-1] * x.shape[-1]:
            return torch.cat([state.sum(-1) for state in self.maps(x)], 1)
        inner = self.maps(x, len(self.widths) - 1)
        products = torch.matmul(inner[-1] if inner else x, x.transpose(1, 2)).flatten(1)
        last = products @ self.matrices()[-1].flatten(1).T
        return torch.cat([*(state.sum(-1) for state in inner), last], 1)


class _AllShut(torch.autograd.Function):
    """prod_d(1 - z_d) over the last dimension.

    The derivative by z_d is minus the product of the others. Products with a factor of zero are most of them here;
    the library's own derivative then takes cumulative products, at several times the cost of this one.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        q = 1.0 - z
        ctx.save_for_backward(q)
        return q.prod(-1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # With one factor of zero its quotient is the product of the others; with two all are about zero.
        q: Tensor = ctx.saved_tensors[0].clamp_min(_TINY)
        return (-grad * q.prod(-1)).unsqueeze(-1) / q


_TINY = 1e-6


class FieldLinear(nn.Module):
    """The linear term of Eq. 20 over the raw inputs, one table of logits a field.

    Taken literally it reads around the gate, and no field could ever leave. By default a field's term is
    multiplied by 1 - prod_d(1 - z_d) over the field's dimensions, the chance that one of them is open; it is off
    when all are shut.

    Parameters
    ----------
    tables : FieldTables
        Tables of width n_outputs.
    gated : bool
        False for the paper's literal form.
    """

    def __init__(self, tables: FieldTables, gated: bool = True) -> None:
        super().__init__()
        self.tables = tables
        self.gated = gated
        nn.init.zeros_(tables.base)

    def forward(self, z: Tensor, batch: Any) -> Tensor:
        """Return the summed terms, (n, n_outputs)."""
        terms: Tensor
        if not self.gated:
            terms = self.tables(batch)
            return terms.sum(1)
        z = z.unflatten(-1, (len(self.tables.n_rows), -1))
        if z.ndim == 2:  # one mask for all rows
            open_field = 1.0 - (1.0 - z).prod(-1, keepdim=True)
            terms = self.tables(batch, open_field.expand(-1, self.tables.width))
            return terms.sum(1)
        shut: Tensor = _AllShut.apply(z)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        terms = (1.0 - shut).unsqueeze(-1) * self.tables(batch)
        return terms.sum(1)


class IntegratedHead(Head):
    """linear + deep + CIN + text + bias (Eq. 20); each branch may be left out (``None``), not all of them.

    Parameters
    ----------
    n_fields : int
        m, of a table; the first m * D dimensions of h are read as (n, m, D) by the CIN.
    n_outputs : int
        1 for binary tasks (the logit of the second class), else the number of classes.
    linear : FieldLinear, optional
        Over the fields of a table.
    deep : Deep, optional
        Over all of h.
    cin : CIN, optional
        Over the fields of a table.
    text : Linear, optional
        Over the dimensions of h that belong to texts, which come last; without a bias.
    """

    def __init__(
        self,
        n_fields: int,
        n_outputs: int,
        *,
        linear: FieldLinear | None = None,
        deep: Deep | None = None,
        cin: CIN | None = None,
        text: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        if linear is None and deep is None and cin is None and text is None:
            raise ParameterError("the head needs at least one of linear, deep and cin")
        self.n_fields = n_fields
        self.n_outputs = n_outputs
        self.linear = linear
        self.deep = deep
        self.cin = cin
        self.text = text
        self.cin_out = None if cin is None else nn.Linear(cin.n_outputs, n_outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    def forward(self, h: Tensor, z: Tensor, batch: Any) -> Tensor:
        """Return logits, (n, n_outputs)."""
        logits = self.bias.expand(len(h), -1)
        last = h.shape[1] - (0 if self.text is None else self.text.in_features)
        if self.linear is not None:
            logits = logits + self.linear(z[..., :last], batch)
        if self.deep is not None:
            logits = logits + self.deep(h)
        if self.cin is not None and self.cin_out is not None:
            logits = logits + self.cin_out(self.cin(h[:, :last].unflatten(1, (self.n_fields, -1))))
        if self.text is not None:
            logits = logits + self.text(h[:, last:])
        return logits


class StatesHead(Head):
    """A linear map of node states; where the gate acts on attributes, the states are made here, behind it.

    Parameters
    ----------
    dim, n_outputs : int
    states : Module, optional
        From (attributes, batch) to states (n, dim); None where h holds states already.
    linear : callable, optional
        From the widths of input and output to the linear layer; default: a plain one.
    """

    def __init__(
        self,
        dim: int,
        n_outputs: int,
        states: nn.Module | None = None,
        linear: Callable[[int, int], nn.Linear] = nn.Linear,
    ) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.states = states
        self.out = linear(dim, n_outputs)

    def forward(self, h: Tensor, z: Tensor, batch: Any) -> Tensor:
        """Return logits, (n, n_outputs)."""
        logits: Tensor = self.out(h if self.states is None else self.states(h, batch))
        return logits
