"""The order in which an epoch takes its rows: any where memory holds them all, windows of blocks where it does not."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["BLOCK_ROWS", "bucketed", "shuffled"]

BLOCK_ROWS = 4096
"""Neighbours that are read together where not all rows fit into memory."""
BUCKET = 16
"""Batches whose rows are sorted by length together."""


def shuffled(n: int, device: torch.device | str = "cpu", window: int | None = None) -> Tensor:
    """Return the numbers 0 to n - 1 in random order, int64 (n,).

    Parameters
    ----------
    n : int
    device : torch.device
    window : int, optional
        How many rows may be read in any order at a time; default: all. With fewer than ``n``, blocks of BLOCK_ROWS
        neighbours are shuffled, and then the rows of as many blocks as fill a window are shuffled among each other.
        Each block is so read once an epoch, and a batch still has rows from all over the table: it sees
        ``window / BLOCK_ROWS`` of its places at a time.
    """
    if window is None or n <= window:
        return torch.randperm(n, device=device)
    blocks = torch.randperm(-(-n // BLOCK_ROWS))
    windows = []
    for some in blocks.split(max(window // BLOCK_ROWS, 1)):
        rows = (some[:, None] * BLOCK_ROWS + torch.arange(BLOCK_ROWS)).flatten()
        rows = rows[rows < n]
        windows.append(rows[torch.randperm(len(rows))])
    return torch.cat(windows).to(device)


def bucketed(order: Tensor, lengths: Tensor, batch_size: int) -> Tensor:
    """Return an order (n,) in which the rows of a batch are of like length, since a batch is padded to its longest.

    The rows of BUCKET batches at a time are sorted by ``lengths`` (n,), and their batches then shuffled. A batch of
    fewer rows than ``batch_size`` stays the last one.
    """
    lengths = lengths.to(order.device)
    parts = []
    for some in order.split(BUCKET * batch_size):
        rows = some[lengths[some].argsort(stable=True)]
        whole = len(rows) // batch_size * batch_size
        # the rest is the first rows, the shortest ones
        rest, batches = rows[: len(rows) - whole], rows[len(rows) - whole :].view(-1, batch_size)
        parts += [batches[torch.randperm(len(batches), device=order.device)].flatten(), rest]
    return torch.cat(parts)
