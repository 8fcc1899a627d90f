"""The paper's tables, each by one call: runs that are found again, figures with their spread, and a verdict a claim."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from l0gm.baselines import Modality
from l0gm.errors import ParameterError
from l0gm.experiments.paper import ablations
from l0gm.experiments.paper.cases import USUAL, Case, graph_case, row_case, usual_case
from l0gm.experiments.paper.claims import Claim
from l0gm.experiments.paper.runner import Blocks, Outcome, Settings, run_blocks
from l0gm.experiments.paper.table2 import table2, table4
from l0gm.experiments.paper.table3 import blocks3, table3
from l0gm.experiments.paper.tables import Table, write_table
from l0gm.experiments.paper.tuning import settings_found, table7

__all__ = [
    "TABLES",
    "Case",
    "Settings",
    "Table",
    "check_table",
    "graph_case",
    "row_case",
    "run_table",
    "settings_found",
    "usual_case",
    "write_table",
]


@dataclass(frozen=True)
class _Plan:
    """A table of runs: what is run for a modality, what becomes of it, and how many seeds it needs at least."""

    blocks: Callable[[Modality, Settings], Blocks]
    build: Callable[[Mapping[Modality, Outcome], Settings], Table]
    least_seeds: int = 1


PLANS = {
    "table3": _Plan(blocks3, table3),
    "table6": _Plan(ablations.blocks6, ablations.table6),
    "table8": _Plan(ablations.blocks8, ablations.table8),
    "table9": _Plan(ablations.blocks9, ablations.table9, ablations.FEW_SEEDS),
    "table10": _Plan(ablations.blocks10, ablations.table10),
    "masks": _Plan(ablations.blocks_of_masks, ablations.table_of_masks),
}
TABLES = {
    "table2": "the data sets",
    "table3": "methods: quality and robustness (Q1), and latency (Q2)",
    "table4": "the environment",
    "table6": "variants of the gate",
    "table7": "the search for settings (Optuna)",
    "table8": "sweep over lambda",
    "table9": "with and without annealing",
    "table10": "calibration coupling",
    "masks": "the learned gate beside masks, at 3, 5 and 15 % open",
}


def check_table(name: str) -> str:
    """Return the name of a table.

    Raises
    ------
    ParameterError
        If there is none of that name; the message suggests the nearest.
    """
    if name in TABLES:
        return name
    near = difflib.get_close_matches(name, TABLES, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ParameterError(f"TABLE {name}: {hint}there are {', '.join(TABLES)}")


def run_table(name: str, cases: Mapping[Modality, Case], settings: Settings) -> Table:
    """Carry out what is missing of a table's runs, and return the table.

    Each run leaves ``runs/HASH.json``, named by the sha256 of what decides it (rows, method, settings, seed, versions),
    and its model and answers in ``models/HASH/``; what is there is not done again, whichever table asks for it, so a
    call that was stopped, even killed, goes on when it is repeated.

    Parameters
    ----------
    name : str
        One of :data:`TABLES`.
    cases : mapping from modality to Case
    settings : Settings

    Raises
    ------
    ParameterError
        If there is no such table or method, or the folder cannot be written to.
    MissingExtraError
        If Optuna is not installed, which Table 7 needs.
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says how much is finished.
    """
    check_table(name)
    if name == "table2":
        return table2(cases, [note for case in cases.values() for note in case.notes])
    if name == "table4":
        return table4()
    if name == "table7":
        return table7(cases, settings)
    plan = PLANS[name]
    seeds = settings.seeds if settings.quick else max(settings.seeds, plan.least_seeds)
    outcomes = {
        modality: run_blocks(case, plan.blocks(modality, settings), settings, seeds=seeds)
        for modality, case in cases.items()
    }
    table = plan.build(outcomes, settings)
    return replace(
        table,
        claims=[_on_other_data(claim, cases) for claim in table.claims],
        failed=[f"{modality} {title}" for modality, outcome in outcomes.items() for title in outcome.incomplete],
    )


def _on_other_data(claim: Claim, cases: Mapping[Modality, Case]) -> Claim:
    """Return the claim; where it was put to other data than the paper's, it says whose the paper's figures are."""
    case = next((case for name, case in cases.items() if claim.claim.startswith(name)), None)
    if case is None or not claim.paper or (case.is_papers and not case.quick):
        return claim
    if case.is_papers:
        return replace(claim, claim=f"{claim.claim}, on a part of the rows")
    here = f"{case.data} ({case.split})"
    return replace(claim, claim=f"{claim.claim}, on {here}", paper=f"{claim.paper}, on {USUAL[case.modality]}")
