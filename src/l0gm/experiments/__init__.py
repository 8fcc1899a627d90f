"""Runs over several seeds, with everything that is needed to believe, repeat or continue them."""

from l0gm.experiments.nodes import measure_nodes, run_graph_seeds
from l0gm.experiments.rows import run_seeds

__all__ = ["measure_nodes", "run_graph_seeds", "run_seeds"]
