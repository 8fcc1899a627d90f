"""The scikit-learn face."""

from l0gm.estimators.classifier import L0GMClassifier
from l0gm.estimators.nodes import L0GMNodeClassifier

__all__ = ["L0GMClassifier", "L0GMNodeClassifier"]
