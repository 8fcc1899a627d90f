"""Runs that are killed with SIGKILL, at random moments and in the middle of writes, end as one that was not."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 20
FITS = ("seed-0", "seed-0/dense")


@pytest.fixture(scope="module")
def run():
    """Make or continue the run in a folder, and kill it; return how it ended."""
    script = Path(__file__).with_name("run_to_kill.py")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def order(out, after=None, at=None):
            process.stdin.write(json.dumps({"out": str(out), "after": after, "at": at}) + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield order
        process.stdin.close()


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """The folder of a run that was left alone."""
    out = tmp_path_factory.mktemp("whole")
    assert run(out) == "ended"
    return out


def records(out, fit):
    return [json.loads(line) for line in (out / fit / "history.jsonl").read_text().splitlines()]


def untimed(listed):
    return [{k: v for k, v in record.items() if k not in ("seconds", "fit_seconds")} for record in listed]


def assert_same(out, whole):
    for fit in FITS:
        assert (out / fit / "model.l0gm").read_bytes() == (whole / fit / "model.l0gm").read_bytes()
        assert untimed(records(out, fit)) == untimed(records(whole, fit))
        metrics = [json.loads((folder / fit / "metrics.json").read_text()) for folder in (out, whole)]
        assert untimed([metrics[0]]) == untimed([metrics[1]])
    files = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (out, whole)]
    assert files[0] == files[1]  # nothing is left behind


@pytest.mark.slow
def test_killed_at_random_moments(run, whole, tmp_path):
    seconds = sum(records(whole, fit)[-1]["seconds"] for fit in FITS)
    moments, kills, runs, out = random.Random(0), 0, 0, tmp_path / "0"
    while kills < KILLS:
        end = run(out, after=moments.uniform(0.0, 0.6 * seconds))
        kills += end == "killed"
        if end == "ended":
            assert_same(out, whole)
            runs += 1
            out = tmp_path / str(runs)
        else:
            assert end == "killed"
    assert run(out) == "ended"
    assert_same(out, whole)


def test_killed_in_the_middle_of_writes(run, whole, tmp_path):
    places = [
        ("before a file is replaced", 0),  # the first checkpoint
        ("half a checkpoint", 3),
        ("half a record", 1),
        ("before a file is replaced", 5),
        ("before the header of the model file", 0),
        ("between model and record", 0),
        ("half a checkpoint", 2),  # of the dense model
        ("half a record", 0),
        ("between model and record", 0),
        ("between model and record", 1),  # the summary
    ]
    for place in places:
        assert run(tmp_path, at=place) == "killed", place
    assert run(tmp_path) == "ended"
    assert_same(tmp_path, whole)
