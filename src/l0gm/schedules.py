"""How temperature and sparsity pressure move with the progress of training: pure functions of progress in [0, 1].

Training walks through four phases: warm-up (no pressure), ramp (pressure grows, temperature falls), hold (full
pressure, until the gates have decided) and fine-tuning (gates fixed). Paper: section 4, Algorithm 1, Table 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from l0gm.errors import ParameterError

__all__ = ["PathSchedule", "Schedule", "TargetControl", "cosine"]


def cosine(x: float) -> float:
    """Rise from 0 at x <= 0 to 1 at x >= 1 along half a cosine."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(x, 0.0), 1.0))


@dataclass(frozen=True)
class Schedule:
    """The phases as fractions of all steps; what ``warmup``, ``ramp`` and ``hold`` leave is fine-tuning.

    Parameters
    ----------
    warmup : float
        Fraction without pressure. Table 7: 0.05 to 0.20.
    ramp : float
        Fraction over which the pressure grows to its whole size and the temperature falls. With ``ramp=0``
        both jump there at once: the paper's "no annealing" when the two temperatures are equal too.
    hold : float
        Fraction at full pressure before the gate is hardened.
    start_temperature, end_temperature : float
        Table 7: end temperatures of 0.5 to 2.0.

    Raises
    ------
    ParameterError
        If a fraction is negative, their sum is above 1, or a temperature is not positive.
    """

    warmup: float = 0.1
    ramp: float = 0.4
    hold: float = 0.1
    start_temperature: float = 2.0
    end_temperature: float = 0.5

    def __post_init__(self) -> None:
        for name in ("warmup", "ramp", "hold"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ParameterError(f"{name}={getattr(self, name)}: a fraction of training between 0 and 1")
        if self.warmup + self.ramp + self.hold > 1.0 + 1e-9:
            raise ParameterError(f"warmup + ramp + hold = {self.warmup + self.ramp + self.hold:g}: together at most 1")
        for name in ("start_temperature", "end_temperature"):
            if not getattr(self, name) > 0.0:
                raise ParameterError(f"{name}={getattr(self, name)}: it must be positive")

    @property
    def ramp_end(self) -> float:
        """Progress at which the pressure is whole."""
        return self.warmup + self.ramp

    @property
    def harden_at(self) -> float:
        """Progress at which the gate is hardened."""
        return min(self.ramp_end + self.hold, 1.0)

    def holds(self, progress: float) -> bool:
        """Return whether the pressure is whole, or the target reached: what counts then is the binary count."""
        return progress >= self.ramp_end

    def ramp_position(self, progress: float) -> float:
        """Return how far the ramp is, 0 in the warm-up and 1 from its end on."""
        if self.ramp == 0.0:
            return float(progress >= self.warmup)
        return min(max((progress - self.warmup) / self.ramp, 0.0), 1.0)

    def pressure(self, progress: float) -> float:
        """Return the share of the penalty that acts, 0 to 1 (cosine)."""
        return cosine(self.ramp_position(progress))

    def temperature(self, progress: float) -> float:
        """Return the temperature of the samples: start to end along a cosine over the ramp."""
        share = cosine(self.ramp_position(progress))
        return self.start_temperature + (self.end_temperature - self.start_temperature) * share

    def target(self, progress: float, dim: int, k: int) -> float:
        """Return the open count to aim at: from ``dim`` to ``k``, geometrically, along the ramp."""
        return dim * math.exp(math.log(k / dim) * cosine(self.ramp_position(progress)))


@dataclass(frozen=True)
class PathSchedule(Schedule):
    """A target that falls through several, with a ramp to each and a hold there, in which the model is copied.

    The warm-up is that of a single training; of the rest, RAMPS are ramps, each in proportion to the logarithm of how
    far the target falls, and the holds share the others evenly. The temperature falls along the first ramp. ``ramp``
    says how fast gates learn, as in a single training, and ``hold`` nothing.

    Parameters
    ----------
    shares : tuple of float
        Fractions of the dimensions, from the largest to the smallest.

    Raises
    ------
    ParameterError
        If there is none, one is not above 0 and at most 1, or one is larger than the one before it.
    """

    shares: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        super().__post_init__()
        falling = all(high >= low for high, low in pairwise((1.0, *self.shares)))
        if not self.shares or not falling or not self.shares[-1] > 0.0:
            raise ParameterError(f"shares={self.shares}: fractions above 0 and at most 1, the largest first")

    @property
    def harden_at(self) -> float:
        """Progress at which the gate is hardened: the end."""
        return 1.0

    @property
    def stages(self) -> list[tuple[float, float]]:
        """For each share the progress at which its ramp ends and at which its hold does."""
        rest, count = 1.0 - self.warmup, len(self.shares)
        falls = [math.log(high / low) for high, low in pairwise((1.0, *self.shares))]
        whole = sum(falls)
        ramps = [RAMPS * rest * fall / whole if whole else 0.0 for fall in falls]
        hold = (rest - sum(ramps)) / count
        stages, at = [], self.warmup
        for ramp in ramps:
            stages.append((at + ramp, at + ramp + hold))
            at += ramp + hold
        return [*stages[:-1], (stages[-1][0], 1.0)]

    def temperature(self, progress: float) -> float:
        """Return the temperature of the samples: start to end along a cosine over the first ramp that falls."""
        first = next((end for end, _ in self.stages if end > self.warmup), 1.0)
        share = cosine((progress - self.warmup) / (first - self.warmup))
        return self.start_temperature + (self.end_temperature - self.start_temperature) * share

    def holds(self, progress: float) -> bool:
        """Return whether a share is reached and its hold is not over."""
        return any(ramp_end <= progress < hold_end for ramp_end, hold_end in self.stages) or progress >= 1.0

    def target(self, progress: float, dim: int, k: int) -> float:
        """Return the open count to aim at: geometrically from share to share; ``k`` is not looked at."""
        begin, high = self.warmup, 1.0
        for share, (ramp_end, hold_end) in zip(self.shares, self.stages, strict=True):
            if progress < hold_end:
                position = cosine((progress - begin) / (ramp_end - begin)) if ramp_end > begin else 1.0
                return dim * high * math.exp(math.log(share / high) * position)
            begin, high = hold_end, share
        return dim * self.shares[-1]


RAMPS = 2 / 3


class TargetControl:
    """Dual ascent on the constraint "expected open count = target": its multiplier is the penalty.

    Parameters
    ----------
    dim : int
        Number of gated dimensions.
    steps : int
        Length of the ramp in steps; the multiplier's speed is in proportion to its inverse.
    scale : float
        Loss to be shared out among the dimensions, in nats: the entropy of the labels. Penalties are in units of
        ``scale / dim``, so that the gains below do for any data.
    integral : float
        Growth of the multiplier over a whole ramp, a unit of error; errors are fractions of ``dim``.
    relative : float
        Growth of the multiplier's logarithm over a whole ramp, a unit of the error as a fraction of the target: a
        few dimensions too many are little of ``dim``, and much of a small target.
    proportional : float
        Part of the penalty that follows the error at once.
    slack : (float, float)
        Where the count falls below the target, the penalty falls with it: it is gone at a shortfall of the first
        number as a fraction of ``dim`` or the second as a fraction of the target, whichever is less, and turns
        round beyond, to reopen gates. Between a gate's decision and its count lie hundreds of steps, in which the
        multiplier alone would go on closing.

    Notes
    -----
    The penalty multiplies the SUM over dimensions, as the paper's lambda does (Eq. 6).
    """

    def __init__(
        self,
        dim: int,
        steps: int,
        scale: float,
        *,
        integral: float = 50.0,
        relative: float = 5.0,
        proportional: float = 4.0,
        slack: tuple[float, float] = (0.01, 0.05),
    ) -> None:
        self.dim = dim
        self.unit = scale / dim
        self.integral = integral / max(steps, 1)
        self.relative = relative / max(steps, 1)
        self.proportional = proportional
        self.slack = slack
        self.multiplier = 0.0

    def state_dict(self) -> dict[str, float]:
        """Return all that :meth:`update` changes."""
        return {"multiplier": self.multiplier}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from there."""
        self.multiplier = state["multiplier"]

    def update(self, n_open: float, target: float) -> float:
        """Take one step of dual ascent, given the open count or its expectation; return the penalty to use now."""
        error = (n_open - target) / self.dim
        growth = math.exp(self.relative * min((n_open - target) / target, 1.0))
        self.multiplier = max((self.multiplier + self.integral * error) * growth, 0.0)
        slack = min(self.slack[0], self.slack[1] * target / self.dim)
        held = self.multiplier * max(1.0 + min(error, 0.0) / slack, -1.0)
        return self.unit * (held + self.proportional * error)
