"""The command lines that make again what a folder holds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["FLAGS", "Command", "command_of", "part_of"]

Record = Mapping[str, Any]

FLAGS: Mapping[str, str] = {
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            *("active", "penalty", "cost", "hidden_cost", "teacher", "teacher_weight", "epochs", "batch_size", "lr"),
            *("weight_decay", "dropout", "averaging", "calibration_coupling", "embedding_dim", "deep", "cin", "linear"),
            *("gate_at", "width", "hidden", "layers", "hops", "direction", "neighbours", "inductive", "mask", "gate"),
            *("calibration", "calibrated", "class_weight", "device", "categorical", "text", "encoder"),
        )
    },
    "missing_values": "--missing",
}
"""The parameters of estimators that ``l0gm train`` has an option for, and the option."""


@dataclass(frozen=True)
class Command:
    """How to repeat something.

    Parameters
    ----------
    title : str
        What it is.
    line : str
        The command.
    note : str
        What the command leaves out.
    settings : dict
        All settings, for the record.
    versions, hardware : dict
    """

    title: str
    line: str
    note: str = ""
    settings: Record = field(default_factory=dict)
    versions: Record = field(default_factory=dict)
    hardware: Record = field(default_factory=dict)


def command_of(kind: str, record: Record, folder: Path) -> Command | None:
    """Return how to make a record again, by what it says; None where it does not say enough.

    Parameters
    ----------
    kind : {"train", "sweep", "bench", "robustness", "paper"}
    record : dict
        Of the command; of train and sweep with ``changed``, the settings that are not the defaults.
    folder : Path
        Where it lies.
    """
    words, note = _WORDS[kind](record)
    if not words:
        return None
    line = shlex.join(["l0gm", kind, *words, "--out", str(folder)])
    hardware = record.get("hardware")
    return Command(
        title=f"{folder.resolve().name}: l0gm {kind}",
        line=line,
        note=note,
        settings=_object(record.get("options") or record.get("plan")),
        versions=_object(record.get("versions")),
        hardware=_object(hardware[0] if isinstance(hardware, list) and hardware else hardware),
    )


def part_of(title: str) -> tuple[str, str, str]:
    """Return data, part and split of a title such as ``adult, test rows of split openml``; empty where it says none."""
    found = re.fullmatch(r"(.+), (\w+) rows of split ([\w-]+)", title)
    return (found[1], found[2], found[3]) if found else (title, "", "")


def _train(record: Record) -> tuple[list[str], str]:
    words, note = _fitted(record, ())
    seeds = record.get("seeds") or []
    dense = [] if record.get("dense") else ["--no-dense"]
    return [*words, "--seeds", str(len(seeds)), *dense] if words else [], note


def _sweep(record: Record) -> tuple[list[str], str]:
    knob = str(record.get("knob"))
    words, note = _fitted(record, ("active", "penalty"))
    values = ",".join(f"{entry['value']:g}" for entry in record.get("values") or [])
    seeds = record.get("seeds") or []
    asked = [f"--{knob}", values, "--seeds", str(len(seeds)), "--metric", str(record.get("metric"))]
    return [*words, *asked] if words and values else [], note


def _fitted(record: Record, but: Sequence[str]) -> tuple[list[str], str]:
    """Return the words of a command that fits, and a note on the settings that no option stands for."""
    data, split, target = (record.get(name) for name in ("data", "split", "target"))
    if not data:
        return [], ""
    words = [str(data)]
    is_name = re.fullmatch(r"[\w-]+", str(split or ""))  # of a registered data set; of a file it says how
    held_out = re.match(r"([\d.]+) held out", str(split or ""))
    words += ["--split", str(split)] if is_name else ["--target", str(target)] if target else []
    words += ["--test-size", held_out[1]] if held_out else []
    changed = record.get("changed")
    if not isinstance(changed, dict):
        return words, "The record is of a version that did not note which settings are the defaults: see all settings."
    left = []
    for name, value in changed.items():
        if name in but:
            continue
        if name in FLAGS and value is not None:
            words += [FLAGS[name]] if value is True else [FLAGS[name], _word(value)]
        else:
            left.append(name)
    parts = [f"The test rows: {split}."] if split and not (is_name or held_out) else []
    if left:
        parts.append(f"No option stands for {', '.join(f'{name}={changed[name]}' for name in left)}: use Python.")
    return words, " ".join(parts)


def _bench(record: Record) -> tuple[list[str], str]:
    data, plan = record.get("data"), _object(record.get("plan"))
    split = record.get("split")
    words = [str(data)] if data else []
    return [
        *words,
        *(["--split", str(split)] if split else []),
        "--seed",
        str(plan.get("seed", 0)),
    ] if words else [], ""


def _robustness(record: Record) -> tuple[list[str], str]:
    data, part, split = part_of(str(record.get("data")))
    return [str(record.get("model")), data, *(["--split", split, "--part", part] if split else [])], ""


def _paper(record: Record) -> tuple[list[str], str]:
    return [str(record["table"])] if record.get("table") else [], ""


_WORDS = {"train": _train, "sweep": _sweep, "bench": _bench, "robustness": _robustness, "paper": _paper}


def _word(value: Any) -> str:
    """Return a value as an option takes it: lists by commas, amounts as name=number."""
    if isinstance(value, dict):
        return ",".join(f"{name}={amount:g}" for name, amount in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
