"""The compiled part of l0gm where it was built, None where it was not: see module.c for what it does."""

from __future__ import annotations

from types import ModuleType

__all__ = ["native"]

native: ModuleType | None
try:
    from l0gm.native import _compiled

    native = _compiled
except ImportError:  # no compiler when l0gm was installed: slower loops take over
    native = None
