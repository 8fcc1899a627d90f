"""l0gm: classifiers that are sparse by design, served without PyTorch.

Importing this package is cheap: PyTorch and scikit-learn are imported when a name that needs them is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from l0gm.errors import L0GMError, MissingExtraError

if TYPE_CHECKING:
    from l0gm.data.graphs import Graph
    from l0gm.estimators import L0GMClassifier, L0GMNodeClassifier
    from l0gm.gates import HardConcreteGate
    from l0gm.metrics import evaluate
    from l0gm.runtime import CompactModel, CompactNodeModel, load
    from l0gm.schedules import Schedule

__version__ = "0.1.0.dev0"

__all__ = [
    "CompactModel",
    "CompactNodeModel",
    "Graph",
    "HardConcreteGate",
    "L0GMClassifier",
    "L0GMError",
    "L0GMNodeClassifier",
    "Schedule",
    "__version__",
    "evaluate",
    "load",
]

_HOMES = {
    "CompactModel": "l0gm.runtime",
    "CompactNodeModel": "l0gm.runtime",
    "Graph": "l0gm.data.graphs",
    "HardConcreteGate": "l0gm.gates",
    "L0GMClassifier": "l0gm.estimators",
    "L0GMNodeClassifier": "l0gm.estimators",
    "Schedule": "l0gm.schedules",
    "evaluate": "l0gm.metrics",
    "load": "l0gm.runtime",
}
_TRAINING_PACKAGES = ("torch", "sklearn", "pandas", "pyarrow", "rich")


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'l0gm' has no attribute {name!r}")
    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        if error.name in _TRAINING_PACKAGES:
            raise MissingExtraError(error.name or "", "train", f"l0gm.{name}") from error
        raise


def __dir__() -> list[str]:
    return __all__
