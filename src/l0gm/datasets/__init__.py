"""Data sets by name: verified, in one canonical form whatever the source, with named splits.

>>> from l0gm import datasets
>>> data = datasets.load("synthetic:mixed", rows=1000, seed=0)
>>> train, test = data.split()
>>> data.frame.shape, data.target, len(test)
((1000, 13), 'churned', 250)

Graphs come from ``load_graph``, and their splits have three parts: ``train, validation, test = data.split()``.
"""

from l0gm.datasets.dataset import Dataset, Entry, GraphDataset
from l0gm.datasets.registry import describe, fetch, is_graph, load, load_graph, names, path

__all__ = [
    "Dataset",
    "Entry",
    "GraphDataset",
    "describe",
    "fetch",
    "is_graph",
    "load",
    "load_graph",
    "names",
    "path",
]
