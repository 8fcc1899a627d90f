"""A small MLP on one-hot codes and standardised numbers, trained with PyTorch and answered by ONNX Runtime."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.experiments.bench.contestant import Answer, library
from l0gm.experiments.bench.matrices import MatrixPeer

__all__ = ["MLP"]

WIDTHS = (128, 64)
DROPOUT = 0.2
BATCH = 256
EPOCHS = 60
PATIENCE = 6
"""Epochs without a better validation log loss after which training stops."""


class MLP(MatrixPeer):
    """Two hidden layers with ReLU; missing numbers are the mean, beside a column that says so.

    The first layer's product with one-hot codes is a sum of rows of its weights, in training as in ONNX.
    """

    key = "mlp"
    name = "MLP, ONNX Runtime"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx")
    dtype: ClassVar[Any] = np.float32

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the network, keep the weights of the best epoch and write them as ONNX."""
        import torch

        onnx = library("onnx", type(self))
        self.runtime = library("onnxruntime", type(self))
        rated = sorted(self.rates)
        first = len(self.coder.numeric)
        self.coded = [first + i for i in range(len(self.coder.n_codes)) if first + i not in rated]
        self.numbers = [*range(first), *range(self.coder.n_columns, X.shape[1])]
        counts = [self.coder.n_codes[j - first] for j in self.coded]
        self.offsets = np.cumsum([0, *counts])[:-1].astype(np.int64)
        numbers = X[:, self.numbers].astype(np.float64)
        self.gaps = [i for i, column in enumerate(numbers.T) if np.isnan(column).any()]
        known = np.ma.masked_invalid(numbers)
        self.mean = known.mean(0).filled(0.0).astype(np.float32)
        spread = known.std(0).filled(1.0)
        self.scale = np.where(spread > 0, spread, 1.0).astype(np.float32)

        n_out = self.n_classes if self.n_classes > 2 else 1
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            table = torch.nn.EmbeddingBag(max(sum(counts), 1), WIDTHS[0], mode="sum")
            torch.nn.init.normal_(table.weight, std=(1.0 / max(X.shape[1], 1)) ** 0.5)
            layers = torch.nn.ModuleList(
                torch.nn.Linear(before, after)
                for before, after in zip((len(self.numbers) + len(self.gaps), *WIDTHS), (*WIDTHS, n_out), strict=True)
            )
            self._train(table, layers, X, y, V, v)
        parameters = [parameter.detach().numpy() for parameter in layers.parameters()]
        weights = list(zip(parameters[::2], parameters[1::2], strict=True))
        self.n_parameters = table.weight.numel() + sum(w.size + b.size for w, b in weights)
        self.model = _graph(onnx, self, table.weight.detach().numpy(), weights).SerializeToString()

    def predictor(self, threads: int) -> Answer:
        """Return what is timed."""
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = self.runtime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        return lambda X: session.run(None, {"rows": X})[0]

    def size(self) -> dict[str, Any]:
        """Return parameters and the bytes of the model file."""
        return {"n_parameters": self.n_parameters, "bytes": len(self.model)}

    def _train(
        self, table: Any, layers: Any, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]
    ) -> None:
        import torch
        from torch.nn import functional

        parameters = [*table.parameters(), *layers.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.02)
        train, valid = (tuple(torch.from_numpy(part) for part in self._parts(rows)) for rows in (X, V))
        targets, held = torch.from_numpy(y), torch.from_numpy(v)

        def loss(numbers: Any, codes: Any, target: Any, training: bool) -> Any:
            hidden = layers[0](numbers) + table(codes) if codes.shape[1] else layers[0](numbers)
            for layer in layers[1:]:
                hidden = layer(functional.dropout(functional.relu(hidden), DROPOUT, training))
            if hidden.shape[1] == 1:
                return functional.binary_cross_entropy_with_logits(hidden[:, 0], target.float())
            return functional.cross_entropy(hidden, target)

        best, kept, since = float("inf"), [copy.deepcopy(p.data) for p in parameters], 0
        for _ in range(min(EPOCHS, self.most)):
            for rows in torch.randperm(len(targets)).split(BATCH):
                optimizer.zero_grad()
                loss(train[0][rows], train[1][rows], targets[rows], True).backward()
                optimizer.step()
            with torch.no_grad():
                now = float(loss(valid[0], valid[1], held, False))
            if now < best:
                best, kept, since = now, [p.data.clone() for p in parameters], 0
            elif (since := since + 1) >= PATIENCE:
                break
        for p, data in zip(parameters, kept, strict=True):
            p.data = data

    def _parts(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return what the layers read: numbers with their gaps (n, k) and rows of the table (n, m)."""
        numbers = X[:, self.numbers]
        missing = np.isnan(numbers)
        filled = np.where(missing, np.float32(0.0), (numbers - self.mean) / self.scale)
        codes = X[:, self.coded].astype(np.int64) + self.offsets
        return np.concatenate([filled, missing[:, self.gaps]], axis=1, dtype=np.float32), codes


def _graph(onnx: Any, mlp: MLP, table: NDArray[Any], weights: list[tuple[NDArray[Any], NDArray[Any]]]) -> Any:
    """Return the network as ONNX, from raw rows (n, columns) to probabilities: (n, 1), or (n, C) of several classes.

    Mean and scale are folded into the first layer: a missing number becomes the mean, and the weight of its
    indicator is added.
    """
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, constants = [], []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    (first, first_bias), *others = weights
    n_numbers = len(mlp.numbers)
    matrix = (first[:, :n_numbers] / mlp.scale).T.astype(np.float32)
    bias = (first_bias - (mlp.mean / mlp.scale) @ first[:, :n_numbers].T).astype(np.float32)
    parts = []
    if n_numbers:
        numbers = node("Gather", ["rows", constant("numbers_at", np.array(mlp.numbers, np.int64))], "numbers", axis=1)
        if mlp.gaps:
            missing = node("IsNaN", [numbers], "missing")
            numbers = node("Where", [missing, constant("mean", mlp.mean[None]), numbers], "filled")
            floats = node("Cast", [missing], "missing_float", to=onnx.TensorProto.FLOAT)
            gaps = np.zeros((n_numbers, len(first)), np.float32)
            gaps[mlp.gaps] = first[:, n_numbers:].T
            parts.append(node("MatMul", [floats, constant("gaps", gaps)], "of_gaps"))
        parts.append(node("Gemm", [numbers, constant("first", matrix), constant("first_bias", bias)], "of_numbers"))
    if mlp.coded:
        codes = node("Gather", ["rows", constant("codes_at", np.array(mlp.coded, np.int64))], "codes_float", axis=1)
        codes = node("Cast", [codes], "codes", to=onnx.TensorProto.INT64)
        codes = node("Add", [codes, constant("offsets", mlp.offsets[None])], "places")
        found = node("Gather", [constant("table", table), codes], "found")
        axes = constant("axes", np.array([1], np.int64))
        parts.append(node("ReduceSum", [found, axes], "of_codes", keepdims=0))
    hidden = parts[0]
    for i, part in enumerate(parts[1:]):
        hidden = node("Add", [hidden, part], f"sum_{i}")
    if not n_numbers:
        hidden = node("Add", [hidden, constant("first_bias", bias)], "biased")
    for i, (weight, own) in enumerate(others):
        hidden = node("Relu", [hidden], f"relu_{i}")
        given = [hidden, constant(f"weight_{i}", weight), constant(f"bias_{i}", own)]
        hidden = node("Gemm", given, f"layer_{i}", transB=1)
    node("Sigmoid" if weights[-1][0].shape[0] == 1 else "Softmax", [hidden], "probabilities")
    shape, kind = ["n", None], onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("rows", kind, ["n", None])],
        [helper.make_tensor_value_info("probabilities", kind, shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model
