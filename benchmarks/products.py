"""A graph of ogbn-products' size on a processor: times, memory and what the gate on the attributes saves.

    python benchmarks/products.py                 # every stage at the whole size, and the growth from 1/64 on
    python benchmarks/products.py --stages sign,propagation --scale 0.0625

Each stage is a process of its own, so that its peak of memory is its own. Times of things that are compared are taken
in turns in one process. The results are in benchmarks/results/products.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # huge pages, which PyTorch leaves off

RESULTS = Path(__file__).parent / "results" / "products.json"
SIGN = {"encoder": "sign", "lr": 0.002, "dropout": 0.5, "hidden": 256, "weight_decay": 0.02, "l2": 0.0}
EPOCHS = 10
GIB = 2**20  # of the kilobytes that the kernel counts
LARGEST_PEER = 1 / 4  # at the whole size PyG takes many minutes
EDGES = 61.859140  # million undirected ones, at the whole size
GROWTH = (1 / 64, 1 / 16, 1 / 4, 1.0)


def load(scale: float) -> Any:
    from l0gm.datasets import load_graph

    return load_graph("synthetic:products", scale=scale)


def fitted(data: Any, **options: Any) -> Any:
    from l0gm import L0GMNodeClassifier

    train, validation, _ = data.split()
    return L0GMNodeClassifier(**(SIGN | {"epochs": EPOCHS} | options)).fit(
        data.graph, data.labels, train=train, validation=validation
    )


def accuracy(data: Any, model: Any, proba: Any) -> float:
    test = data.split()[2]
    return float((model.classes_[proba[test].argmax(1)] == data.labels[test]).mean())


def timed(call: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def generate(scale: float) -> dict[str, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        before, os.environ["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME"), folder
        seconds, data = timed(lambda: load(scale))
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
        return {"seconds": seconds, "nodes": data.graph.n_nodes, "edges": data.graph.n_edges}


def sign(scale: float, **options: Any) -> dict[str, Any]:
    """From the raw graph to predictions for all nodes."""
    data = load(scale)
    fit, model = timed(lambda: fitted(data, **options))
    predict, proba = timed(lambda: model.predict_proba(data.graph))
    train = model.history_.last("end")
    return {
        "seconds": fit + predict,
        "fit_seconds": fit,
        "of_which_training": train["seconds"],
        "epochs": train["epochs"],
        "predict_seconds": predict,
        "open": f"{model.model_.gate.n_open} of {model.model_.gate.dim}",
        "test_accuracy": accuracy(data, model, proba),
        "validation_accuracy": model.metrics_["validation"]["accuracy"],
    }


def propagation(scale: float, repeats: int = 5) -> dict[str, Any]:
    """Three hops of all attributes, and of those that the gate left open, each by its own fastest way."""
    import numpy as np

    from l0gm.data.adjacency import Structure, adjacencies, locality_order
    from l0gm.data.propagation import hop_operators, hop_states

    data = load(scale)
    dense, cut = fitted(data, gate="none"), fitted(data, gate_at="attributes", active=0.15)
    (adjacency,) = adjacencies(data.graph, Structure("undirected"))
    ordering, order = timed(lambda: locality_order(adjacency))
    renumbering, ordered = timed(lambda: adjacency.reordered(order))
    plain, near = hop_operators((adjacency,), 3), hop_operators((ordered,), 3)
    ways: dict[str, Any] = {}
    for name, model in (("dense", dense), ("15 %", cut)):
        x = np.ascontiguousarray(model.compact_.attributes.matrix(data.graph.nodes))
        for precision in ("float32", "bfloat16"):
            ways[f"{name}, {precision}"] = (x, plain, precision)
            ways[f"{name}, {precision}, ordered"] = (x[order], near, precision)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):  # in turns
        for name, (x, mixed, precision) in ways.items():
            taken, _ = timed(
                lambda x=x, mixed=mixed, precision=precision: [0 for _ in hop_states(x, mixed, 3, precision)]
            )
            seconds[name].append(taken)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    best_dense = min(value for name, value in median.items() if name == "dense, float32")
    scores = {}
    for name, model in (("dense", dense), ("15 %", cut)):
        for precision in ("float32", "bfloat16"):
            proba = model.predict_proba(data.graph, precision=precision)
            scores[f"{name}, {precision}"] = accuracy(data, model, proba)
    return {
        "seconds": median,
        "all_seconds": seconds,
        "times_faster_than_dense_float32": {name: best_dense / value for name, value in median.items()},
        "times_faster_than_dense_of_the_same_way": {
            name: median[name.replace("15 %", "dense")] / value for name, value in median.items() if "15 %" in name
        },
        "test_accuracy": scores,
        "order_seconds": ordering,
        "renumber_seconds": renumbering,
        "open": f"{cut.model_.gate.n_open} of {cut.model_.gate.dim}",
    }


def gcn(scale: float) -> dict[str, Any]:
    """Inference of a GCN of three layers, 256 wide, over all nodes; its weights are random, which costs the same."""
    import numpy as np

    from l0gm.data.adjacency import Structure, adjacencies
    from l0gm.runtime.graphs import GraphProgram
    from l0gm.runtime.layers import LinearLayer

    data = load(scale)
    draw = np.random.default_rng(0)

    def weights(before: int, after: int) -> Any:
        return (draw.standard_normal((before, after)) / before**0.5).astype(np.float32)

    found = {}
    for name, width in (("dense, 64 states", 64), ("15 % of the states", 10)):
        pairs = [(100, 256), (256, 256), (256, width)]
        layers = tuple(LinearLayer((weights(*pair),), np.zeros(pair[1], np.float32)) for pair in pairs)
        program = GraphProgram("symmetric", 1, layers, 0, ((weights(width, 47), np.zeros(47, np.float32)),))
        start = time.perf_counter()
        mixed = adjacencies(data.graph, Structure("undirected"))
        built = time.perf_counter() - start
        x = np.ascontiguousarray(data.graph.nodes)
        seconds, _ = timed(lambda program=program, x=x, mixed=mixed: program.probabilities(x, mixed))
        found[name] = {"adjacency_seconds": built, "seconds": seconds}
    return found


def peer(scale: float, repeats: int = 3) -> dict[str, Any]:
    """PyG's own layers over the whole graph beside ours, with the same weights, in turns."""
    import numpy as np
    import torch
    from torch_geometric.nn import GCNConv
    from torch_geometric.nn.conv.gcn_conv import gcn_norm
    from torch_geometric.utils import to_torch_csr_tensor

    from l0gm.data.adjacency import Structure, adjacencies
    from l0gm.runtime.graphs import GraphProgram
    from l0gm.runtime.layers import LinearLayer

    data = load(scale)
    (adjacency,) = adjacencies(data.graph, Structure("undirected"))
    torch.manual_seed(0)
    pairs = [(100, 256), (256, 256), (256, 47)]
    convolutions = torch.nn.ModuleList(GCNConv(*pair) for pair in pairs).eval()
    layers = tuple(
        LinearLayer((c.lin.weight.detach().numpy().T.copy(),), c.bias.detach().numpy()) for c in convolutions
    )
    identity = (np.eye(47, dtype=np.float32), np.zeros(47, np.float32))
    program = GraphProgram("symmetric", 1, layers, 0, (identity,))
    edges = torch.from_numpy(adjacency.pairs())
    x = np.array(data.graph.nodes)
    fast = torch.nn.ModuleList(GCNConv(*pair, normalize=False, add_self_loops=False) for pair in pairs).eval()
    fast.load_state_dict(convolutions.state_dict())
    normed = to_torch_csr_tensor(*gcn_norm(edges, None, adjacency.n_nodes), size=(adjacency.n_nodes,) * 2)

    @torch.no_grad()
    def theirs(convolutions: Any, given: Any) -> Any:
        state = torch.from_numpy(x)
        for number, convolution in enumerate(convolutions):
            state = convolution(state, given)
            state = state.relu() if number < len(convolutions) - 1 else state
        return torch.softmax(state.double(), 1).numpy()

    ways = {
        "l0gm": lambda: program.probabilities(x, (adjacency,)),
        "PyG, edge_index": lambda: theirs(convolutions, edges),
        "PyG, normalised CSR": lambda: theirs(fast, normed),
    }
    if scale > 1 / 8:
        del ways["PyG, edge_index"]  # a message an edge: it would take 256 * 4 bytes for each of them
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for _ in range(repeats):
        for name, way in ways.items():
            taken, answers[name] = timed(way)
            seconds[name].append(taken)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    return {
        "seconds": median,
        "times_l0gm": {name: value / median["l0gm"] for name, value in median.items()},
        "largest_difference": {name: float(np.abs(a - answers["l0gm"]).max()) for name, a in answers.items()},
    }


def sage_epoch(scale: float) -> dict[str, Any]:
    """One epoch of GraphSAGE on sampled neighbourhoods, on a GPU where there is one."""
    import torch

    data = load(scale)
    options = {
        "encoder": "sage",
        "layers": 3,
        "hidden": 256,
        "width": 64,
        "neighbours": (15, 10, 5),
        "batch_size": 1024,
    }
    seconds, model = timed(lambda: fitted(data, **options, epochs=1, gate="none"))
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "epoch_seconds": model.history_.last("end")["seconds"],
        "fit_seconds": seconds,
    }


STAGES: dict[str, Any] = {
    "generation": generate,
    "sign": lambda scale: sign(scale, gate="none"),
    "sign, 15 % of the states": lambda scale: sign(scale, active=0.15),
    "sign, 15 % of the attributes": lambda scale: sign(scale, active=0.15, gate_at="attributes"),
    "mlp": lambda scale: sign(scale, gate="none", encoder="mlp"),
    "propagation": propagation,
    "gcn": gcn,
    "peer": peer,
    "sage epoch": sage_epoch,
}
GROWING = ("generation", "sign", "sign, 15 % of the attributes", "gcn")


def run(stage: str, scale: float) -> dict[str, Any]:
    """Run a stage in its own process and return what it found, with its peak of memory."""
    command = [sys.executable, __file__, "--one", stage, "--scale", str(scale)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"failed": f"exit status {done.returncode}"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(stage: str, scale: float) -> None:
    import resource

    found = STAGES[stage](scale)
    found["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    print(json.dumps(found))


def value_of(found: dict[str, Any], key: str) -> float:
    """Return a stage's time or memory; of inference alone, that of the dense model."""
    return float((found.get("dense, 64 states", found) if key == "seconds" else found)[key])


def plot(record: dict[str, Any], path: Path) -> None:
    """Draw time and memory against the size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    for stage in GROWING:
        points = [(scale, record["stages"].get(f"{stage} @ {scale:g}", {})) for scale in GROWTH]
        for axes, key in ((time_axes, "seconds"), (memory_axes, "peak_gib")):
            drawn = [(scale * EDGES, value_of(found, key)) for scale, found in points if "peak_gib" in found]
            if drawn:
                axes.plot(*zip(*drawn, strict=True), marker="o", label=stage)
    for axes, label in ((time_axes, "seconds"), (memory_axes, "peak memory, GiB")):
        axes.set(xscale="log", yscale="log", xlabel="million undirected edges", ylabel=label)
        axes.grid(alpha=0.3)
    time_axes.legend(fontsize=8)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--stages", default=";".join(name for name in STAGES if name != "sage epoch"))
    parser.add_argument("--growth", action="store_true", help="also the smaller sizes, for the plot")
    parser.add_argument("--one", choices=list(STAGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.scale)
        return
    from l0gm.experiments.machine import hardware, versions
    from l0gm.experiments.records import read_json, write_json

    record = read_json(RESULTS) or {"stages": {}}
    asked = [name for name in STAGES if name in [part.strip() for part in given.stages.split(";")]]
    todo = [(stage, min(given.scale, LARGEST_PEER) if stage == "peer" else given.scale) for stage in asked]
    if given.growth:
        todo += [(stage, scale) for scale in GROWTH for stage in GROWING if (stage, scale) not in todo]
    for stage, scale in todo:
        found = run(stage, scale)
        print(f"{stage} @ {scale:g}: {json.dumps(found)}", flush=True)
        record["stages"][f"{stage} @ {scale:g}"] = found
        record |= {"hardware": hardware(), "versions": versions()}
        write_json(RESULTS, record)
    plot(record, RESULTS.with_suffix(".svg"))


if __name__ == "__main__":
    main()
