"""The command ``l0gm``: its subcommands, and what becomes of errors."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from l0gm import __version__
from l0gm.cli import (
    bench,
    compact,
    data,
    evaluate,
    explain,
    monitor,
    paper,
    predict,
    report,
    robustness,
    show,
    sweep,
    threshold,
    train,
)
from l0gm.errors import L0GMError

__all__ = ["app", "main"]

USER_ERROR = 2
INTERRUPTED = 130


class _Commands(TyperGroup):
    """A group in which every error that l0gm raises on purpose ends in one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here its failure can still be told
        except L0GMError as error:
            typer.echo(f"l0gm: error: {_one_line(str(error))}", err=True)
            raise typer.Exit(USER_ERROR) from error
        except BrokenPipeError:  # a reader that has seen enough
            raise
        except OSError as error:  # files have errors of their own: what is left is a full disk behind the output
            what = error if error.filename else f"standard output cannot be written ({error})"
            typer.echo(f"l0gm: error: {what}", err=True)
            raise typer.Exit(USER_ERROR) from error
        except KeyboardInterrupt as error:
            typer.echo(f"l0gm: interrupted{f': {error}' if error.args else ''}", err=True)
            raise typer.Exit(INTERRUPTED) from error
        return result


def _one_line(message: str) -> str:
    first, *others = (line.strip() for line in message.strip().splitlines() or [""])
    return " ".join([first, "; ".join(others)]).strip()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"l0gm {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train classifiers that are sparse by design, and use them without PyTorch."""


# Plain help: it starts faster than the coloured one, and examples stay as they are written.
app = typer.Typer(
    name="l0gm",
    cls=_Commands,
    callback=_root,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "\b\nExamples:\n"
        "  l0gm train adult --active 0.15 --seeds 5\n"
        "  l0gm show runs/adult/seed-0/model.l0gm\n"
        "  l0gm predict runs/adult/seed-0/model.l0gm people.csv --out answers.csv"
    ),
)
for command in (
    *(train, sweep, evaluate, predict, explain, monitor, robustness, threshold, compact, show, bench, paper),
    report,
):
    app.command(command.__name__.rpartition(".")[2], epilog=command.EXAMPLES)(command.run)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line."""
    app(prog_name="l0gm")
