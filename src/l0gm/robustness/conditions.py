"""The twelve conditions of the robustness protocol (the paper's Appendix B), in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from l0gm.errors import ParameterError

__all__ = ["CONDITIONS", "FAMILIES", "Condition", "Family"]

Family = Literal["missing", "noise", "quantisation", "occlusion"]
FAMILIES: tuple[Family, ...] = get_args(Family)

MOST_BITS = 32


@dataclass(frozen=True)
class Condition:
    """One way to corrupt inputs, and how much.

    Parameters
    ----------
    family : {"missing", "noise", "quantisation", "occlusion"}
    level : float
        Of ``missing``, the chance of a cell (or word) to be lost, 0 to 1; of ``noise``, its standard deviation in
        units of the training rows' one, from 0; of ``quantisation``, bits, 1 to 32; of ``occlusion``, the share of
        the columns (or words) in the lost block, 0 to 1.

    Raises
    ------
    ParameterError
        If there is no such family, or the level means nothing.
    """

    family: Family
    level: float

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ParameterError(f"family={self.family!r}: choose one of {', '.join(FAMILIES)}")
        if isinstance(self.level, bool) or not isinstance(self.level, int | float):
            raise ParameterError(f"level={self.level!r}: give a number")
        if self.family == "quantisation":
            good, range_ = float(self.level).is_integer() and 1 <= self.level <= MOST_BITS, f"bits, 1 to {MOST_BITS}"
        elif self.family == "noise":
            good, range_ = 0.0 <= self.level < float("inf"), "standard deviations, from 0"
        else:
            good, range_ = 0.0 <= self.level <= 1.0, "a share, 0 to 1"
        if not good:
            raise ParameterError(f"level={self.level!r} of {self.family}: give {range_}")

    @property
    def name(self) -> str:
        """Family and level, such as ``missing 0.1``."""
        return f"{self.family} {self.level:g}"

    @property
    def needs_numbers(self) -> bool:
        """Whether it acts on numeric columns alone."""
        return self.family in ("noise", "quantisation")


CONDITIONS: tuple[Condition, ...] = (
    *(Condition("missing", share) for share in (0.1, 0.3, 0.5)),
    *(Condition("noise", deviations) for deviations in (0.05, 0.10, 0.20)),
    *(Condition("quantisation", bits) for bits in (8, 6, 4)),
    *(Condition("occlusion", share) for share in (0.1, 0.2, 0.3)),
)
"""The paper's twelve, fixed for all methods: comparable figures use these and no others."""
