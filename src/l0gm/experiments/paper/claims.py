"""What the paper claims, and what our runs say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from l0gm.experiments.paper.results import HIGHER, Result, best, difference

__all__ = ["MARGIN", "NAMES", "Claim", "ahead", "ahead_of_all", "alike", "untested"]

Verdict = Literal["holds", "holds weakly", "does not hold here", "cannot be tested here"]
MARGIN = 0.005
"""How far apart two methods may be and still count as the same."""
NAMES = {
    "accuracy": "accuracy", "auc": "AUC", "log_loss": "log loss", "ece": "ECE", "rob_mu": "Rob mu",
    "active": "open fraction", "us_a_row": "latency",
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """One claim.

    Parameters
    ----------
    claim : str
    paper : str
        The paper's figures.
    ours : str
        What was seen.
    verdict : {"holds", "holds weakly", "does not hold here", "cannot be tested here"}
        Holds: the 95 % interval of the difference lies on the claimed side of 0. Weakly: the mean does.
    """

    claim: str
    paper: str
    ours: str
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def untested(claim: str, paper: str, why: str) -> Claim:
    """Return a claim that could not be tested, and why."""
    return Claim(claim, paper, why, "cannot be tested here")


def ahead(claim: str, paper: str, a: Result | None, b: Result | None, measure: str) -> Claim:
    """Return whether ``a`` is better than ``b`` in a measure; with the worst seed where ``measure`` is ``"worst"``."""
    if a is None or b is None:
        return untested(claim, paper, "a method that it compares was not run")
    if measure == "worst":
        here, there = a.summary("accuracy"), b.summary("accuracy")
        if here is None or there is None:
            return untested(claim, paper, "there is no accuracy")
        text = f"worst accuracy {here['worst']:.4f} against {there['worst']:.4f} ({b.variant.title}), {_over(a)}"
        return Claim(claim, paper, text, "holds weakly" if here["worst"] > there["worst"] else "does not hold here")
    found = difference(a, b, measure)
    here, there = a.summary(measure), b.summary(measure)
    if found is None or here is None or there is None:
        return untested(claim, paper, f"{NAMES[measure]} has no value in two seeds of both")
    text = (
        f"{NAMES[measure]} {here['mean']:.4f} against {there['mean']:.4f} ({b.variant.title}): {found.mean:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}]"
    )
    gained = found.mean > 0.0 if HIGHER[measure] else found.mean < 0.0
    verdict: Verdict = "does not hold here" if not gained else "holds" if found.decided else "holds weakly"
    return Claim(claim, paper, text, verdict)


def alike(claim: str, paper: str, a: Result | None, b: Result | None, measure: str) -> Claim:
    """Return whether ``a`` and ``b`` are the same in a measure: holds where the interval stays within MARGIN of 0."""
    found = None if a is None or b is None else difference(a, b, measure)
    if found is None:
        return untested(claim, paper, "the two were not run with two seeds each")
    text = f"{NAMES[measure]}: {found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    within = found.low >= -MARGIN and found.high <= MARGIN
    verdict: Verdict = "holds" if within else "does not hold here" if found.decided else "holds weakly"
    return Claim(claim, paper, text, verdict)


def ahead_of_all(claim: str, paper: str, ours: Result | None, others: Sequence[Result], measure: str) -> Claim:
    """Return whether one is better than the best of the others."""
    if measure == "worst":
        known = [other for other in others if other.summary("accuracy") is not None]
        rival = max(known, key=lambda other: other.summary("accuracy")["worst"], default=None)  # type: ignore[index]
    else:
        rival = best(others, measure)
    return ahead(claim, paper, ours, rival, measure)


def _over(result: Result) -> str:
    return f"{len(result.records)} seeds"
