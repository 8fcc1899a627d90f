"""The scikit-learn face."""

from l0gm.estimators.classifier import L0GMClassifier

__all__ = ["L0GMClassifier"]
