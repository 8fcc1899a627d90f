"""Whether two samples come from one distribution: rates, counts in slots, and many such questions at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PSI", "chi_square_tail", "holm", "population_stability", "rates_differ"]

LEAST_EXPECTED = 10.0


class PSI(NamedTuple):
    """A population stability index, what chance alone makes of it on average, and how likely chance makes it larger.

    Neighbouring slots were merged until each of the ``n_slots`` has enough rows.
    """

    value: float
    by_chance: float
    p_value: float
    n_slots: int


def population_stability(before: ArrayLike, after: ArrayLike) -> PSI | None:
    """Compare counts of the same slots in two samples; ``None`` where they have too few rows for two slots.

    PSI = sum_k (p_k - q_k) log(p_k / q_k) with the shares p and q of K slots in samples of n and m rows. If both come
    from one distribution, PSI / (1/n + 1/m) follows a chi-square distribution with K - 1 degrees of freedom
    (Yurdakul 2018, "Statistical properties of population stability index"), of mean (K - 1)(1/n + 1/m).

    Slots are merged with their neighbours until each is expected to have 10 rows of the smaller sample, and half a
    row is added to each: so the probability holds up to a factor of two, down to one in a thousand.

    Parameters
    ----------
    before, after : array_like of int, shape (slots,)
        Put slots side by side that may be merged.
    """
    counts = np.stack([np.asarray(before, np.float64), np.asarray(after, np.float64)])
    sizes = counts.sum(1, keepdims=True)
    smaller = float(sizes.min())
    if smaller == 0.0:
        return None
    expected = counts.sum(0) * (smaller / sizes.sum())
    first, held = [0], 0.0
    for slot, rows in enumerate(expected.tolist()):
        if held >= LEAST_EXPECTED:
            first.append(slot)
            held = 0.0
        held += rows
    if held < LEAST_EXPECTED:
        first.pop()
    k = len(first)
    if k < 2:
        return None
    merged = np.add.reduceat(counts, first, axis=1) + 0.5
    p, q = merged / merged.sum(1, keepdims=True)
    value = float(((p - q) * np.log(p / q)).sum())
    noise = float((1.0 / sizes).sum())
    return PSI(value, (k - 1) * noise, chi_square_tail(value / noise, k - 1), k)


def rates_differ(a: int, n: int, b: int, m: int) -> float:
    """Return how likely chance alone makes the rates ``a`` of ``n`` and ``b`` of ``m`` rows differ at least as much.

    Fisher's exact test, two-sided: given a + b in all, ``b`` has a hypergeometric distribution; the probabilities of
    all outcomes that are no more likely than the one found are added up. It is exact for the share of new values
    beyond the largest of n old ones, too (a = 0).
    """
    total, hits = n + m, a + b
    if n == 0 or m == 0 or hits in (0, total):
        return 1.0
    mode = (m + 1) * (hits + 1) // (total + 2)
    spread = math.sqrt(hits / total * (total - hits) / total * m * n / (total - 1))
    reach = 400 + int(40 * spread)  # what lies beyond is below 1e-100
    low, high = max(0, hits - n, mode - reach), min(m, hits, mode + reach)
    if not low <= b <= high:
        return 0.0
    k = np.arange(low, high, dtype=np.float64)
    steps = np.log((hits - k) * (m - k) / ((k + 1.0) * (n - hits + k + 1.0)))
    log_p = np.concatenate([[0.0], np.cumsum(steps)])
    p = np.exp(log_p - log_p.max())
    return float(p[p <= p[b - low] * (1.0 + 1e-7)].sum() / p.sum())


def chi_square_tail(x: float, degrees: int) -> float:
    """Return the probability that a chi-square variable of ``degrees`` degrees of freedom exceeds ``x``.

    By Q(a + 1, y) = Q(a, y) + y^a e^-y / Gamma(a + 1) from a = 1/2 or 1 on (Abramowitz and Stegun, 26.4).
    """
    y = max(x, 0.0) / 2.0
    if y == 0.0:
        return 1.0
    total = math.erfc(math.sqrt(y)) if degrees % 2 else math.exp(-y)
    for step in range((degrees - 1) // 2):
        a = step + (0.5 if degrees % 2 else 1.0)
        total += math.exp(a * math.log(y) - y - math.lgamma(a + 1.0))
    return min(total, 1.0)


def holm(p_values: Sequence[float], level: float) -> NDArray[np.bool_]:
    """Return which hypotheses fall if the chance of even one false one among them shall be at most ``level``.

    Holm (1979): the smallest of t probabilities is held against level / t, the next against level / (t - 1), and so
    on to the first that passes.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stands = p[order] > level / np.arange(len(p), 0, -1)
    fallen = np.zeros(len(p), dtype=bool)
    fallen[order[: int(stands.argmax()) if stands.any() else len(p)]] = True
    return fallen
