"""How far a command is, on a terminal: a bar where rich is installed, else a line that counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Show", "showing"]

Show = Callable[[int, float], None]
"""Called with the number of rows that are done and the share of all that they are."""

SECONDS = 0.2  # between two updates of the line


@contextmanager
def showing(title: str, wanted: bool) -> Iterator[Show]:
    """Yield what is to be told of each batch; nothing is shown unless it is ``wanted``."""
    if not wanted:
        yield lambda rows, share: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield from _line(title)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(title, total=1.0, rows=0)
        yield lambda rows, share: bar.update(task, completed=share, rows=rows)


def _line(title: str) -> Iterator[Show]:
    shown = 0.0

    def show(rows: int, share: float) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SECONDS or share >= 1.0:
            shown = now
            sys.stderr.write(f"\r{title} {share:4.0%} {rows:,} rows\033[K")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\n")
