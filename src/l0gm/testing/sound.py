"""Served models made up from a seed, without training: every kind of field, every branch, in small."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration import METHODS
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.ngrams import NgramVocabulary
from l0gm.data.probes import probe_rows
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.data.texts import NgramField
from l0gm.decisions import ConformalSets
from l0gm.runtime import Certificate, CompactModel, CompactNodeModel
from l0gm.runtime.attributes import ArrayAttributes, Attributes, TableAttributes
from l0gm.runtime.graphs import GraphProgram
from l0gm.runtime.layers import AttentionLayer, GraphLayer, LinearLayer
from l0gm.runtime.nodes import probe_graph
from l0gm.runtime.reference import Reference
from l0gm.runtime.tabular import FieldArrays, TabularProgram
from l0gm.runtime.texts import BagTable

__all__ = ["SCHEMA", "completed", "sound_model", "sound_models", "sound_node_model", "sound_node_models"]

SCHEMA = Schema(
    (
        NumericField("age", "age", (17.0, 30.5, 44.0, 90.0)),
        CategoricalField("job", "job", ("clerk", "nurse", "größe")),
        HashedField("account", "account", 5),
        NumericField("gain", "gain", (-1.0, 0.0, 0.1 + 0.2), infinite="missing"),
        CategoricalField("member", "member", ("False", "True")),
        NumericField("seen:hour", "seen", (0.0, 6.0, 23.0), part="hour"),
        NumericField("seen:weekday", "seen", (0.0, 4.0, 6.0), part="weekday"),
    ),
    ("age", "job", "account", "gain", "member", "seen", "constant"),
)
KEYS = (1, 2, 3, 1 | 2 << 21, 2 | 3 << 21, 1 | 2 << 21 | 3 << 42)
TEXT = NgramField("note", "note", NgramVocabulary(["not", "good", "größe"], np.array(KEYS)), 0.1)
OPEN = dict(zip(SCHEMA.names, ((0, 2), (1,), (0,), (), (0, 1, 2), (2,), (1,)), strict=True))
"""Open coordinates of each field; where one has none, it is there for its linear term."""


def sound_model(
    classes: tuple[Any, ...] = ("no", "yes"),
    *,
    linear: bool = True,
    deep: tuple[int, ...] = (4, 3),
    cin: tuple[int, ...] = (3, 2),
    n_rows: int = 32,
    schema: Schema = SCHEMA,
    seed: int = 0,
    text_width: int = 2,
) -> CompactModel:
    """Return a model of random weights over fields of SCHEMA, certified by its own answers to ``n_rows`` rows."""
    rng = np.random.default_rng(seed)
    outputs = 1 if len(classes) == 2 else len(classes)

    def floats(*shape: int) -> NDArray[np.float32]:
        return (0.7 * rng.normal(size=shape)).astype(np.float32)

    opened = [OPEN[f.name] for f in schema.fields]
    fields = []
    for field, dims in zip(schema.fields, opened, strict=True):
        shape = (field.n_rows, len(dims) + outputs * linear)
        fields.append(FieldArrays(floats(*shape), floats(*shape) if isinstance(field, NumericField) else None))
    parts = tuple(BagTable(floats(field.n_rows, text_width)) for field in schema.texts if isinstance(field, NgramField))
    text_values = text_width * len(parts)
    widths = [sum(map(len, opened)) + text_values, *deep, outputs] if deep else []
    maps = [len(opened), *cin]
    program = TabularProgram(
        fields=tuple(fields),
        coordinates=np.array([d for dims in opened for d in dims], dtype=np.int32),
        open_per_field=np.array([len(dims) for dims in opened], dtype=np.int32),
        bias=floats(outputs),
        linear=linear,
        deep=tuple((floats(b, a), floats(b)) for a, b in itertools.pairwise(widths)),
        cin=tuple(floats(b, a, len(opened)) for a, b in itertools.pairwise(maps)),
        cin_out=floats(outputs, sum(cin)) if cin else None,
        texts=parts,
        text_out=floats(outputs, text_values) if parts else None,
    )
    answers = program.probabilities(schema.encode(probe_rows(schema, n_rows, 0))).astype(np.float32)
    return CompactModel(
        schema=schema,
        program=program,
        classes_=classes,
        certificate=Certificate(n_rows, 0, 1e-5, 0.0, answers),
        information={
            "n_open": program.coordinates.size,
            "n_dimensions": 21,
            "n_parameters_gated": 400,
            "support": {f.name: len(dims) for f, dims in zip(schema.fields, opened, strict=True)}
            | {f.name: text_width for f in schema.texts},
            "dropped": ["constant"],
            "notes": ["made up"],
            "metrics": {"validation": {"accuracy": 0.8, "auc": 0.9, "log_loss": 0.4, "n_rows": 100}},
        },
    )


def completed(model: CompactModel, method: str, n_rows: int = 60, seed: int = 0) -> CompactModel:
    """Return the model with a calibrator of this method, prediction sets and a summary of rows, all from probe rows."""
    rows = model.encode(probe_rows(model.schema, n_rows, seed + 1))
    proba = model.program.probabilities(rows)
    labels = np.random.default_rng(seed).integers(0, len(model.classes_), n_rows)
    counts: list[NDArray[Any]] = []
    fractions: list[NDArray[Any]] = []
    for i, n in enumerate(model.schema.n_rows):
        counts.append(np.bincount(rows.codes[:, i], minlength=n))
        fractions.append(np.bincount(rows.codes[:, i], rows.fractions[:, i], minlength=n))
    least = [1 if isinstance(field, CategoricalField) else 0 for field in model.schema.fields]
    return replace(
        model,
        calibrator=METHODS[method].fit(proba, labels),
        calibrated=True,
        decision_threshold=0.4 if len(model.classes_) == 2 else None,
        conformal=ConformalSets.fit(proba, labels),
        reference=Reference(
            n_rows,
            tuple(counts),
            tuple(fractions),
            np.array(least, np.int64),
            proba.mean(0),
            proba.std(0),
            model.program.text_values(rows).mean(0, dtype=np.float64),
            np.array(
                [f.is_empty(text).sum() for f, text in zip(model.schema.texts, rows.texts, strict=True)], np.int64
            ),
        ),
    )


def sound_models() -> Iterator[CompactModel]:
    """Yield models of two and more classes, with and without each branch and texts, with every kind of calibrator."""
    yield sound_model()
    yield completed(sound_model((0, 1, 7), cin=(2,)), "isotonic")
    yield completed(sound_model((False, True), deep=(), cin=(2,)), "venn_abers")
    yield completed(sound_model(("a", "b", "c", "d"), deep=(3,), cin=()), "beta")
    yield completed(sound_model(deep=(), cin=()), "platt")
    yield completed(sound_model(("a", "b", "c"), schema=replace(SCHEMA, texts=(TEXT,))), "temperature")
    yield sound_model(deep=(), cin=(), linear=False, schema=Schema((), ("note",), (TEXT,)), text_width=1)


def sound_node_model(
    encoder: str = "gcn",
    classes: tuple[Any, ...] = ("no", "yes"),
    *,
    table: bool = False,
    structure: Structure | None = None,
    weighted: bool = False,
    n_nodes: int = 32,
    seed: int = 0,
) -> CompactNodeModel:
    """Return a model of random weights over nodes, certified by its own answers to ``n_nodes`` that are made up.

    Its calibrator and its prediction sets come from them, too.

    Parameters
    ----------
    encoder : {"gcn", "sage", "gat", "sign", "mlp"}
    classes : tuple
    table : bool
        Whether nodes are the rows of a table with texts, else an array of six columns of which four are read.
    structure : Structure, optional
        Default: each edge both ways, each way with weights of its own.
    weighted : bool
    n_nodes, seed : int
    """
    structure = Structure("both") if structure is None else structure
    rng = np.random.default_rng(seed)
    channels, outputs = range(structure.n_channels), 1 if len(classes) == 2 else len(classes)

    def floats(*shape: int) -> NDArray[np.float32]:
        return (0.7 * rng.normal(size=shape)).astype(np.float32)

    attributes: Attributes
    if table:
        fields = [
            FieldArrays(floats(f.n_rows, 2), floats(f.n_rows, 2) if isinstance(f, NumericField) else None)
            for f in SCHEMA.fields
        ]
        attributes = TableAttributes(replace(SCHEMA, texts=(TEXT,)), tuple(fields), (BagTable(floats(TEXT.n_rows, 3)),))
    else:
        columns = np.array([0, 2, 3, 5], np.int32)
        attributes = ArrayAttributes(6, columns, "columns", floats(4), np.abs(floats(4)) + np.float32(0.5))
    k, width, n_heads = attributes.width, 3, 2
    layers: list[GraphLayer] = []
    hops = 2 if encoder == "sign" else 0
    before = k * (1 + hops * structure.n_channels)
    if encoder in ("gcn", "sage", "gat"):
        for inside, out in ((k, 4), (4, width)):
            weights = tuple(floats(inside, out) for _ in channels)
            if encoder == "gat":
                scores = [tuple(floats(inside, n_heads) for _ in channels) for _ in range(2)]
                heads = (np.arange(out) * n_heads // out).astype(np.int32)
                layers.append(AttentionLayer(weights, scores[0], scores[1], heads, floats(out)))
            else:
                layers.append(LinearLayer(weights, floats(out), floats(inside, out) if encoder == "sage" else None))
        before = width
    widths = [before, *([] if layers else [5, width]), outputs]
    dense = tuple((floats(a, b), floats(b)) for a, b in itertools.pairwise(widths))
    mixing: Any = {"sage": "mean", "gat": "attention"}.get(encoder, "symmetric")
    program = GraphProgram(mixing, structure.n_channels, tuple(layers), hops, dense)
    graph = probe_graph(attributes, structure, weighted, n_nodes, seed)
    proba = program.probabilities(attributes.matrix(graph.nodes), adjacencies(graph, structure))
    labels = rng.integers(0, len(classes), n_nodes)
    return CompactNodeModel(
        attributes=attributes,
        structure=structure,
        program=program,
        weighted=weighted,
        classes_=classes,
        certificate=Certificate(n_nodes, seed, 1e-5, 0.0, proba.astype(np.float32)),
        calibrator=METHODS["platt"].fit(proba, labels),
        conformal=ConformalSets.fit(proba, labels),
        information={
            "n_open": k,
            "n_dimensions": k + 2,
            "support": dict.fromkeys(attributes.names, 1),
            "dropped": [],
            "notes": ["made up"],
            "metrics": {"validation": {"accuracy": 0.8, "log_loss": 0.4, "n_rows": 100}},
            "encoder": encoder,
            "gate_at": "attributes",
        },
    )


def sound_node_models() -> Iterator[CompactNodeModel]:
    """Yield models of every encoder, over arrays and tables, with and without weights, directions and relations."""
    yield sound_node_model("gcn", ("a", "b", "c"), weighted=True)
    yield sound_node_model("sage", (0, 1, 7), table=True, structure=Structure("undirected"))
    yield sound_node_model("gat", (False, True), structure=Structure("forward", ("likes", "größe"), alone=True))
    yield sound_node_model("sign", table=True, structure=Structure("both", ("a", "b")))
    yield sound_node_model("mlp", ("a", "b", "c"))
