"""The model of every modality: encoder -> gate -> head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from l0gm.encoders.base import Encoder
from l0gm.errors import ParameterError
from l0gm.gates.base import Gate
from l0gm.heads import Head

__all__ = ["GatedModel", "probabilities"]


class GatedModel(nn.Module):
    """Encoder, gate at the classifier-facing interface, head (paper, Figure 1 and Eq. 5).

    Parameters
    ----------
    encoder : Encoder
        Batch to h, (n, dim).
    gate : Gate
        Of the same ``dim``.
    head : Head
        Gated h to logits.
    """

    no_rows: Tensor

    def __init__(self, encoder: Encoder, gate: Gate, head: Head) -> None:
        super().__init__()
        if encoder.dim != gate.dim:
            raise ParameterError(f"the encoder gives {encoder.dim} dimensions, the gate takes {gate.dim}")
        self.encoder = encoder
        self.gate = gate
        self.head = head
        self.register_buffer("no_rows", torch.empty(0, gate.dim), persistent=False)

    def gates(self) -> dict[str, Gate]:
        """Return every gate by its place in the model: that at the interface, and any inside encoder or head."""
        return {name: module for name, module in self.named_modules() if isinstance(module, Gate)}

    def gate_parameters(self) -> set[nn.Parameter]:
        """Return the parameters of all gates that decide what is open; the others are weights."""
        return {parameter for gate in self.gates().values() for parameter in gate.gate_parameters()}

    def forward(self, batch: Any) -> Tensor:
        """Return logits, (n, n_outputs)."""
        if self.gate.per_example:
            whole = self.encoder(batch).to(
                self.no_rows.dtype
            )  # texts stay in single precision where the rest is double
            h, z = self.gate.gated(whole)
        else:
            z = self.gate.values(self.no_rows)
            h = self.encoder.masked(batch, z)
        logits: Tensor = self.head(h, z, batch)
        return logits


def probabilities(logits: Tensor) -> Tensor:
    """Return class probabilities (n, C); a single logit is that of the second of two classes."""
    if logits.shape[1] == 1:
        p = torch.sigmoid(logits)
        return torch.cat([1.0 - p, p], 1)
    return torch.softmax(logits, 1)
