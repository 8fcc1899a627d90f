import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from l0gm.cli import app
from l0gm.datasets import load

QUICK = ["--epochs", "2", "--deep", "8", "--cin", "2", "--embedding-dim", "4"]


@dataclass(frozen=True)
class Run:
    """What ``train`` made of people.csv, and what it printed."""

    folder: Path
    people: Path
    frame: pd.DataFrame
    summary: dict[str, Any]
    stderr: str

    @property
    def model(self) -> Path:
        return self.folder / "seed-0" / "model.l0gm"


@pytest.fixture(scope="session")
def quick():
    """Options of ``train`` that make a fit take a fraction of a second."""
    return QUICK


@pytest.fixture(scope="session")
def l0gm():
    """Run the command line in this process; unexpected exceptions come through."""

    def run(*args):
        return CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)

    return run


@pytest.fixture(scope="session")
def refuses(l0gm):
    """Run a command that must end in one line of error; return that line."""

    def run(*args):
        result = l0gm(*args)
        assert result.exit_code == 2
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("l0gm: error: ")
        return line

    return run


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """A folder with the same 500 rows as people.csv, .tsv, .parquet and .feather."""
    folder = tmp_path_factory.mktemp("people")
    frame = load("synthetic:mixed", rows=500).frame.drop(columns=["account", "constant", "empty", "region"])
    frame["id"] = np.arange(len(frame)) + 1000
    frame.to_csv(folder / "people.csv", index=False)
    frame.to_csv(folder / "people.tsv", index=False, sep="\t")
    frame.to_parquet(folder / "people.parquet")
    frame.to_feather(folder / "people.feather")
    return folder


@pytest.fixture(scope="session")
def trained(l0gm, people, tmp_path_factory):
    """Two seeds trained on people.csv by the command line."""
    folder, path = tmp_path_factory.mktemp("runs") / "people", people / "people.csv"
    asked = ["--target", "churned", "--drop", "id", "--active", "0.3", "--seeds", "2", "--out", folder, "--json"]
    result = l0gm("train", path, *asked, *QUICK)
    assert result.exit_code == 0, result.stderr
    return Run(folder, path, pd.read_csv(path), json.loads(result.stdout), result.stderr)
