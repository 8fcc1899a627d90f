"""DeepFM (Guo et al. 2017)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from l0gm.baselines.field_network import FieldNetwork
from l0gm.encoders.rows import RowEncoder
from l0gm.heads import Deep, FieldLinear, IntegratedHead

__all__ = ["DeepFM", "DeepFMHead", "pairs"]

START = 0.2
"""Of the usual size of embeddings, of which the products of all pairs would make large logits at random."""


class DeepFM(FieldNetwork):
    """A factorisation machine and a deep branch over the same embeddings of fields (Guo et al. 2017).

    Parameters
    ----------
    embedding_dim, deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.field_network.FieldNetwork`.

    Notes
    -----
    The paper has one output. Of several classes, each has weights of its own for the coordinates of the pairs'
    products, which it would add up with weights of 1.
    """

    def _parts(self, inputs: Any, n_outputs: int) -> tuple[RowEncoder, IntegratedHead]:
        encoder, head = self._predictor(n_outputs, ())
        if encoder.fields is not None:
            with torch.no_grad():
                encoder.fields.tables.base.mul_(START)
        return encoder, DeepFMHead(encoder.n_fields, encoder.width, n_outputs, linear=head.linear, deep=head.deep)


class DeepFMHead(IntegratedHead):
    """linear + FM + deep + bias.

    Parameters
    ----------
    n_fields, width : int
        h is read as (n, n_fields, width).
    n_outputs : int
        1 for binary tasks, else the number of classes.
    linear : FieldLinear, optional
    deep : Deep, optional
    """

    def __init__(
        self, n_fields: int, width: int, n_outputs: int, *, linear: FieldLinear | None, deep: Deep | None
    ) -> None:
        super().__init__(n_fields, n_outputs, linear=linear, deep=deep)
        self.pairs_out = None if n_outputs == 1 else nn.Linear(width, n_outputs, bias=False)

    def forward(self, h: Tensor, z: Tensor, batch: Any) -> Tensor:
        """Return logits, (n, n_outputs)."""
        found = pairs(h.unflatten(1, (self.n_fields, -1)))
        logits = super().forward(h, z, batch)
        return logits + (found.sum(1, keepdim=True) if self.pairs_out is None else self.pairs_out(found))


def pairs(x: Tensor) -> Tensor:
    """Return the products of all pairs of different fields, summed: sum over i < j of x_i o x_j.

    Parameters
    ----------
    x : Tensor (n, m, D)

    Returns
    -------
    Tensor (n, D)
        Its sum over D is the second-order term of a factorisation machine (Rendle 2010).
    """
    return 0.5 * (x.sum(1).square() - x.square().sum(1))
