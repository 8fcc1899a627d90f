"""The estimator for a graph's nodes: the same gate, trainer and knob, behind a graph encoder."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from l0gm.calibration import Calibrator
from l0gm.compaction.graphs import NodePlan, plan_nodes
from l0gm.data.graphs import as_graph
from l0gm.data.propagation import Precision
from l0gm.decisions import ConformalSets
from l0gm.estimators.conventions import RANDOM_NUMBERS, EstimatorNotFittedError, device_of, seed_of
from l0gm.estimators.node_fitting import check_node_parameters, fit_nodes
from l0gm.estimators.node_parts import masks_of, node_parts
from l0gm.model import GatedModel
from l0gm.runtime.nodes import CompactNodeModel
from l0gm.runtime.served import label_array
from l0gm.training.history import History

__all__ = ["L0GMNodeClassifier"]


class L0GMNodeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier of a graph's nodes, sparse by design (the paper's L0GM, sections 3.1, 4 and 5).

    Each node becomes a state; a hard-concrete gate decides which of its dimensions the linear predictor behind it may
    read, or which attributes are propagated at all. What is closed is cut out: answers come from the smaller model,
    which is exact over all nodes, layer by layer, and independent of PyTorch.

    Parameters
    ----------
    active : float, optional
        Fraction of the interface's dimensions that stay open, met exactly. Default 0.15 where no penalty is given.
    penalty : float, optional
        Instead of ``active``: the paper's lambda on the summed open probabilities.
    encoder : {"gcn", "sage", "gat", "sign", "mlp"}
        GCN, GraphSAGE (mean) and GAT are trained on neighbourhoods; SIGN propagates attributes once and then trains an
        MLP, which is the fastest on a processor; the MLP reads no edges, to compare with. GAT finds weights of its own
        and reads none of the edges'.
    gate_at : {"states", "attributes"}
        The last node states, of ``width`` dimensions; or the nodes' attributes, so that closed ones are never
        propagated, and every layer gets cheaper. The second has one mask for all nodes of a batch.
    gate : str
        As in :class:`l0gm.L0GMClassifier`, but for ``"conditional"``; ``"weights"``, ``"pruned"``, ``"n:m"`` and
        ``"lottery"`` act on the weights of the linear layer behind the node states.
    gate_groups : {"dimension", "field"}
        With ``gate_at="attributes"``: a gate for each column of numbers, or for each column of the nodes' table.
    mask_seed : int, optional
        As in :class:`l0gm.L0GMClassifier`.
    width, hidden : int
        Dimensions of the last state and of those before it.
    layers : int
        Of the graph encoder; of SIGN and the MLP, linear layers up to the last state.
    hops : int
        How far SIGN propagates attributes.
    heads : int
        Of GAT, which share out ``hidden`` and ``width``.
    dropout : float
    direction : {"undirected", "forward", "both"}
        See :class:`l0gm.data.adjacency.Structure`.
    relations : {"fold", "keep"} or sequence of str
        All kinds of edges as one; each with weights of its own; or these alone.
    scaling : {"auto", "none", "rows", "columns"}
        Of attributes in an array: divided by the row's sum, to which closed ones still add, or centred and scaled by
        column.
    most_columns, text_dim : int
        Of a table: how many values of a category are told apart, and dimensions of a text
        (:class:`l0gm.runtime.attributes.TableAttributes`).
    max_bins, min_count, categorical, missing_values, text
        How a table's columns become fields: see :class:`l0gm.data.fitting.SchemaFitter`.
    neighbours : "auto", "all" or sequence of int
        How many neighbours a node receives from in training, the layer nearest the output first; ``"auto"`` takes all
        of them on graphs of up to two million edges, else 15, 10, 5. Prediction always takes all.
    drop_edge : float
        Share of the edges that each step of training is without, others each time (DropEdge, Rong et al. 2020): the
        degrees that messages are divided by are those of what is left. Prediction takes all. SIGN refuses it, whose
        hops are propagated once, before training, and so does the MLP, which reads no edges.
    inductive : bool
        Whether training sees the graph of the training nodes alone, without the other nodes and their edges.
    warmup, ramp, hold, start_temperature, end_temperature : float
        See :class:`l0gm.schedules.Schedule`.
    mask : {"example", "batch"}, optional
        Whether each node or each batch has its own sampled mask. Default: ``"example"``, and ``"batch"`` at attributes.
    inference, threshold, cost
        As in :class:`l0gm.L0GMClassifier`; ``cost`` maps attributes to what they count, with ``gate_at="attributes"``.
    epochs, batch_size : int, optional
        Default: all training nodes at a time where neighbourhoods are whole, 300 steps of them; else batches of 1,024
        nodes and 24 epochs.
    lr, gate_lr, weight_decay, l2, label_smoothing, averaging : float
        See :class:`l0gm.training.Trainer`. The default of ``l2`` suits a few labels; for many thousands, set it to 0.
    calibration_coupling : float
        As in :class:`l0gm.L0GMClassifier`.
    patience : int
        Looks at the validation nodes without a better log loss, after hardening, before training stops.
    validation_fraction, calibration_fraction : float
        Parts of the training nodes that are held out where ``fit`` is given no validation nodes.
    calibration, calibrated, device, random_state, progress, history_path, checkpoint_path
        As in :class:`l0gm.L0GMClassifier`.

    Attributes
    ----------
    classes_ : array (C,)
    notes_ : list of str
        What fit decided.
    model_ : GatedModel
        The PyTorch model, hardened.
    history_ : History
    compact_ : CompactNodeModel
        The smaller model that answers.
    metrics_ : dict
        Measures on the validation (and calibration) nodes, of the raw probabilities.
    parts_ : NodeParts
        The training, validation and calibration nodes.
    seed_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from l0gm import Graph, L0GMNodeClassifier
    >>> y = np.arange(120) % 2
    >>> around = np.stack([np.arange(120), (np.arange(120) + 2) % 120])
    >>> noise = np.random.default_rng(0).normal(size=(120, 8))
    >>> graph = Graph(noise + 0.5 * y[:, None], around)
    >>> model = L0GMNodeClassifier(encoder="sign", active=0.25, epochs=2).fit(graph, y, train=np.arange(80))
    >>> model.predict_proba(graph, np.arange(80, 120)).shape
    (40, 2)
    """

    def __init__(
        self,
        active: float | None = None,
        penalty: float | None = None,
        *,
        encoder: Literal["gcn", "sage", "gat", "sign", "mlp"] = "gcn",
        gate_at: Literal["states", "attributes"] = "states",
        gate: Literal[
            "hard_concrete",
            "weights",
            "gaussian",
            "l1",
            "random",
            "magnitude",
            "static",
            "pruned",
            "n:m",
            "lottery",
            "none",
        ] = "hard_concrete",
        gate_groups: Literal["dimension", "field"] = "dimension",
        mask_seed: int | None = None,
        cost: Mapping[str, float] | None = None,
        width: int = 64,
        hidden: int = 64,
        layers: int = 2,
        hops: int = 3,
        heads: int = 8,
        dropout: float = 0.5,
        direction: Literal["undirected", "forward", "both"] = "undirected",
        relations: Literal["fold", "keep"] | Sequence[str] = "fold",
        scaling: Literal["auto", "none", "rows", "columns"] = "auto",
        most_columns: int = 64,
        text_dim: int = 128,
        max_bins: int = 16,
        min_count: int = 5,
        categorical: Collection[str] = (),
        missing_values: Collection[str | float] = (),
        text: Collection[str] = (),
        neighbours: Literal["auto", "all"] | Sequence[int] = "auto",
        drop_edge: float = 0.0,
        inductive: bool = False,
        warmup: float = 0.1,
        ramp: float = 0.4,
        hold: float = 0.1,
        start_temperature: float = 2.0,
        end_temperature: float = 0.5,
        mask: Literal["example", "batch"] | None = None,
        inference: Literal["binary", "soft"] = "binary",
        threshold: float = 0.5,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 0.01,
        gate_lr: float | None = None,
        weight_decay: float = 0.0,
        l2: float = 5e-4,
        label_smoothing: float = 0.0,
        calibration_coupling: float = 0.0,
        averaging: float = 0.0,
        patience: int = 10,
        validation_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        calibration: Literal["temperature", "platt", "isotonic", "beta", "venn_abers"] = "temperature",
        calibrated: bool = False,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        progress: bool = False,
        history_path: str | os.PathLike[str] | None = None,
        checkpoint_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.active = active
        self.penalty = penalty
        self.encoder = encoder
        self.gate_at = gate_at
        self.gate = gate
        self.gate_groups = gate_groups
        self.mask_seed = mask_seed
        self.cost = cost
        self.width = width
        self.hidden = hidden
        self.layers = layers
        self.hops = hops
        self.heads = heads
        self.dropout = dropout
        self.direction = direction
        self.relations = relations
        self.scaling = scaling
        self.most_columns = most_columns
        self.text_dim = text_dim
        self.max_bins = max_bins
        self.min_count = min_count
        self.categorical = categorical
        self.missing_values = missing_values
        self.text = text
        self.neighbours = neighbours
        self.drop_edge = drop_edge
        self.inductive = inductive
        self.warmup = warmup
        self.ramp = ramp
        self.hold = hold
        self.start_temperature = start_temperature
        self.end_temperature = end_temperature
        self.mask = mask
        self.inference = inference
        self.threshold = threshold
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.gate_lr = gate_lr
        self.weight_decay = weight_decay
        self.l2 = l2
        self.label_smoothing = label_smoothing
        self.calibration_coupling = calibration_coupling
        self.averaging = averaging
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.calibration_fraction = calibration_fraction
        self.calibration = calibration
        self.calibrated = calibrated
        self.device = device
        self.random_state = random_state
        self.progress = progress
        self.history_path = history_path
        self.checkpoint_path = checkpoint_path

    def fit(
        self, graph: Any, y: Any = None, *, train: Any = None, validation: Any = None, split: str | None = None
    ) -> L0GMNodeClassifier:
        """Fit attributes, gate, weights and calibrator.

        Parameters
        ----------
        graph : Graph, PyG ``Data``, or (attributes, edges)
            With ``Data``, its ``y``, ``train_mask`` and ``val_mask`` are the defaults of what follows.
        y : sequence (n,)
            Labels of all nodes: str, int or bool; None, NaN or empty where a node has none.
        train, validation : bool (n,), int (k,), or str, optional
            The nodes to learn from and those to choose the checkpoint with: a mask, numbers, or a column of the nodes
            that holds a mask. Default: all nodes that have a label; and a part of ``train``.
        split : str, optional
            Instead of both, a column of the nodes that says ``train``, ``validation`` (``valid``, ``val``), or anything
            else for nodes to leave alone.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the graph, the labels or a split cannot be used.
        ParameterError
            If an argument is out of range.
        TrainingError
            If the loss is not finite.
        KeyboardInterrupt
            If it is interrupted (Ctrl-C) in training; with a ``checkpoint_path`` the file is written first.
        """
        check_node_parameters(self)
        seed, device = seed_of(self.random_state), device_of(self.device)
        given = as_graph(graph)
        y, train, validation = masks_of(graph, y, train, validation, split)
        parts = node_parts(
            given,
            y,
            train,
            validation,
            split,
            validation_fraction=self.validation_fraction,
            calibration_fraction=self.calibration_fraction,
            seed=seed,
        )
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        self.seed_, self.parts_ = seed, parts
        self.classes_ = label_array(parts.classes)
        with RANDOM_NUMBERS:
            cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
            with torch.random.fork_rng(cuda):
                outcome = fit_nodes(self, given, parts, seed, device)
        self.model_: GatedModel = outcome.model
        self._attributes = outcome.attributes
        self.history_: History = outcome.history
        self.notes_: list[str] = outcome.notes
        self.metrics_: dict[str, dict[str, float]] = outcome.metrics
        self.compact_: CompactNodeModel = outcome.compact
        return self

    def predict_proba(
        self,
        graph: Any,
        nodes: Any = None,
        *,
        known: tuple[Any, Any] | None = None,
        precision: Precision = "float32",
        order: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return class probabilities; see :meth:`l0gm.CompactNodeModel.predict_proba`."""
        return self._fitted.predict_proba(graph, nodes, known=known, precision=precision, order=order)

    def predict(self, graph: Any, nodes: Any = None) -> NDArray[Any]:
        """Return the label that each node is answered with, (n,)."""
        return self._fitted.predict(graph, nodes)

    def predict_set(self, graph: Any, nodes: Any = None, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which labels are in each node's conformal set; see :meth:`l0gm.CompactNodeModel.predict_set`."""
        return self._fitted.predict_set(graph, nodes, coverage)

    def evaluate(self, graph: Any, y: Any, nodes: Any = None) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate`, and how much of the interface is open.

        ``y`` are the labels of ``nodes``, by default of all.
        """
        measures = self._fitted.evaluate(graph, y, nodes)
        gate, behind = self.model_.gate, self.model_.gate.targeted
        share = {"n_open": gate.n_open, "active_fraction": gate.n_open / gate.dim}
        if behind is not gate:
            share |= {"open_weights": behind.n_open, "weight_fraction": behind.n_open / behind.dim}
        return {**measures, **share}

    def score(self, graph: Any, y: Any, nodes: Any = None) -> float:
        """Return the accuracy on these nodes, whose labels are ``y``."""
        return float(self.evaluate(graph, y, nodes)["accuracy"])

    def plan(self) -> NodePlan:
        """Return what was cut; print it to read it."""
        self._fitted  # noqa: B018  # raises where there is none
        return plan_nodes(self.model_, self._attributes)

    def compact(self) -> CompactNodeModel:
        """Return the smaller model: closed dimensions cut out, verified equal."""
        return self._fitted

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the compacted model to one file."""
        return self._fitted.save(path)

    @property
    def calibrator_(self) -> Calibrator:
        """What was fitted on the calibration nodes."""
        return self._fitted.calibrator

    @property
    def conformal_(self) -> ConformalSets | None:
        """What :meth:`predict_set` needs; None without calibration nodes."""
        return self._fitted.conformal

    @property
    def _fitted(self) -> CompactNodeModel:
        if not hasattr(self, "compact_"):
            raise EstimatorNotFittedError("this L0GMNodeClassifier is not fitted: call fit first")
        return self.compact_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "compact_")
