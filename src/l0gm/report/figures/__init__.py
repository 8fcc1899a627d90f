"""The figures of a report, for notebooks and papers.

Each takes what :func:`l0gm.report.read` found, draws on the axes given or on those of a new figure, and returns them:
``figures.compare(methods, "accuracy").figure.savefig("accuracy.svg")``, or ``.png``, or ``.pdf``.
"""

from l0gm.report.figures.compare import compare, front, latency, robustness
from l0gm.report.figures.parts import confusion, gates, reliability
from l0gm.report.figures.training import QUANTITIES, curve

__all__ = ["QUANTITIES", "compare", "confusion", "curve", "front", "gates", "latency", "reliability", "robustness"]
