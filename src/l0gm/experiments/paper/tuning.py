"""Table 7: the search space as an Optuna study on validation rows, the same number of trials for every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from l0gm.baselines import Method, Modality, find, methods
from l0gm.baselines.threads import pinned
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.experiments.machine import versions, versions_of
from l0gm.experiments.paper.cases import ACTIVE, Case
from l0gm.experiments.paper.runner import Settings, carried_out, chosen_methods
from l0gm.experiments.paper.tables import Row, Table, Value
from l0gm.experiments.points import Record, Unit, canonical_json
from l0gm.experiments.records import plain, read_json

__all__ = ["STUDY", "Search", "settings_found", "table7", "tune_once"]

STUDY = "study.db"
SEED = 0  # of every trial's fit: trials differ in their settings alone
USUAL: dict[Modality, tuple[str, ...]] = {
    "tabular": ("mlp", "xgboost", "lightgbm", "catboost", "dense"),
    "text": ("nb-svm", "dense"),
    "graph": ("gcn", "sage", "gat", "mlp"),
}
OURS = ("l0gm",)


@dataclass(frozen=True)
class Search(Unit):
    """The search for one method's settings on one case."""

    modality: Modality
    method: str
    trials: int
    active: float

    @classmethod
    def of(cls, case: Case, method: Method, trials: int, active: float) -> Search:
        """Return the search for a method's settings at a budget."""
        decides = {
            **case.conditions(), "tuned": method.name, "modality": method.modality, "trials": trials, "active": active,
            "space": {name: list(values) for name, values in space_of(method).items()}, **versions(),
            **versions_of("scikit-learn", *(package.replace("_", "-") for package in method.packages)),
        }  # fmt: skip
        return cls(canonical_json(decides), method.modality, method.name, trials, active)

    def about(self) -> Record:
        """Return the method and the number of trials."""
        return {"modality": self.modality, "method": self.method, "trials": self.trials}

    def lacking(self, record: Record) -> str | None:
        """Return what the record lacks."""
        absent = [name for name in ("best", "log_loss", "default_log_loss", "seconds") if name not in record]
        return f"the record lacks {', '.join(absent)}" if absent else None

    def told(self, record: Record) -> str:
        """Return the outcome in a line."""
        return f"validation log loss {record['default_log_loss']:.4f} -> {record['log_loss']:.4f}, {record['best']}"

    def __str__(self) -> str:
        return f"{self.modality} {self.method}, {self.trials} trials"


@dataclass(frozen=True)
class Tuned:
    """What all searches of a case share."""

    case: Case
    out: Path


def space_of(method: Method) -> dict[str, tuple[Any, ...]]:
    """Return what is searched: a method's space without the penalty, since the open fraction is given."""
    return {name: tuple(values) for name, values in method.space.items() if name != "penalty"}


def tune_once(task: Tuned, search: Search, folder: Path) -> dict[str, Any]:
    """Carry out the trials that the study lacks; the first is the method as it is without settings.

    A trial is one fit on the training rows; what counts is its log loss on validation rows. No test row is read.
    """
    optuna = import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    method = find(search.modality, search.method)
    space = {name: [_text(value) for value in values] for name, values in space_of(method).items()}
    given = {(name, _text(value)): value for name, values in space_of(method).items() for value in values}

    def loss(chosen: dict[str, Any]) -> float:
        model = method.make(seed=SEED, active=search.active, threads=1, **chosen)
        with pinned(1):
            task.case.subject.fit(model)
        return float(model.metrics_["validation"]["log_loss"])

    def fitted(trial: Any) -> float:
        return loss({name: given[name, trial.suggest_categorical(name, texts)] for name, texts in space.items()})

    study = optuna.create_study(study_name=search.digest, storage=_storage(task.out), load_if_exists=True)
    # After a restart the sampler would draw what it has drawn: another seed goes on with others.
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials), n_startup_trials=max(search.trials // 2, 2))
    if not _finished(study):
        study.add_trial(optuna.trial.create_trial(value=loss({})))
    study.optimize(fitted, n_trials=max(search.trials - len(_finished(study)), 0))
    done, best = _finished(study), study.best_trial
    return {
        "best": {name: given[name, text] for name, text in best.params.items()},
        "log_loss": best.value,
        "default_log_loss": done[0].value,
        "tried": [{"settings": t.params, "log_loss": t.value} for t in done],
        "seconds": sum(t.duration.total_seconds() for t in done if t.duration is not None),
    }


def table7(cases: Mapping[Modality, Case], settings: Settings) -> Table:
    """Search for the settings of each method, and return what was found.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise MissingExtraError("optuna", "sweep", "tuning")
    rows: list[Row] = []
    active = ACTIVE if settings.active is None else settings.active
    notes = [
        f"One fit a trial, seed 0, {100 * active:g} % open where a method has a budget; the first trial is the method "
        "without settings. No test row is read. Lambda is no setting here: Table 8 varies it."
    ]
    found: dict[str, dict[str, Any]] = {}
    for modality, case in cases.items():
        searches = []
        for name in chosen_methods(modality, settings, USUAL[modality], OURS):
            try:
                method = find(modality, name)
            except MissingExtraError as error:
                notes.append(f"{modality}, {name} is left out: {error}")
                continue
            if space_of(method):
                searches.append((method, Search.of(case, method, settings.trials, active)))
        settings.out.mkdir(parents=True, exist_ok=True)
        optuna = import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        optuna.study.get_all_study_names(_storage(settings.out))  # makes the tables, before several ask for them
        store, failed = carried_out(Tuned(case, settings.out), [s for _, s in searches], settings, tune_once)
        for method, search in searches:
            record = store.found(search)
            if record is None:
                notes.append(f"{modality}, {method.title} is left out: {failed.get(search, 'it did not end')}")
                continue
            found.setdefault(modality, {})[method.name] = record["best"]
            rows.append(_row(method, record))
        notes += [f"{modality}: {case.data}, split {case.split}.", *case.notes]
    more = {"settings": found, "space": {m: {n: plain(space_of(k)) for n, k in methods(m).items()} for m in cases}}
    notes.append(f"{settings.trials} trials for each method. table3 --settings FILE takes them from this table's JSON.")
    return Table("table7", "Table 7: the search", rows, (), notes, more)


def settings_found(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the settings that a table7.json holds, by modality and method.

    Raises
    ------
    ParameterError
        If it is none.
    """
    record = read_json(path)
    if record is None or record.get("table") != "table7":
        raise ParameterError(f"{path} is no table7.json: make one with l0gm paper table7")
    return {
        m: {n: {k: _back(v) for k, v in own.items()} for n, own in f.items()} for m, f in record["settings"].items()
    }


def _row(method: Method, record: Mapping[str, Any]) -> Row:
    space = "; ".join(f"{name}: {', '.join(map(_text, values))}" for name, values in space_of(method).items())
    best = ", ".join(f"{name} {_text(value)}" for name, value in record["best"].items()) or "as it is"
    before, after = float(record["default_log_loss"]), float(record["log_loss"])
    values = {
        "validation log loss, default": Value(f"{before:.4f}", {"log_loss": before}),
        "tuned": Value(f"{after:.4f}", {"log_loss": after}),
        "minutes": Value(f"{record['seconds'] / 60:.1f}", {"minutes": record["seconds"] / 60}),
    }
    return Row({"modality": method.modality, "method": method.title, "space": space, "best": best}, values)


def _storage(out: Path) -> str:
    return f"sqlite:///{out / STUDY}"


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.trials if trial.state.name == "COMPLETE"]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _back(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
