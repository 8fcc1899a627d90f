"""Training: the objective, the loop and its history. The same for every modality."""

from l0gm.training.history import History
from l0gm.training.loop import Progress, Rows, Trainer, predict
from l0gm.training.objective import Objective, task_loss

__all__ = ["History", "Objective", "Progress", "Rows", "Trainer", "predict", "task_loss"]
