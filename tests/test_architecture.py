"""ARCHITECTURE.md's table of rooms is what the code does."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "l0gm"
HEAVY = {"torch", "sklearn", "pandas", "pyarrow", "polars", "scipy", "rich", "matplotlib", "hypothesis"}
HEAVY |= {"transformers", "tokenizers", "jinja2"}
FREE_OF_IMPORTS = {"__init__", "__main__"}


def rooms():
    table = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        match = re.fullmatch(r"\| (\w+) \| ([\w, ]*?) ?\| (yes|no) \|", line)
        if match:
            allowed = {name.strip() for name in match[2].split(",") if name.strip()}
            table[match[1]] = (allowed, match[3] == "yes")
    return table


def modules():
    return sorted(path for path in SOURCE.rglob("*.py"))


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path, top_level_only):
    tree = ast.parse(path.read_text())
    nodes = [n for n in tree.body if not is_type_checking(n)] if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "l0gm":
                yield from (f"l0gm.{alias.name}" for alias in node.names)


def test_the_table_names_every_room():
    found = {room_of(path) for path in modules()} - FREE_OF_IMPORTS
    assert found == set(rooms())


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    if room in FREE_OF_IMPORTS:
        pytest.skip("the package's face imports lazily")
    allowed, heavy = rooms()[room]
    used = {name.split(".")[1] for name in imports(path, False) if name.startswith("l0gm.")}
    used -= {"__version__"}
    assert used <= allowed | {room}
    if not heavy:
        top = {name.split(".")[0] for name in imports(path, True)}
        assert not top & HEAVY


def test_the_table_has_no_circles():
    table = {room: set(allowed) for room, (allowed, _) in rooms().items()}
    while table:
        free = {room for room, allowed in table.items() if not allowed & set(table)}
        assert free, f"rooms import each other: {sorted(table)}"
        table = {room: allowed for room, allowed in table.items() if room not in free}


def test_only_known_packages_are_imported():
    known = HEAVY | {"numpy", "numba", "narwhals", "safetensors", "typer", "l0gm", "click"}
    for path in modules():
        foreign = {name.split(".")[0] for name in imports(path, False)} - set(sys.stdlib_module_names)
        assert foreign <= known, path
