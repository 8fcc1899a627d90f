"""What a run ran on: figures mean little without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import l0gm

__all__ = ["caches", "hardware", "simd", "versions", "versions_of"]

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
SIMD = (
    ("AVX-512", ("avx512f", "avx512bw", "avx512dq", "avx512vl")),
    ("AVX2", ("avx2", "fma")),
    ("AVX", ("avx",)),
    ("SSE4.2", ("sse4_2",)),
    ("SVE", ("sve",)),
    ("NEON", ("asimd",)),
)
"""Levels, the widest of each kind of processor first, and the flags of /proc/cpuinfo that a level needs."""


def versions() -> dict[str, str]:
    """Return the versions that decide what the same seed gives."""
    return {
        "l0gm": l0gm.__version__,
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def versions_of(*packages: str) -> dict[str, str]:
    """Return the versions of those of these packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the processor and its caches, the cores that this process may use, and PyTorch's threads and GPU."""
    import torch

    return {
        "cpu": _processor(),
        "simd": simd(),
        "caches": caches(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def caches(folder: Path = CACHES) -> dict[str, int]:
    """Return the bytes of the first core's caches by name: L1d, L2, L3; those that the system does not tell are absent.

    Parameters
    ----------
    folder : Path
        Where Linux describes them.
    """
    sizes = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
            unit = {"K": 2**10, "M": 2**20, "G": 2**30}[size[-1]]
            name = f"L{int(level)}" + ({"Data": "d", "Instruction": "i"}[kind] if kind != "Unified" else "")
            sizes[name] = int(size[:-1]) * unit
        except (OSError, ValueError, LookupError):
            continue
    return {name: size for name, size in sizes.items() if name != "L1i"}


def simd(cpuinfo: Path = CPUINFO) -> str | None:
    """Return the widest vector instructions of the processor, as far as the system tells them.

    Parameters
    ----------
    cpuinfo : Path
        Where Linux lists its flags.
    """
    line = _line(cpuinfo, ("flags", "Features"))
    flags = set(line.split())
    return next((name for name, needed in SIMD if flags.issuperset(needed)), None)


def _processor() -> str:
    return _line(CPUINFO, ("model name",)) or platform.processor() or platform.machine()


def _line(path: Path, keys: tuple[str, ...]) -> str:
    """Return what the first line with one of these keys says; nothing where there is none."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError):
        return ""
    parts = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in parts if key.strip() in keys), "")
