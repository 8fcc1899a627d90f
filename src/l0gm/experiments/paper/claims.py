"""What the paper claims, and what our runs say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from l0gm.experiments.paper.results import HIGHER, Result, best, difference

__all__ = ["MARGIN", "NAMES", "Claim", "Verdict", "ahead", "ahead_of_all", "alike", "as_good", "untested"]

Verdict = Literal["holds", "holds weakly", "does not hold here", "cannot be tested here"]
MARGIN = 0.005
"""How far apart two methods may be and still count as the same."""
NAMES = {
    "accuracy": "accuracy", "auc": "AUC", "log_loss": "log loss", "ece": "ECE", "rob_mu": "Rob mu",
    "active": "open fraction", "weights": "open weights", "us_a_row": "latency",
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
        Holds: the 95 % interval of the difference lies on the claimed side of 0. Weakly: the mean does; and a worst
        seed never does more, since it has no interval.
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
        return _worst(claim, paper, a, b)
    found = difference(a, b, measure)
    here, there = a.summary(measure), b.summary(measure)
    if found is None or here is None or there is None:
        return untested(claim, paper, f"{NAMES[measure]} needs a value in two seeds of both")
    text = (
        f"{NAMES[measure]} {here['mean']:.4f} against {there['mean']:.4f} ({b.variant.title}): {found.mean:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}]"
    )
    gained = found.mean > 0.0 if HIGHER[measure] else found.mean < 0.0
    verdict: Verdict = "does not hold here" if not gained else "holds" if found.decided else "holds weakly"
    return Claim(claim, paper, text, verdict)


def as_good(claim: str, paper: str, a: Result | None, b: Result | None, measure: str) -> Claim:
    """Return whether ``a`` is not worse than ``b`` by more than MARGIN."""
    return _within(claim, paper, a, b, measure, worse_alone=True)


def alike(claim: str, paper: str, a: Result | None, b: Result | None, measure: str) -> Claim:
    """Return whether ``a`` and ``b`` are the same in a measure: not apart by more than MARGIN."""
    return _within(claim, paper, a, b, measure, worse_alone=False)


def _within(claim: str, paper: str, a: Result | None, b: Result | None, measure: str, worse_alone: bool) -> Claim:
    """Return whether a difference stays within MARGIN: holds where the interval does, weakly where the mean does."""
    found = None if a is None or b is None else difference(a, b, measure)
    if found is None:
        return untested(claim, paper, "the two were not run with two seeds each")
    text = f"{NAMES[measure]}: {found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}], margin {MARGIN:g}"
    sign = -1.0 if HIGHER[measure] else 1.0  # of what is worse
    low, high = sorted((sign * found.low, sign * found.high))
    mean, low = sign * found.mean, 0.0 if worse_alone else low
    if low >= -MARGIN and high <= MARGIN:
        return Claim(claim, paper, text, "holds")
    inside = mean <= MARGIN if worse_alone else abs(mean) <= MARGIN
    return Claim(claim, paper, text, "holds weakly" if inside else "does not hold here")


def _worst(claim: str, paper: str, a: Result, b: Result) -> Claim:
    """Return whether the worst seed of ``a`` is better than that of ``b``, of seeds that both have: at best weakly."""
    seeds = [seed for seed in a.seeds if seed in b.seeds]
    here, there = a.values("accuracy", seeds), b.values("accuracy", seeds)
    if here is None or there is None or len(seeds) < 2:
        return untested(claim, paper, "the worst of seeds needs two seeds of both")
    text = f"worst accuracy {min(here):.4f} against {min(there):.4f} ({b.variant.title}), {len(seeds)} seeds"
    return Claim(claim, paper, text, "holds weakly" if min(here) > min(there) else "does not hold here")


def ahead_of_all(claim: str, paper: str, ours: Result | None, others: Sequence[Result], measure: str) -> Claim:
    """Return whether one is better than the best of the others."""
    if measure == "worst":
        known = [other for other in others if other.summary("accuracy") is not None]
        rival = max(known, key=lambda other: other.summary("accuracy")["worst"], default=None)  # type: ignore[index]
    else:
        rival = best(others, measure)
    return ahead(claim, paper, ours, rival, measure)
