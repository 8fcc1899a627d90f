"""Training: the objective, the loop and its history. The same for every modality."""

from l0gm.training.checkpoint import Checkpoint
from l0gm.training.history import History
from l0gm.training.loop import Progress, Trainer
from l0gm.training.objective import Objective, task_loss
from l0gm.training.rows import Batches, Rows, predict

__all__ = ["Batches", "Checkpoint", "History", "Objective", "Progress", "Rows", "Trainer", "predict", "task_loss"]
