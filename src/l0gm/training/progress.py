"""The progress bar: phase, loss, open dimensions and remaining time."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from l0gm.errors import MissingExtraError
from l0gm.training.loop import Progress

__all__ = ["ProgressBar"]

_SMOOTHING = 0.02


class ProgressBar:
    """A bar on standard error; call it with a :class:`Progress` after each step, within a ``with`` block.

    Parameters
    ----------
    title : str
    every : int
        Steps between two updates.
    """

    def __init__(self, title: str = "fit", every: int = 10) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
        except ImportError as error:
            raise MissingExtraError("rich", "train", "the progress bar") from error
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=None, facts="")
        self._every = every
        self._loss: float | None = None

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where training is."""
        previous = progress.loss if self._loss is None else self._loss
        self._loss = previous + _SMOOTHING * (progress.loss - previous)
        if progress.step % self._every and progress.step != progress.total:
            return
        fields: dict[str, Any] = {
            "facts": f"{progress.phase:<9} loss {self._loss:.4f}  open {progress.n_open:>4} of {progress.dim}"
        }
        self._bar.update(self._task, completed=progress.step, total=progress.total, **fields)
