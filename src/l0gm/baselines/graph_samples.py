"""A GCN that is trained on samples of the graph and answers over all of it: what sampling methods have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from l0gm.baselines.base import Size
from l0gm.baselines.nodes import NodeBaseline
from l0gm.compaction.graphs import apply_nodes, plan_nodes
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.fitting import SchemaFitter
from l0gm.data.graphs import Graph
from l0gm.data.propagation import Operator
from l0gm.encoders.graph import StateEncoder, node_states
from l0gm.encoders.nodes import EVERY, NodeBatch, node_inputs
from l0gm.encoders.text import Ngrams
from l0gm.errors import ParameterError, TrainingError
from l0gm.estimators.attributes import fit_attributes
from l0gm.estimators.conventions import RANDOM_NUMBERS, device_of
from l0gm.estimators.node_parts import NodeParts
from l0gm.gates import IdentityGate
from l0gm.heads import StatesHead
from l0gm.metrics import log_loss
from l0gm.model import GatedModel
from l0gm.training.objective import task_loss
from l0gm.training.rows import predict
from l0gm.training.state import Best

__all__ = ["Sample", "SampledGCN", "Sampler", "matrix_of"]

LOOK = 10
"""Steps after which the validation nodes are looked at."""
STRUCTURE = Structure("undirected")


class Sample(NamedTuple):
    """What one step of training looks at.

    Parameters
    ----------
    nodes : int64 (k,)
        The node at each place; a node may have several.
    messages : sparse (k, k)
        What the message to each place (row) from each other is multiplied with.
    places : int64 (s,)
        Where the training nodes are that the step learns from.
    weight : float32 (s,)
        What each of their losses counts in the mean over them.
    """

    nodes: NDArray[np.int64]
    messages: Any
    places: NDArray[np.int64]
    weight: NDArray[np.float32]


class Sampler(Protocol):
    """Draws samples of a graph."""

    def sample(self) -> Sample:
        """Return the next sample."""
        ...


class SampledGCN(NodeBaseline, ABC):
    """A GCN (Kipf and Welling 2017) that is trained on samples; a subclass draws them.

    Weights are those of the best validation log loss, which is looked at every ten steps and over whole
    neighbourhoods. Answers are exact over all nodes, by the same program as those of l0gm.
    """

    hidden: int
    layers: int
    dropout: float
    lr: float
    l2: float
    steps: int
    patience: int
    device: str

    @abstractmethod
    def _sampler(self, messages: Any, train: NDArray[np.int64], random: np.random.Generator) -> Sampler:
        """Return what draws samples of the graph with these messages, sparse (n, n), to learn training nodes from."""

    def _learn(self, graph: Graph, parts: NodeParts) -> None:
        for name in ("hidden", "layers", "steps", "patience"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise ParameterError(f"{name}={getattr(self, name)!r}: a whole number, at least 1")
        fitter = SchemaFitter(max_bins=16, reader=Ngrams(words=2, min_count=5, most=30_000).reader)
        attributes, self.notes_ = fit_attributes(
            graph,
            parts.nodes["train"],
            parts.labels["train"],
            fitter,
            scaling="auto",
            most_columns=64,
            text_dim=128,
            exclude=parts.used,
            seed=self.seed_,
        )
        with RANDOM_NUMBERS, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed_)
            model = self._trained(graph, parts, attributes.matrix(graph.nodes))
        self.attributes_, self.program_ = apply_nodes(model, plan_nodes(model, attributes), attributes, STRUCTURE)

    def _trained(self, graph: Graph, parts: NodeParts, attributes: NDArray[np.float32]) -> GatedModel:
        device = device_of(self.device)
        mixed = adjacencies(graph, STRUCTURE)
        messages = matrix_of(Operator.symmetric(mixed[0], loop=True))
        train, n_classes = parts.nodes["train"], len(parts.classes)
        sampler = self._sampler(messages, train, np.random.default_rng(self.seed_))
        settings: dict[str, Any] = {"hidden": self.hidden, "width": self.hidden, "layers": self.layers}
        states = node_states(
            "gcn", n_attributes=attributes.shape[1], n_channels=1, heads=1, dropout=self.dropout, center=None,
            scale=None, **settings,
        )  # fmt: skip
        head = StatesHead(self.hidden, 1 if n_classes == 2 else n_classes)
        model = GatedModel(StateEncoder(states), IdentityGate(self.hidden), head).to(device)
        chosen = "validation" if len(parts.nodes["validation"]) else "train"
        nodes, labels = parts.nodes[chosen], parts.labels[chosen]
        rows = node_inputs(
            "gcn", attributes, mixed, {chosen: nodes}, hops=0, fan_outs=(EVERY,) * self.layers, device=device
        )[chosen]
        x = torch.from_numpy(attributes)
        y = torch.zeros(graph.n_nodes, dtype=torch.int64)
        y[torch.from_numpy(train)] = torch.from_numpy(parts.labels["train"])
        groups: list[dict[str, Any]] = [
            {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": self.l2},
            {"params": [p for p in model.parameters() if p.ndim == 1]},
        ]
        optimizer = torch.optim.Adam(groups, lr=self.lr)
        slowing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        best = Best()
        for step in range(1, self.steps + 1):
            sample = sampler.sample()
            at = torch.from_numpy(sample.nodes)
            batch = _batch(x[at], sample, device)
            aim = y[at[torch.from_numpy(sample.places)]].to(device)
            model.train()
            loss = task_loss(model(batch), aim, torch.from_numpy(sample.weight).to(device))
            if not torch.isfinite(loss):
                raise TrainingError(f"the loss became {float(loss)} in step {step}: lower lr={self.lr:g}")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            slowing.step()
            if step % LOOK == 0 or step == self.steps:
                best.offer(log_loss(labels, predict(model, rows).cpu().numpy()), model)
                if best.stale >= self.patience:
                    break
        assert best.weights is not None  # the last step is looked at
        model.load_state_dict(best.weights)
        return model.eval()

    def _answer(self, graph: Graph) -> NDArray[np.float64]:
        return self.program_.probabilities(self.attributes_.matrix(graph.nodes), adjacencies(graph, STRUCTURE))

    def size(self) -> Size:
        """Return the size of the program that answers."""
        return Size(self.hidden, self.hidden, self.program_.n_parameters)


def matrix_of(operator: Operator) -> Any:
    """Return what messages are multiplied with, sparse (receivers, senders), those to the node itself included."""
    adjacency = operator.adjacency
    senders, receivers = adjacency.pairs()
    values = operator.messages(senders, receivers, np.arange(adjacency.n_edges))
    shape = (adjacency.n_nodes, adjacency.n_nodes)
    others = csr_array((values, adjacency.senders, adjacency.starts), shape)
    return csr_array(others + diags_array(operator.loops(np.arange(adjacency.n_nodes))))


def _batch(x: torch.Tensor, sample: Sample, device: torch.device) -> NodeBatch:
    messages = coo_array(sample.messages)
    edges = torch.from_numpy(np.stack([messages.col, messages.row]).astype(np.int64)).to(device)
    weights = torch.from_numpy(messages.data.astype(np.float32)).to(device)
    return NodeBatch(x.to(device), ((edges, weights),), torch.from_numpy(sample.places).to(device))
