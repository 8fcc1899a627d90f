"""The order in which an epoch takes its rows: any where memory holds them all, windows of blocks where it does not."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["BLOCK_ROWS", "shuffled"]

BLOCK_ROWS = 4096
"""Neighbours that are read together where not all rows fit into memory."""


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
