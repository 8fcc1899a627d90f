"""From a graph and its parts to a trained node classifier and the smaller model that answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from l0gm.assembly import GATES, WEIGHED, make_gate, make_weight_gates
from l0gm.calibration import METHODS
from l0gm.compaction.graphs import apply_nodes, plan_nodes
from l0gm.compaction.verify import verify_nodes
from l0gm.data.adjacency import DIRECTIONS, Structure, adjacencies
from l0gm.data.fitting import SchemaFitter
from l0gm.data.graphs import Graph
from l0gm.encoders.graph import GRAPH_ENCODERS, AttributeEncoder, StateEncoder, node_states
from l0gm.encoders.nodes import EVERY, HopRows, NodeRows, node_inputs
from l0gm.encoders.text import Ngrams
from l0gm.errors import ParameterError
from l0gm.estimators.answers import fitted_answers
from l0gm.estimators.attributes import fit_attributes
from l0gm.estimators.node_parts import NodeParts
from l0gm.estimators.parameters import check_knob, check_numbers
from l0gm.heads import StatesHead
from l0gm.metrics import evaluate
from l0gm.model import GatedModel
from l0gm.runtime.attributes import SCALINGS, Attributes
from l0gm.runtime.nodes import CompactNodeModel
from l0gm.schedules import Schedule
from l0gm.training.checkpoint import Checkpoint
from l0gm.training.copies import Copies
from l0gm.training.history import History
from l0gm.training.loop import Trainer
from l0gm.training.lottery import EARLY, Ticket, find_ticket
from l0gm.training.masks import magnitude_mask
from l0gm.training.progress import ProgressBar
from l0gm.training.rows import Rows, predict

if TYPE_CHECKING:
    from l0gm.estimators.nodes import L0GMNodeClassifier

__all__ = ["NodeOutcome", "check_node_parameters", "fit_nodes"]

DEFAULT_ACTIVE = 0.15
WHOLE_EDGES = 2_000_000
FAN_OUTS = (15, 10, 5)
BATCH = 1024
EPOCHS, STEPS, PASSES = 24, 300, 10
LEAST_SCALE, LEAST_SPREAD = 0.1, 1e-9
MOST_NGRAMS = 30_000
NODE_GATES = tuple(name for name in GATES if name != "conditional")
NUMBERS = (
    *("penalty", "dropout", "warmup", "ramp", "hold", "start_temperature", "end_temperature", "threshold", "lr"),
    *("gate_lr", "weight_decay", "l2", "label_smoothing", "calibration_coupling", "averaging", "validation_fraction"),
    *("calibration_fraction", "drop_edge"),
)
WHOLE_NUMBERS = (
    *("width", "hidden", "layers", "hops", "heads", "most_columns", "text_dim", "max_bins", "min_count"),
    *("epochs", "batch_size", "patience", "mask_seed"),
)
OPTIONAL = ("penalty", "gate_lr", "epochs", "batch_size", "mask_seed")
NOT_OF_TRAINING = ("calibration", "calibrated", "random_state", "progress", "history_path", "checkpoint_path")


@dataclass
class NodeOutcome:
    """What a fit leaves."""

    model: GatedModel
    attributes: Attributes
    history: History
    compact: CompactNodeModel
    notes: list[str]
    metrics: dict[str, dict[str, float]]


def check_node_parameters(given: L0GMNodeClassifier) -> None:
    """Raise ParameterError where a parameter is of the wrong type or out of range, or two do not go together."""
    check_numbers(given, NUMBERS, WHOLE_NUMBERS, OPTIONAL)
    for name, names in (
        ("encoder", GRAPH_ENCODERS),
        ("gate_at", ("states", "attributes")),
        ("gate", NODE_GATES),
        ("direction", DIRECTIONS),
        ("scaling", ("auto", *SCALINGS)),
        ("calibration", tuple(METHODS)),
    ):
        if getattr(given, name) not in names:
            raise ParameterError(f"{name}={getattr(given, name)!r}: choose one of {', '.join(names)}")
    for name in ("width", "hidden", "layers", "heads", "most_columns", "text_dim"):
        if getattr(given, name) < 1:
            raise ParameterError(f"{name}={getattr(given, name)}: at least 1")
    if given.batch_size is not None and given.batch_size < 1:
        raise ParameterError(f"batch_size={given.batch_size}: at least 1")
    if given.hops < 1:
        raise ParameterError(f"hops={given.hops}: at least 1; encoder='mlp' reads no edges")
    if not 0.0 <= given.dropout < 1.0:
        raise ParameterError(f"dropout={given.dropout}: at least 0 and below 1")
    if not 0.0 <= given.drop_edge < 1.0:
        raise ParameterError(f"drop_edge={given.drop_edge}: a share of the edges, at least 0 and below 1")
    if given.drop_edge > 0.0 and given.encoder in ("sign", "mlp"):
        why = (
            "propagates over the whole graph once, before training: what were dropped then would be missing for good"
            if given.encoder == "sign"
            else "reads no edges"
        )
        raise ParameterError(f"drop_edge={given.drop_edge}: encoder={given.encoder!r} {why}; leave drop_edge out")
    if isinstance(given.active, str):
        raise ParameterError(f"active={given.active!r}: a fraction above 0 and at most 1; 'auto' is for rows of tables")
    check_knob(given)
    if given.gate_at == "states" and (given.cost is not None or given.gate_groups != "dimension"):
        raise ParameterError("cost and gate_groups are of attributes: give gate_at='attributes'")
    if given.gate_at == "attributes" and given.gate in WEIGHED:
        raise ParameterError(f"gate={given.gate!r} is for the linear layer behind node states: leave gate_at out")
    if given.gate_at == "attributes" and given.mask == "example":
        raise ParameterError("mask='example' has no meaning for attributes, which several nodes read: leave mask out")
    fan_outs = given.neighbours
    if isinstance(fan_outs, str):
        if fan_outs not in ("auto", "all"):
            raise ParameterError(f"neighbours={fan_outs!r}: 'auto', 'all' or a number for each layer")
    elif (
        not isinstance(fan_outs, Sequence)
        or len(fan_outs) != given.layers
        or not all(isinstance(n, Integral) and (n == EVERY or n > 0) for n in fan_outs)
    ):
        raise ParameterError(f"neighbours={fan_outs!r}: a whole number above 0, or -1 for all, for each of the layers")


def fit_nodes(
    given: L0GMNodeClassifier, graph: Graph, parts: NodeParts, seed: int, device: torch.device
) -> NodeOutcome:
    """Fit a node classifier."""
    structure = Structure.of(graph, given.direction, given.relations)
    nodes = parts.nodes
    inside, placed = graph, nodes
    if given.inductive:
        inside, placed = graph.subgraph(nodes["train"]), {"train": np.arange(len(nodes["train"]))}
    attributes, notes = fit_attributes(
        inside,
        placed["train"],
        parts.labels["train"],
        _fitter(given),
        scaling=given.scaling,
        most_columns=given.most_columns,
        text_dim=given.text_dim,
        exclude=parts.used,
        seed=seed,
    )
    inputs, fan_outs = _inputs(given, inside, placed, attributes, structure, seed, device)
    if given.inductive and len(nodes["validation"]):
        held = {name: nodes[name] for name in ("validation", "calibration")}
        seen = np.unique(np.concatenate(list(nodes.values())))
        place = {name: np.searchsorted(seen, some) for name, some in held.items()}
        inputs |= _inputs(given, graph.subgraph(seen), place, attributes, structure, seed, device)[0]
    rows = {name: Rows(inputs[name], torch.from_numpy(parts.labels[name]).to(device)) for name in inputs}
    path = None if given.history_path is None else Path(given.history_path)
    history = History(path)
    validation = rows.get("validation")
    if validation is None:
        validation = rows["train"]
        notes.append("no validation nodes: the checkpoint was chosen on the training nodes")
    path_to_weights = None if given.checkpoint_path is None else Path(given.checkpoint_path)
    about = {k: v for k, v in given.get_params(deep=False).items() if k not in NOT_OF_TRAINING}
    checkpoint = Checkpoint(path_to_weights, about)

    def fit(
        gate: str, history: History, chosen: Tensor | Ticket | None = None, early: Copies | None = None
    ) -> GatedModel:
        torch.manual_seed(seed)
        made = _model(given, gate, attributes, structure, inputs["train"], len(parts.classes), seed, chosen).to(device)
        trainer = _trainer(given, made, gate, rows["train"], fan_outs, history, seed, checkpoint)
        with ProgressBar(f"seed {seed}") if given.progress else nullcontext() as bar:
            trainer.on_step = bar
            if early is not None:
                early.watch(trainer)
            return trainer.fit(rows["train"], validation)

    chosen: Tensor | Ticket | None = None
    active = _active(given, given.gate)
    if given.gate == "static":
        assert active is not None  # check_knob has refused a penalty
        chosen = magnitude_mask(fit("none", History()), inputs["train"], active, given.gate_groups == "field")
    if given.gate == "lottery":
        assert active is not None
        early = Copies([(EARLY, EARLY)])
        chosen = find_ticket(
            lambda ticket: fit(given.gate, History(), ticket, early if ticket is None else None), early, active
        )
    model = fit(given.gate, history, chosen)
    hardened = history.last("harden")
    if model.gate.targeted.learned and hardened is not None and not hardened["decided"]:
        notes.append(
            f"the gates had not decided by themselves ({hardened['n_open_before']} open, {hardened['n_open']} asked): "
            "train longer, or with a longer ramp"
        )
    return _outcome(given, graph, parts, model, attributes, structure, rows, history, notes, seed)


def _fitter(given: L0GMNodeClassifier) -> SchemaFitter:
    return SchemaFitter(
        max_bins=given.max_bins,
        min_count=given.min_count,
        categorical=given.categorical,
        missing_values=given.missing_values,
        text=given.text,
        reader=Ngrams(words=2, min_count=5, most=MOST_NGRAMS).reader,
    )


def _inputs(
    given: L0GMNodeClassifier,
    graph: Graph,
    nodes: Mapping[str, NDArray[np.int64]],
    attributes: Attributes,
    structure: Structure,
    seed: int,
    device: torch.device,
) -> tuple[dict[str, HopRows | NodeRows], tuple[int, ...]]:
    """Return the rows of each part that has some, and how many neighbours a node receives from in training."""
    mixed = adjacencies(graph, structure) if given.encoder != "mlp" else ()
    fan_outs = () if given.encoder in ("sign", "mlp") else _fan_outs(given, sum(a.n_edges for a in mixed))
    made = node_inputs(
        given.encoder,
        attributes.matrix(graph.nodes),
        mixed,
        nodes,
        hops=given.hops,
        fan_outs=fan_outs,
        seed=seed,
        device=device,
        drop_edge=given.drop_edge,
    )
    return made, fan_outs


def _fan_outs(given: L0GMNodeClassifier, n_edges: int) -> tuple[int, ...]:
    if not isinstance(given.neighbours, str):
        return tuple(int(n) for n in given.neighbours)
    if given.neighbours == "all" or n_edges <= WHOLE_EDGES:
        return (EVERY,) * given.layers
    return (FAN_OUTS + (FAN_OUTS[-1],) * given.layers)[: given.layers]


def _model(
    given: L0GMNodeClassifier,
    gate_name: str,
    attributes: Attributes,
    structure: Structure,
    train: HopRows | NodeRows,
    n_classes: int,
    seed: int,
    chosen: Tensor | Ticket | None,
) -> GatedModel:
    center = scale = None
    if isinstance(train, HopRows):
        center, scale = _standards(train.x, by_column=getattr(attributes, "scaling", None) == "columns")
    n_outputs = 1 if n_classes == 2 else n_classes
    states = node_states(
        given.encoder,
        n_attributes=attributes.width,
        n_channels=structure.n_channels,
        hidden=given.hidden,
        width=given.width,
        layers=given.layers,
        heads=given.heads,
        dropout=given.dropout,
        center=center,
        scale=scale,
    )
    encoder: StateEncoder | AttributeEncoder
    rule: dict[str, Any] = {
        "temperature": given.start_temperature,
        "inference": given.inference,
        "threshold": given.threshold,
    }
    if given.gate_at == "states":
        linear = make_weight_gates(gate_name, _active(given, gate_name), **rule)
        encoder, head = StateEncoder(states), StatesHead(given.width, n_outputs, linear=linear)
    else:
        encoder = AttributeEncoder(states, torch.from_numpy(attributes.groups))
        head = StatesHead(given.width, n_outputs, states)
    gate = make_gate(
        gate_name,
        encoder,
        groups=given.gate_groups,
        active=_active(given, gate_name),
        seed=seed if given.mask_seed is None else int(given.mask_seed),
        mask=given.mask or ("example" if given.gate_at == "states" else "batch"),
        **rule,
        cost=None if given.cost is None else _costs(given.cost, attributes),
        chosen=chosen if isinstance(chosen, Tensor) else None,
        layer=head.out,
    )
    model = GatedModel(encoder, gate, head)
    if isinstance(chosen, Ticket):
        chosen.put(model)
    return model


def _active(given: L0GMNodeClassifier, gate: str) -> float | None:
    if gate == "none":
        return None
    return DEFAULT_ACTIVE if given.active is None and given.penalty is None else given.active


def _costs(cost: Mapping[str, float], attributes: Attributes) -> list[float]:
    unknown = [name for name in cost if name not in attributes.names]
    if unknown:
        raise ParameterError(f"cost names {unknown}, and the nodes have no such attribute")
    return [float(cost.get(attributes.names[group], 1.0)) for group in attributes.groups.tolist()]


def _standards(x: Tensor, by_column: bool) -> tuple[Tensor, Tensor]:
    """Return (center, scale), (places, F): each place, or each of its columns, brought to one spread."""
    if not by_column:  # rare categories and words would be blown up one by one
        spread = x.std((0, 2))[:, None].expand(x.shape[1:])
        return torch.zeros(x.shape[1:]), _inverse(spread)
    center, spread = x.mean(0), x.std(0)
    return center.cpu(), _inverse(torch.maximum(spread, LEAST_SCALE * spread.median(1, keepdim=True).values))


def _inverse(spread: Tensor) -> Tensor:
    """Return 1 / spread, and zero where there is none: no training node has a neighbour, or the like."""
    return torch.where(spread > LEAST_SPREAD * spread.max(), 1.0 / spread, 0.0).cpu()


def _trainer(
    given: L0GMNodeClassifier,
    model: GatedModel,
    gate: str,
    train: Rows,
    fan_outs: Sequence[int],
    history: History,
    seed: int,
    checkpoint: Checkpoint,
) -> Trainer:
    n = train.inputs.n_rows
    whole = bool(fan_outs) and all(size == EVERY for size in fan_outs)
    size = (n if whole or n <= BATCH else BATCH) if given.batch_size is None else given.batch_size
    steps = math.ceil(n / size)
    passes = max(1, PASSES // steps)
    epochs = max(EPOCHS, math.ceil(STEPS / (steps * passes))) if given.epochs is None else given.epochs
    return Trainer(
        model,
        active=_active(given, gate),
        penalty=None if gate == "none" else given.penalty,
        schedule=Schedule(given.warmup, given.ramp, given.hold, given.start_temperature, given.end_temperature),
        epochs=epochs,
        batch_size=size,
        passes=passes,
        lr=given.lr,
        gate_lr=given.gate_lr,
        weight_decay=given.weight_decay,
        l2=given.l2,
        smoothing=given.label_smoothing,
        coupling=given.calibration_coupling,
        averaging=given.averaging,
        patience=given.patience,
        seed=seed,
        history=history,
        checkpoint=checkpoint,
    )


def _outcome(
    given: L0GMNodeClassifier,
    graph: Graph,
    parts: NodeParts,
    model: GatedModel,
    attributes: Attributes,
    structure: Structure,
    rows: Mapping[str, Rows],
    history: History,
    notes: list[str],
    seed: int,
) -> NodeOutcome:
    """Compact the model, and fit and measure on nodes that no weight was learned from."""
    plan = plan_nodes(model, attributes)
    cut, program = apply_nodes(model, plan, attributes, structure)
    weighted = graph.weights is not None
    certificate = verify_nodes(model, given.encoder, attributes, cut, structure, program, weighted)
    compact = CompactNodeModel(
        attributes=cut,
        structure=structure,
        program=program,
        weighted=weighted,
        classes_=parts.classes,
        certificate=certificate,
        calibrated=given.calibrated,
    )
    held_out = [name for name in ("validation", "calibration") if name in rows]
    sampled = [name for name in held_out if not getattr(rows[name].inputs, "exact", True)]
    seen = np.unique(np.concatenate(list(parts.nodes.values()))) if given.inductive else np.arange(graph.n_nodes)
    if sampled:  # prediction takes all neighbours
        exact = compact.predict_proba(graph.subgraph(seen) if given.inductive else graph, calibrated=False)
        answers = {name: exact[np.searchsorted(seen, parts.nodes[name])] for name in held_out}
    else:
        answers = {name: predict(model, rows[name].inputs).cpu().numpy() for name in held_out}
    same = np.array_equal(parts.nodes["validation"], parts.nodes["calibration"])
    if same and held_out:
        notes.append("the calibrator was fitted on the validation nodes, which chose the checkpoint, too")
    calibrator, conformal, more = fitted_answers(
        given.calibration, np.array(parts.classes), parts.labels["calibration"], answers.get("calibration")
    )
    metrics = {
        name: evaluate(parts.labels[name], proba, absent="skip")
        for name, proba in answers.items()
        if not (same and name == "calibration")
    }
    notes += more
    compact = replace(
        compact,
        calibrator=calibrator,
        conformal=conformal,
        information={
            "n_open": model.gate.n_open,
            "n_dimensions": model.gate.dim,
            "n_parameters_gated": plan.n_parameters,
            "support": plan.support,
            "dropped": list(plan.dropped),
            **({"open_weights": list(plan.weights)} if plan.weights else {}),
            **({} if given.gate == "hard_concrete" else {"gate": given.gate}),
            "notes": notes,
            "metrics": metrics,
            "training_rows": len(parts.nodes["train"]),
            "random_state": seed,
            "encoder": given.encoder,
            "gate_at": given.gate_at,
        },
    )
    return NodeOutcome(model, attributes, history, compact, notes, metrics)
