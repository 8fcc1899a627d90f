"""What makes two trainings the same: the model that they begin with and the content of the rows, as digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.training.rows import Rows

__all__ = ["describe_model", "describe_rows"]

CHUNK = 65_536  # rows that are looked at at once
STATES = ("training", "temperature")  # what training changes
PLAIN = (bool, int, float, str, tuple, type(None))


def describe_model(model: nn.Module) -> str:
    """Return a text that is the same for models of the same modules, settings and weights."""
    modules = [
        (name, type(module).__name__, sorted((k, v) for k, v in vars(module).items() if _is_setting(k, v)))
        for name, module in model.named_modules()
    ]
    digest = hashlib.sha256(repr(modules).encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        _include(digest, value)
    return f"{sum(p.numel() for p in model.parameters())} parameters (sha256 {digest.hexdigest()[:16]})"


def describe_rows(rows: Rows) -> str:
    """Return a text that is the same for rows of the same content; inputs may say in ``content`` what that is."""
    digest, n = hashlib.sha256(), rows.inputs.n_rows
    content = getattr(rows.inputs, "content", None)
    if content is not None:
        for tensor in _tensors((content, rows.y, rows.weight, rows.target)):
            _include(digest, tensor)
        return f"{n} (sha256 {digest.hexdigest()[:16]})"
    for chunk in torch.arange(n, device=rows.y.device).split(CHUNK):
        labels = (None if part is None else part[chunk] for part in (rows.y, rows.weight, rows.target))
        for tensor in _tensors((rows.inputs.take(chunk), *labels)):
            _include(digest, tensor)
    return f"{n} (sha256 {digest.hexdigest()[:16]})"


def _include(digest: hashlib._Hash, tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())


def _is_setting(name: str, value: object) -> bool:
    return isinstance(value, PLAIN) and not name.startswith("_") and name not in STATES


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors that a batch is made of, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, Mapping) or hasattr(value, "__dict__"):
        yield from _tensors(list((value if isinstance(value, Mapping) else vars(value)).values()))
