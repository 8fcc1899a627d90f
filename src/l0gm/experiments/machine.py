"""What a run ran on: figures mean little without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import l0gm

__all__ = ["hardware", "versions"]


def versions() -> dict[str, str]:
    """Return the versions that decide what the same seed gives."""
    return {
        "l0gm": l0gm.__version__,
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def hardware() -> dict[str, Any]:
    """Return the processor's name, the cores that this process may use, and PyTorch's threads and GPU."""
    import torch

    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
