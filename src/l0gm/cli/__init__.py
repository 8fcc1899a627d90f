"""The command line: one file a subcommand. Nothing heavy is imported before a command needs it."""

from l0gm.cli.app import app, main

__all__ = ["app", "main"]
