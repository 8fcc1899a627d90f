"""Who works on the units of a sweep, on a Ray cluster: tasks that take one core each and share the sweep's folder."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from l0gm.errors import MissingExtraError, ParameterError
from l0gm.experiments.crew import POLL, Ledger, Order, Outcome, settled
from l0gm.experiments.points import Unit

__all__ = ["work_on_ray"]

RETRIES = 3
"""How often a unit is begun again when the process that works on it dies."""


def work_on_ray(ledger: Ledger, order: Order, address: str, jobs: int) -> None:
    """Work on all units in tasks of a Ray cluster; a task whose process dies is begun again.

    The folder has to be one that all nodes of the cluster see. What a process on this host left when it died is taken
    over; the claim of one that died on another host names its file, to be deleted.

    Parameters
    ----------
    ledger : Ledger
    order : Order
    address : str
        ``"local"`` starts a cluster of ``jobs`` cores on this machine and ends it afterwards; ``"auto"``, ``HOST:PORT``
        or ``ray://HOST:PORT`` is one that runs.
    jobs : int
        Units that are worked on at a time, at most as many as the cluster has cores.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    ParameterError
        If there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("ray", "sweep", "a sweep on a Ray cluster")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    ray = import_module("ray")
    local = {"num_cpus": jobs, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise ParameterError(
            f"--ray {address}: there is no cluster ({first}); start one with ray start --head, or give local"
        ) from error
    at_work: dict[Any, Unit] = {}
    try:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(settled)
        shared = ray.put(order._replace(folder=order.folder.resolve()))
        while ledger.waiting or at_work:
            while len(at_work) < jobs and (unit := ledger.take()) is not None:
                at_work[task.remote(shared, unit)] = unit
            done, _ = ray.wait(list(at_work), timeout=POLL) if at_work else ([], [])
            for reference in done:
                unit = at_work.pop(reference)
                try:
                    outcome = ray.get(reference)
                except ray.exceptions.RayError as error:
                    first = (str(error).strip().splitlines() or [""])[0]
                    outcome = Outcome("failed", f"{type(error).__name__}: {first}")
                ledger.settle(unit, outcome)
    finally:
        for reference in at_work:
            with suppress(Exception):  # it may have ended, or the cluster may be gone
                ray.cancel(reference)
        ray.shutdown()
