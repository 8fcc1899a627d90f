"""MODEL on the command line: model files, folders of them, and the facts about one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l0gm.errors import ArtifactError

if TYPE_CHECKING:
    from l0gm.runtime import CompactModel, CompactNodeModel

__all__ = ["facts", "find_models"]


def find_models(path: Path) -> list[Path]:
    """Return the model files that ``path`` stands for: itself, that of a seed's folder, or those of a run.

    Raises
    ------
    ArtifactError
        If it is a folder without any.
    """
    if not path.is_dir():
        return [path]
    own = path / "model.l0gm"
    found = [own] if own.is_file() else sorted(path.glob("seed-*/model.l0gm"), key=_seed)
    if not found:
        raise ArtifactError(f"{path}: no model.l0gm in this folder, nor in seed-* folders below it")
    return found


def facts(model: CompactModel | CompactNodeModel, path: Path) -> dict[str, Any]:
    """Return what is known about a model, ready for JSON."""
    from l0gm.runtime import CompactModel

    about = model.information
    certificate = asdict(model.certificate)
    del certificate["probabilities"]
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "classes": list(model.classes_),
        "kind": model.unit,
        "reads": list(model.feature_names_in_),
        **(_row_facts(model) if isinstance(model, CompactModel) else _graph_facts(model)),
        "dropped": about.get("dropped", []),
        "support": about.get("support", {}),
        "n_open": about.get("n_open"),
        "n_dimensions": about.get("n_dimensions"),
        "n_parameters": model.n_parameters,
        "n_parameters_gated": about.get("n_parameters_gated"),
        "calibration": str(model.calibrator),
        "calibrated": model.calibrated,
        "decision_threshold": model.decision_threshold,
        "coverage": None if model.conformal is None else model.conformal.most,
        "certificate": certificate,
        "metrics": about.get("metrics", {}),
        "notes": about.get("notes", []),
        **{name: about[name] for name in ("data", "split", "target", "random_state", "training_rows") if name in about},
    }


def _row_facts(model: CompactModel) -> dict[str, Any]:
    return {
        "kept": list(model.schema.names),
        "ngrams": {name: listed for name, listed in model.heaviest_ngrams().items() if listed},
    }


def _graph_facts(model: CompactNodeModel) -> dict[str, Any]:
    about, program = model.information, model.program
    return {
        "kept": list(model.attributes.names),
        "ngrams": {},
        "encoder": about.get("encoder"),
        "gate_at": about.get("gate_at"),
        "layers": len(program.layers),
        "hops": program.hops,
        "direction": model.structure.direction,
        "relations": [] if model.structure.folded else list(model.structure.relations),
    }


def _seed(path: Path) -> tuple[int, str]:
    number = path.parent.name.removeprefix("seed-")
    return int(number) if number.isdecimal() else -1, number
