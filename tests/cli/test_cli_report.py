"""``l0gm report``: a page of what ``l0gm train`` left, figures as files, and commands that repeat it."""

from __future__ import annotations

import shlex

import pytest
from typer.main import get_command

from l0gm.cli import app
from l0gm.report.commands import FLAGS, command_of

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


def test_a_page_of_a_training(l0gm, trained, tmp_path):
    page = tmp_path / "page.html"
    done = l0gm("report", trained.folder, "--out", page, "--title", "Churn")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"4 runs of 2 methods on 1 data sets: {page}\n"
    text = page.read_text(encoding="utf-8")
    assert "<title>Churn" in text
    assert f"{trained.summary['accuracy']['mean']:.4f} ± {trained.summary['accuracy']['std']:.4f}" in text
    for title in ("Reliability", "Confusion matrices", "Training", "Gates by field"):
        assert f"<h3>{title}</h3>" in text
    assert "l0gm robustness MODEL DATA --out DIR" in text


def test_the_command_on_the_page_is_the_one_that_was_given(trained):
    command = command_of("train", trained.summary, trained.folder)
    words = shlex.split(command.line)
    assert words[:3] == ["l0gm", "train", str(trained.people)]
    parsed = get_command(app).commands["train"].make_context("train", words[2:], resilient_parsing=False).params
    asked = {"target": "churned", "seeds": 2, "active": "0.3", "epochs": 2, "deep": "8", "cin": "2", "embedding_dim": 4}
    assert {name: parsed[name] for name in asked} == asked
    assert parsed["out"] == trained.folder
    assert parsed["dense"]


def test_settings_of_commands_are_options_of_train():
    options = {option for parameter in get_command(app).commands["train"].params for option in parameter.opts}
    assert set(FLAGS.values()) <= options


def test_figures_as_files(l0gm, trained, tmp_path):
    done = l0gm("report", trained.folder, "--out", tmp_path / "x.html", "--figures", tmp_path / "f", "--formats", "svg")
    assert done.exit_code == 0, done.stderr
    files = sorted((tmp_path / "f").iterdir())
    assert len(files) > 8
    assert {path.suffix for path in files} == {".svg"}
    assert done.stdout.splitlines()[1] == f"{len(files)} files of figures: {tmp_path / 'f'}"


def test_what_is_damaged_is_named(l0gm, trained, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(trained.folder, folder)
    record = folder / "seed-1" / "metrics.json"
    record.write_text(record.read_text()[:200])
    done = l0gm("report", folder)
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "seed-1/metrics.json is left out: it is no whole JSON object, as of a run that was killed"
    ]
    assert done.stdout == f"3 runs of 2 methods on 1 data sets: {folder / 'report.html'}\n"


def test_a_folder_with_nothing_to_show(refuses, tmp_path):
    assert "holds nothing that l0gm report knows" in refuses("report", tmp_path)
    assert "is no folder" in refuses("report", tmp_path / "none")
