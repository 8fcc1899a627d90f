"""docs/reference/ is what the docstrings say."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def builder():
    spec = importlib.util.spec_from_file_location("build_reference", DOCS / "build_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILDER = builder()


@pytest.mark.parametrize("name", BUILDER.PAGES)
def test_a_page_is_up_to_date(name):
    there = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert there == BUILDER.page(*BUILDER.PAGES[name]), "run python docs/build_reference.py"


def test_the_page_of_the_command_line_names_every_option():
    """Its layout is that of the installed typer, so it is not compared letter by letter."""
    from typer.main import get_command

    from l0gm.cli import app

    text = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")

    def check(path, command):
        assert f"## `{' '.join(['l0gm', *path])}`" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in text
        for name, inner in getattr(command, "commands", {}).items():
            check([*path, name], inner)

    check([], get_command(app))


def test_every_page_is_in_the_index():
    index = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    for path in (DOCS / "reference").glob("*.md"):
        assert path.stem == "index" or f"({path.name})" in index
