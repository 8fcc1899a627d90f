"""Sweeps: a fit for each value of the knob and each seed, or a path a seed, in several processes, and their front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import l0gm
from l0gm.data.graphs import as_graph
from l0gm.errors import ParameterError
from l0gm.experiments.crew import Ledger, Order, Task, Told, Trainer, work_here, work_in_processes
from l0gm.experiments.fronts import METRICS, SHOWN, falling, summarise_values, write_front
from l0gm.experiments.machine import versions
from l0gm.experiments.nodes import _nodes
from l0gm.experiments.on_ray import work_on_ray
from l0gm.experiments.paths import FOLDER, SeedPath, cost, distances, train_path, write_points
from l0gm.experiments.points import Point, Points, Unit
from l0gm.experiments.records import plain
from l0gm.experiments.rows import _rows
from l0gm.experiments.seeds import FOLDERS, MODEL, NOT_SETTINGS, Subject, fit_seeds
from l0gm.runtime import load

__all__ = ["run_graph_sweep", "run_sweep", "train_point"]

KNOBS = ("active", "penalty")


def train_point(task: Task, point: Point, folder: Path) -> dict[str, Any]:
    """Fit, compact, save and measure the model of a point by :func:`l0gm.experiments.seeds.fit_seeds`.

    A fit that was cut short goes on from its checkpoint.
    """
    records: list[dict[str, Any]] = []
    fit_seeds(
        task.subject,
        {**task.parameters, point.knob: point.value},
        {},
        seeds=[point.seed],
        out=folder,
        dense=False,
        overwrite=False,
        about=task.about,
        progress=False,
        on_fit=lambda seed, role, record: records.append(record),
    )
    (record,) = records
    model = folder / FOLDERS["gated"].format(point.seed) / MODEL
    return {
        "validation": load(model).information["metrics"].get("validation"),
        "test": record["test"],
        **{name: record[name] for name in ("n_open", "n_dimensions", "n_parameters", "model_bytes", "epochs", "notes")},
        "seconds": record["fit_seconds"],
        "model": str(model.relative_to(folder.parent.parent)),
        "versions": versions(),
        "hardware": record["hardware"],
    }


def run_sweep(
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    *,
    active: Sequence[float] | None = None,
    penalty: Sequence[float] | None = None,
    seeds: Sequence[int],
    out: str | Path,
    metric: str = "log_loss",
    jobs: int = 1,
    ray: str | None = None,
    path: bool = False,
    about: Mapping[str, Any] | None = None,
    told: Told | None = None,
    trainer: Trainer | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Fit one model for each value of the knob and each seed, and say which values are on the Pareto front.

    Each point leaves ``points/HASH.json``, named by the sha256 of its configuration (parameters, rows, seed, versions),
    and its model in ``models/HASH/``. What is there is not done again, and a fit that was cut short goes on from its
    checkpoint, so that the same call goes on where an earlier one was stopped, even killed. Several sweeps may use one
    folder at the same time: they share finished points, and each point is trained by one process. ``front.json``,
    ``front.csv`` and ``front.md`` are those of the sweep that ended last.

    The front is that of the mean of ``metric`` over the VALIDATION rows against the mean open fraction; the measures on
    the test rows stand beside, and decide nothing.

    Parameters
    ----------
    X_train, X_test : table (n, columns)
        Or parquet files, as :meth:`l0gm.L0GMClassifier.fit` takes them.
    y_train, y_test : sequence (n,)
        Labels; with files, or the name of their column.
    active, penalty : sequence of float
        The values of one of the two.
    seeds : sequence of int
        The ``random_state`` of each fit of a value, all different.
    out : path
        The folder.
    metric : {"log_loss", "auc", "accuracy", "brier", "ece"}
        The quality that the front is drawn by.
    jobs : int
        How many points are fitted at a time, each in a process of one thread. With 1 they are fitted in this process.
    ray : str, optional
        The address of a Ray cluster that fits the points, ``jobs`` at a time
        (:func:`l0gm.experiments.on_ray.work_on_ray`).
    path : bool
        Whether all values of a seed come out of one training, from dense to sparse
        (:meth:`l0gm.L0GMClassifier.fit_path`), which leaves ``paths/HASH.json`` beside its points. Where points of
        independent fits are in the folder, too, each value's ``independent`` says how far the path is from them.
    about : mapping, optional
        Entries on the data (``data``, ``split``, ``target``) for the front and the model files.
    told : callable, optional
        Called with a line whenever something has become of a point, or of a path.
    trainer : callable, optional
        What makes the record of a point, or of a path; for several jobs it has to be importable.
    **options
        Of :class:`l0gm.L0GMClassifier`, but for ``active``, ``penalty``, ``random_state`` and ``initial_model``.

    Returns
    -------
    dict
        The content of ``front.json``; ``failed`` says which points could not be fitted, and why.

    Raises
    ------
    ParameterError
        If an argument is out of range, or the folder cannot be written to.
    DataError
        If the data cannot be used.
    MissingExtraError
        If Ray is not installed, which ``ray`` needs.
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says how many points are finished.
    """
    knob, values = _values(active, penalty)
    plan = _Plan(knob, values, seeds, Path(out), metric, jobs, ray, path, dict(about or {}), told, trainer)
    parameters = _parameters(l0gm.L0GMClassifier, plan, options)
    return _swept(plan, _rows(X_train, y_train, X_test, y_test, None), parameters)


def run_graph_sweep(
    graph: Any,
    y: Any,
    *,
    train: Any,
    test: Any,
    validation: Any = None,
    active: Sequence[float] | None = None,
    penalty: Sequence[float] | None = None,
    seeds: Sequence[int],
    out: str | Path,
    metric: str = "log_loss",
    jobs: int = 1,
    ray: str | None = None,
    about: Mapping[str, Any] | None = None,
    told: Told | None = None,
    trainer: Trainer | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Sweep over the nodes of a graph: all is as with :func:`run_sweep`, but that there are no paths.

    Parameters
    ----------
    graph, y, train, test, validation
        As in :func:`l0gm.experiments.run_graph_seeds`.
    active, penalty, seeds, out, metric, jobs, ray, about, told, trainer
        As in :func:`run_sweep`, and so are what it returns and its errors.
    **options
        Of :class:`l0gm.L0GMNodeClassifier`, but for ``active``, ``penalty`` and ``random_state``.
    """
    knob, values = _values(active, penalty)
    plan = _Plan(knob, values, seeds, Path(out), metric, jobs, ray, False, dict(about or {}), told, trainer)
    parameters = _parameters(l0gm.L0GMNodeClassifier, plan, options)
    given = {"train": train, "validation": validation, "test": test}
    return _swept(plan, _nodes(as_graph(graph), y, given, False), parameters)


@dataclass
class _Plan:
    """What a sweep is asked for; see :func:`run_sweep`."""

    knob: str
    values: list[float]
    seeds: Sequence[int]
    folder: Path
    metric: str
    jobs: int
    ray: str | None
    path: bool
    about: dict[str, Any]
    told: Told | None
    trainer: Trainer | None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ParameterError(f"metric={self.metric!r}: choose one of {', '.join(METRICS)}")
        if self.jobs < 1:
            raise ParameterError(f"jobs={self.jobs}: at least 1")
        self.seeds = seeds = [int(seed) for seed in self.seeds]
        if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ParameterError(f"seeds={seeds}: give one or more different whole numbers, none of them negative")


def _swept(plan: _Plan, subject: Subject, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit what is missing, and write the front."""
    knob, values, seeds, folder, path = plan.knob, plan.values, plan.seeds, plan.folder, plan.path
    settings = {name: value for name, value in parameters.items() if name not in NOT_SETTINGS}
    settings = plain({**settings, **subject.conditions(), **versions()})
    task = Task(subject, parameters, plan.about)
    alone = [Point.of(knob, value, seed, settings) for seed in seeds for value in values]
    paths = [SeedPath.of(values, seed, settings) for seed in seeds] if path else []
    points = [point for one in paths for point in one.points] if path else alone
    store = Points(folder)

    units: Sequence[Unit] = paths or points
    ledger = Ledger(Points(folder, FOLDER) if path else store, units, plan.told or (lambda line: None))
    trainer = plan.trainer or (train_path if path else train_point)
    order = Order(folder, task, trainer, FOLDER) if path else Order(folder, task, trainer)
    try:
        if plan.ray is not None:
            work_on_ray(ledger, order, plan.ray, plan.jobs)
        elif plan.jobs == 1:
            work_here(ledger, order)
        else:
            work_in_processes(ledger, order, plan.jobs)
    except KeyboardInterrupt as interruption:
        there = sum(ledger.store.found(unit) is not None for unit in units)
        where = KeyboardInterrupt(
            "; ".join([*map(str, interruption.args), f"{there} of {len(units)} {order.name} are there"])
        )
        where.add_note("The same call goes on from there.")
        raise where from None
    write_points(folder, paths)

    records = [record for point in points if (record := store.found(point)) is not None]
    front: dict[str, Any] = {
        "knob": knob,
        "metric": plan.metric,
        "seeds": seeds,
        **task.about,
        **subject.counts(),
        "values": summarise_values(values, seeds, records, plan.metric),
        "falling": falling(values, records) if knob == "penalty" else None,
        "failed": [{"point": point.digest, "what": str(point), "why": why} for point, why in ledger.failed.items()],
        "options": {name: value for name, value in settings.items() if name not in KNOBS},
        "versions": versions(),
    }
    if path:
        independent = [record for point in alone if (record := store.found(point)) is not None]
        front["path"] = cost(records, independent)
        for entry in front["values"]:
            entry["independent"] = distances(entry, records, independent)
    front["notes"] = _notes(front)
    front = plain(front)
    write_front(front, folder)
    return front


def _values(active: Sequence[float] | None, penalty: Sequence[float] | None) -> tuple[str, list[float]]:
    """Return the knob and its values, ascending."""
    given = {name: values for name, values in zip(KNOBS, (active, penalty), strict=True) if values is not None}
    if len(given) != 1:
        raise ParameterError("active and penalty: give the values of one of the two")
    ((knob, values),) = given.items()
    found = sorted(float(value) for value in values)
    if not found or len(set(found)) < len(found):
        raise ParameterError(f"{knob}={found}: give one or more different numbers")
    for value in found:
        if knob == "active" and not 0.0 < value <= 1.0:
            raise ParameterError(f"active={value:g}: a fraction above 0 and at most 1")
        if knob == "penalty" and not (0.0 <= value < math.inf):
            raise ParameterError(f"penalty={value:g}: a number that is not negative")
    return knob, found


def _parameters(kind: Any, plan: _Plan, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an estimator of this kind, checked with each value before anything is trained."""
    knob = plan.knob
    own = ("random_state", "initial_model", "checkpoint_path", "history_path", "progress")
    for name in own:
        if name in options:
            raise ParameterError(f"{name}: a sweep decides it for each point; leave it out")
    parameters: dict[str, Any] = kind(**options).get_params(deep=False)
    from l0gm.estimators.node_fitting import check_node_parameters  # after what names a missing package
    from l0gm.estimators.parameters import check_parameters

    if parameters["gate"] == "none":
        raise ParameterError(f"gate='none': it has nothing that {knob} could close; choose another gate")
    if plan.path and knob != "active":
        raise ParameterError("path: it goes through open fractions; give the values of active, not penalty")
    if plan.path:
        from l0gm.estimators.path import on_path

        on_path(kind(**parameters), plan.values)
    check = check_parameters if kind is l0gm.L0GMClassifier else check_node_parameters
    for value in plan.values:
        check(kind(**{**parameters, knob: value}))
    return parameters


def _notes(front: Mapping[str, Any]) -> list[str]:
    """Return what a reader of the front has to know."""
    count = len(front["seeds"])
    metric = SHOWN.get(front["metric"], front["metric"])
    over = "Mean and standard deviation over" if count > 1 else "From"
    notes = [
        f"{over} {count} seed{'s' if count > 1 else ''}. The front, marked *: no other value is as good in the mean "
        f"{metric} on the validation rows and in the open fraction, and better in one. Test measures stand beside and "
        "decide nothing."
    ]
    if front["falling"] is not None:
        found = front["falling"]
        notes.append(
            f"The open fraction falls over at least three different values between 2 and 98 % in "
            f"{len(found['falling'])} of {len(found['seeds'])} seeds."
        )
    if "path" in front:
        notes.append(_of_paths(front))
    if front["failed"]:
        what = "paths" if "path" in front else "points"
        notes.append(f"{len(front['failed'])} {what} failed and are left out.")
    return notes


def _of_paths(front: Mapping[str, Any]) -> str:
    """Return what the paths took, and how they are compared with independent fits."""
    metric = SHOWN.get(front["metric"], front["metric"])
    took, alone = front["path"]["seconds"], front["path"]["independent_seconds"]
    if not took:
        return "All values of a seed are of one training."
    text = f"All values of a seed are of one training, from dense to sparse, which took {sum(took) / len(took):.0f} s."
    if not alone:
        return f"{text} The same sweep without path, in the same folder, shows how far they are from independent fits."
    return (
        f"{text} An independent fit took {sum(alone) / len(alone):.0f} s in the mean. Differences are the path's "
        f"{metric} less that of independent fits of the same seeds."
    )
