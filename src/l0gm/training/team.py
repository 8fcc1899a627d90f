"""Several processes that train one model: each takes its share of every batch, and their gradients add up.

They are started by ``torchrun``, which tells each its rank and where the others are. All processes hold all rows and
the same weights; a batch's rows are dealt out, the gradients are summed, and each process takes the same step. So the
result is that of one process with the same batches, but for rounding and for the noise of gates and dropout, which
is another in each process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn

__all__ = ["Team"]


class Team:
    """The processes that take part; one alone by default.

    Parameters
    ----------
    device : torch.device
        Where this process computes: NCCL connects GPUs, gloo processors.
    alone : bool
        Whether not to look for others.

    Attributes
    ----------
    rank, size : int
        This process, and how many there are. The one of rank 0 alone writes files.
    """

    def __init__(self, device: torch.device, alone: bool = False) -> None:
        self.rank, self.size = 0, 1
        if alone or not distributed.is_available():
            return
        if not distributed.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        if distributed.is_initialized():
            self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def share(self, rows: Tensor) -> Tensor:
        """Return the rows (k,) of these (n,) that are this process's."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give every process what the tensors of rank 0 hold."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.data, 0)

    def begin_as_one(self, parts: Mapping[str, Any], parameters: Iterable[Tensor]) -> None:
        """Give every process the state that the parts of rank 0 have: from a checkpoint, or the initial weights."""
        if self.size == 1:
            return
        states = [{name: part.state_dict() for name, part in parts.items()} if self.rank == 0 else None]
        distributed.broadcast_object_list(states, 0)
        if self.rank and states[0] is not None:
            for name, part in parts.items():
                part.load_state_dict(states[0][name])
        self.agree(parameters)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over the processes; it is the same in each, bit for bit."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients over the processes; a parameter that none has used has none."""
        if self.size == 1:
            return
        used = self.total(torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device))
        taking = [p for p, count in zip(parameters, used.tolist(), strict=True) if count]
        parts = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in taking]
        whole = self.total(torch.cat([part.reshape(-1) for part in parts]))
        for p, part in zip(taking, whole.split([p.numel() for p in taking]), strict=True):
            p.grad = part.view_as(p)
