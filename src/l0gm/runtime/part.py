"""The contract of a part: what a compacted model makes of one text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.ragged import Ragged
from l0gm.data.texts import TextField

__all__ = ["TextPart"]


class TextPart(ABC):
    """From a text's numbers to the values that the predictor reads."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def width(self) -> int:
        """Values a text."""

    @abstractmethod
    def values(self, rows: Ragged) -> NDArray[np.float32]:
        """Return float32 (n, width)."""

    @abstractmethod
    def restrict(self, columns: NDArray[np.bool_]) -> TextPart:
        """Return the part that makes these values alone, (width,)."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""

    def heaviest(self, field: TextField, out: NDArray[np.float32], most: int) -> list[tuple[str, list[float]]]:
        """Return up to ``most`` pieces of text that move the logits most, each with what it adds to them, (C,).

        ``out`` (C, width) is what the values are multiplied with. A network over whole texts has no such pieces.
        """
        return []

    def structure(self) -> dict[str, Any]:
        """Return what is needed beside the arrays, as json can hold it."""
        return {"kind": self.kind}
