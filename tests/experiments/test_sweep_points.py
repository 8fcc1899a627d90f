"""A point of a sweep is held by one process at a time, and what a dead process held is free."""

import json
import os
import subprocess
import sys

import pytest

from l0gm.experiments.points import Point, Points


@pytest.fixture
def store(tmp_path):
    return Points(tmp_path), Point.of("active", 0.2, 0, {"epochs": 3})


def test_a_claim_keeps_others_out(store, tmp_path):
    shared, point = store
    with shared.claimed(point) as holder:
        assert holder is None
        with Points(tmp_path).claimed(point) as other:
            assert f"process {os.getpid()} on " in other
        with shared.claimed(Point.of("active", 0.3, 0, {})) as another:
            assert another is None
        assert shared.lock(point).exists()
    assert not shared.lock(point).exists()


def test_the_claim_of_a_process_that_is_gone_is_taken_over(store):
    shared, point = store
    with shared.claimed(point):
        own = json.loads(shared.lock(point).read_text())
    past = subprocess.Popen([sys.executable, "-c", ""])
    past.wait()
    gone = [{"pid": past.pid}, {"started": "before this process had its number"}]
    for content in [json.dumps(own | other) for other in gone] + ["", "{", "{}"]:
        shared.lock(point).write_text(content)
        with shared.claimed(point) as holder:
            assert holder is None
            assert json.loads(shared.lock(point).read_text())["pid"] == os.getpid()
        assert not shared.lock(point).exists()
    shared.lock(point).write_text(json.dumps(own | {"pid": past.pid, "host": "elsewhere"}))  # it cannot be known
    with shared.claimed(point) as holder:
        assert "on elsewhere since " in holder
    assert shared.lock(point).exists()
