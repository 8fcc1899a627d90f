"""The exceptions that l0gm raises: every message names the culprit, its value and the remedy."""

from __future__ import annotations

__all__ = [
    "ArtifactError",
    "CellTypeError",
    "CompactionError",
    "DataError",
    "DatasetError",
    "L0GMError",
    "MissingExtraError",
    "NotFittedError",
    "ParameterError",
    "TrainingError",
]


class L0GMError(Exception):
    """Base class of every error that l0gm raises on purpose."""


class ParameterError(L0GMError, ValueError):
    """An argument has a value that cannot be used."""


class DataError(L0GMError, ValueError):
    """The rows, columns or labels cannot be used as they are."""


class CellTypeError(DataError, TypeError):
    """A cell of the table holds a list, a mapping or the like."""


class DatasetError(L0GMError):
    """A registered data set is unknown, cannot be found or fails its checksum."""


class NotFittedError(L0GMError, ValueError, AttributeError):
    """The object has to be fitted first."""


class TrainingError(L0GMError, RuntimeError):
    """Training cannot go on: there are no rows, or the loss is not finite."""


class CompactionError(L0GMError, RuntimeError):
    """The compacted model does not compute the function of the gated model."""


class ArtifactError(L0GMError):
    """A model file is missing, damaged, foreign or of an unknown format version."""


class MissingExtraError(L0GMError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(f"{what} needs {package}, which is not installed: pip install 'l0gm[{extra}]'")
