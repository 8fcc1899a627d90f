"""From a plan of blocks to results: each run once, several at a time, found again by the same call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from l0gm.baselines import MODALITIES, Modality, find, methods
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.experiments.crew import Ledger, Order, Told, Trainer, work_here, work_in_processes
from l0gm.experiments.paper.cases import Case
from l0gm.experiments.paper.results import Result, Variant
from l0gm.experiments.paper.runs import RUNS, Run, run_once, whole
from l0gm.experiments.points import Points, Unit

__all__ = ["Blocks", "Outcome", "Settings", "carried_out", "run_blocks"]

Blocks = Mapping[str, Sequence[Variant]]
"""A modality's variants by block."""


@dataclass(frozen=True)
class Settings:
    """How a table is run.

    Parameters
    ----------
    out : Path
    seeds : int
        How many, 0, 1, and so on.
    jobs : int
        Runs at a time, each in a process of one thread.
    quick : bool
    active : float, optional
        The fraction to keep instead of the table's own.
    methods : tuple of str, optional
        Those to compare with, instead of the table's own.
    extended : bool
        All methods.
    trials : int
        Of tuning, for each method.
    chosen : mapping from method to settings
        What tuning has found.
    told : callable, optional
        Called with a line whenever something has become of a run.
    """

    out: Path
    seeds: int = 5
    jobs: int = 1
    quick: bool = False
    active: float | None = None
    methods: tuple[str, ...] | None = None
    extended: bool = False
    trials: int = 8
    chosen: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    told: Told | None = None

    def __post_init__(self) -> None:
        for name in ("seeds", "jobs", "trials"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name}={getattr(self, name)}: at least 1")
        if self.active is not None and not 0.0 < self.active <= 1.0:
            raise ParameterError(f"active={self.active}: a fraction above 0 and at most 1")


@dataclass(frozen=True)
class Outcome:
    """What came of the blocks of one modality.

    Parameters
    ----------
    case : Case
    blocks : mapping from block to results
        Variants without a finished run are absent.
    left_out : mapping from title to str
        Why a variant was not run.
    incomplete : mapping from title to str
        Which seeds of a variant failed, and why.
    seconds : float
        Of all runs, as each of them told.
    """

    case: Case
    blocks: Mapping[str, list[Result]]
    left_out: Mapping[str, str]
    incomplete: Mapping[str, str]
    seconds: float

    def named(self, block: str, title: str) -> Result | None:
        """Return a result by its title."""
        return next((result for result in self.blocks.get(block, ()) if result.variant.title == title), None)

    def notes(self) -> list[str]:
        """Return what a reader has to know of the data and of what is absent."""
        modality = self.case.modality
        lines = [f"{modality}: {self.case.data}, split {self.case.split}.", *self.case.notes]
        lines += [f"{modality}, {title} is left out: {why}" for title, why in self.left_out.items()]
        lines += [f"{modality}, {title} lacks seeds that failed: {why}" for title, why in self.incomplete.items()]
        return [*lines, f"{modality}: the runs took {self.seconds / 60:.1f} minutes in all, one thread each."]


def run_blocks(
    case: Case, blocks: Blocks, settings: Settings, *, trainer: Trainer | None = None, seeds: int | None = None
) -> Outcome:
    """Carry out what is missing of the runs of all blocks, and return the results.

    Parameters
    ----------
    case : Case
    blocks : mapping
    settings : Settings
    trainer : callable, optional
        Makes the record of a run instead of :func:`l0gm.experiments.paper.runs.run_once`; for several jobs it has to be
        importable.
    seeds : int, optional
        Instead of those of the settings.
    """
    left_out: dict[str, str] = {}
    incomplete: dict[str, str] = {}
    planned: dict[tuple[str, int], tuple[Variant, list[Run]]] = {}
    for block, variants in blocks.items():
        for place, planned_one in enumerate(variants):
            variant = planned_one if case.is_papers else replace(planned_one, paper={})
            try:
                method = find(case.modality, variant.method)
            except MissingExtraError as error:
                left_out[f"{block} {variant.title}".strip()] = str(error)
                continue
            count = variant.seeds or seeds or settings.seeds
            searched = dict(settings.chosen.get(variant.method, {}))
            if variant.active is not None:
                searched.pop("penalty", None)  # which would take the budget out of a comparison at one
            own = {**searched, **variant.settings}
            runs = [Run.of(case, method, seed, variant.active, own) for seed in range(count)]
            planned[block, place] = (variant, runs)
    every = list(dict.fromkeys(run for _, runs in planned.values() for run in runs))
    store, failed = carried_out(case, every, settings, trainer or run_once)
    results: dict[str, list[Result]] = {block: [] for block in blocks}
    for (block, _), (variant, runs) in planned.items():
        records = [record for run in runs if (record := store.found(run)) is not None]
        lost = [f"seed {run.seed}: {failed[run]}" for run in runs if run in failed]
        if lost:
            incomplete[f"{block} {variant.title}".strip()] = "; ".join(lost)
        if records:
            results[block].append(Result(variant, tuple(records), settings.out))
    found = [record for run in every if (record := store.found(run)) is not None]
    return Outcome(case, results, left_out, incomplete, sum(record["seconds"] for record in found))


def carried_out(
    task: object, units: Sequence[Unit], settings: Settings, trainer: Trainer
) -> tuple[Points, dict[Unit, str]]:
    """Carry out the units that have left no record; return the records, and why some have none.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says how much is finished.
    """
    store = Points(settings.out, RUNS)
    for unit in units:
        record = store.found(unit)
        if record is not None and not whole(settings.out, record):
            store.path(unit).unlink(missing_ok=True)  # what it vouches for is gone
    ledger = Ledger(store, units, settings.told or (lambda line: None))
    order = Order(settings.out, task, trainer, RUNS)
    try:
        if settings.jobs == 1:
            work_here(ledger, order)
        else:
            work_in_processes(ledger, order, settings.jobs)
    except KeyboardInterrupt as interruption:
        there = sum(store.found(unit) is not None for unit in units)
        where = KeyboardInterrupt("; ".join([*map(str, interruption.args), f"{there} of {len(units)} runs are there"]))
        where.add_note("The same call goes on from there.")
        raise where from None
    return store, ledger.failed


def chosen_methods(modality: Modality, settings: Settings, usual: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Return the names of the methods to compare: those asked for, all of them, or the table's own; ours come last."""
    if settings.methods is not None:
        for name in settings.methods:
            if all(name not in methods(other) for other in MODALITIES):
                find(modality, name)  # which says what there is
        listed = [name for name in settings.methods if name in methods(modality)]
    elif settings.extended:
        listed = list(methods(modality))
    else:
        listed = list(usual)
    return [*(name for name in listed if name not in ours), *ours]
