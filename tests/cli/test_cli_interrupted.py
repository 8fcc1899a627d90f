"""Ctrl-C on the command line: exit code 130, one line that says how to go on, and the same command does."""

import signal
import subprocess
import sys
import time

import pytest

PROCESS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests
from l0gm.training import checkpoint
checkpoint.EVERY = 0.05
from l0gm.cli import main
main()
"""


@pytest.fixture
def command(people, quick, tmp_path):
    """Arguments of a training of some seconds."""

    def make(out, *more):
        table = people / "people.csv"
        args = ["train", table, "--target", "churned", "--drop", "id", "--no-dense", "--out", tmp_path / out, *quick]
        return [str(arg) for arg in (*args, "--epochs", "40", *more)]

    return make


def interrupted(args, history, lines):
    """Run the command line, press Ctrl-C when the history has so many lines; return the finished process."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and (not history.is_file() or history.read_text().count("\n") < lines):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(args, process.returncode, stdout, stderr)


def test_ctrl_c_and_the_same_command_again(command, l0gm, tmp_path):
    folder = tmp_path / "run" / "seed-0"
    done = interrupted(command("run"), folder / "history.jsonl", 5)
    assert done.returncode == 130
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("l0gm: interrupted: seed 0, gated, epoch ")
    assert line.endswith("; the same command goes on from there")
    assert (folder / "checkpoint.pt").is_file()
    assert not (folder / "model.l0gm").exists()

    done = interrupted(command("run"), folder / "history.jsonl", 15)  # and once more
    assert done.returncode == 130
    epochs = [line for line in (folder / "history.jsonl").read_text().splitlines() if '"epoch"' in line]
    assert len(epochs) == len(set(epochs)) >= 15

    assert l0gm(*command("run")).exit_code == 0
    assert l0gm(*command("whole")).exit_code == 0
    models = [tmp_path / out / "seed-0" / "model.l0gm" for out in ("run", "whole")]
    assert models[0].read_bytes() == models[1].read_bytes()
    assert not (folder / "checkpoint.pt").exists()


def test_ctrl_c_in_an_overwriting_run(command, tmp_path):
    folder = tmp_path / "run" / "seed-0"
    done = interrupted(command("run", "--overwrite"), folder / "history.jsonl", 2)
    assert done.returncode == 130
    how = f"the same command without --overwrite goes on from there, unless {tmp_path / 'run'} still holds another run"
    assert done.stderr.endswith(f"; {how}\n")


def test_a_checkpoint_of_other_settings_is_one_line(command, refuses, tmp_path):
    interrupted(command("run"), tmp_path / "run" / "seed-0" / "history.jsonl", 2)
    line = refuses(*command("run", "--lr", "0.5"))
    assert "checkpoint.pt is the checkpoint of another fit, which has not ended (lr: 0.001 there, 0.5 now)" in line
