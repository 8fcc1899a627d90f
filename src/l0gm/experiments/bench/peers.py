"""The peers by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from l0gm.errors import ParameterError
from l0gm.experiments.bench.boosters import CatBoost, CatBoostCategories, HistGB, LightGBM, XGBoost
from l0gm.experiments.bench.compiled import LLeaves, TL2cgen
from l0gm.experiments.bench.contestant import LeftOutError, Peer
from l0gm.experiments.bench.inputs import Coder, Rows
from l0gm.experiments.bench.mlp import MLP

__all__ = ["PACKAGES", "PEERS", "chosen_peers", "fit_peers"]

PEERS: dict[str, type[Peer]] = {
    peer.key: peer for peer in (CatBoost, CatBoostCategories, XGBoost, LightGBM, LLeaves, TL2cgen, HistGB, MLP)
}
PACKAGES = tuple(dict.fromkeys(package for peer in PEERS.values() for package in peer.packages))


def chosen_peers(names: Sequence[str] | None) -> list[type[Peer]]:
    """Return the peers of these names, all where there are none.

    Raises
    ------
    ParameterError
        If there is no such peer.
    """
    for name in names or ():
        if name not in PEERS:
            raise ParameterError(f"--peers {name}: there is no such peer; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names] if names else list(PEERS.values())


def fit_peers(
    peers: Sequence[type[Peer]],
    train: Rows,
    valid: Rows,
    n_classes: int,
    *,
    coder: Coder,
    seed: int,
    threads: int,
    most: int,
    told: Callable[[str], None],
) -> tuple[dict[Peer, float], dict[str, str]]:
    """Fit the peers on the same rows.

    Parameters
    ----------
    peers : sequence of Peer classes
    train, valid : Rows
        To fit on, and to stop early on.
    n_classes : int
    coder : Coder
    seed, threads, most : int
        Of training; ``most`` trees or epochs at most.
    told : callable
        Called with a line on each fit.

    Returns
    -------
    fitted : dict from Peer to float
        Seconds of each fit.
    left_out : dict from str to str
        By the name of each peer that could not take part: why.
    """
    fitted: dict[Peer, float] = {}
    left_out: dict[str, str] = {}
    for kind in peers:
        peer = kind(coder, n_classes, seed=seed, threads=threads, most=most)
        started = time.perf_counter()
        try:
            peer.fit(train, valid)
        except LeftOutError as error:
            left_out[peer.name] = str(error)
        except Exception as error:  # whatever a foreign library raises on these rows; the others go on
            first = (str(error).strip().splitlines() or [""])[0]
            left_out[peer.name] = f"it failed ({type(error).__name__}: {first})"
        if peer.name in left_out:
            told(f"{peer.name}: left out, {left_out[peer.name]}")
            continue
        fitted[peer] = time.perf_counter() - started
        told(f"{peer.name}: fitted in {fitted[peer]:.0f} s")
    return fitted, left_out
