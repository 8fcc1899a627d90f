from typing import Any

def evaluate(
    plan: Any, floats: Any, doubles: Any, numbers: Any, codes: Any, texts: Any, out: Any, first: int, last: int, /
) -> None: ...
def sigmoid(logits: Any, out: Any, /) -> bool: ...
def lookup(values: Any, rows: dict[Any, int] | int, out: Any, /) -> list[int]: ...
def evaluate_row(
    plan: Any,
    floats: Any,
    doubles: Any,
    names: tuple[str, ...],
    rows: tuple[dict[Any, int] | int, ...],
    row: dict[str, Any],
    out: Any,
    /,
) -> bool: ...
def use(vectors: str | None = None, /) -> str: ...
