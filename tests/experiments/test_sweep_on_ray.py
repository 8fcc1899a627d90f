"""A sweep on a Ray cluster: all points, even where a process dies at work."""

import json
import os
import signal

import pytest

ray = pytest.importorskip("ray")

from l0gm.errors import ParameterError  # noqa: E402
from l0gm.experiments.crew import Ledger, Order  # noqa: E402
from l0gm.experiments.on_ray import work_on_ray  # noqa: E402
from l0gm.experiments.points import Point, Points  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # what Ray's own modules warn of
VALUES = (0.1, 0.2, 0.3, 0.4)


def maker():
    """Return a trainer that goes to other processes by value: they do not have this module."""

    def trainer(task, point, folder):
        """Kill the process at one point, the first time; tell in a file who worked on what."""
        folder.mkdir(parents=True, exist_ok=True)
        with (task / "workers.txt").open("a") as file:
            file.write(f"{point.value} {os.getpid()}\n")
        if point.value == 0.3 and not (task / "died").exists():
            (task / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if point.value == 0.4:
            raise ValueError("this one is bad")
        quality = {"accuracy": 0.8}
        return {"validation": quality, "test": quality, "n_open": 1, "n_dimensions": 10, "seconds": 1}

    return trainer


def test_every_point_is_there_though_a_worker_was_killed(tmp_path):
    points = [Point.of("active", value, 0, {}) for value in VALUES]
    store, said = Points(tmp_path), []
    ledger = Ledger(store, points, said.append)
    work_on_ray(ledger, Order(tmp_path, tmp_path, maker()), "local", 2)
    assert [store.found(point) is not None for point in points] == [True, True, True, False]
    worked = [line.split() for line in (tmp_path / "workers.txt").read_text().splitlines()]
    assert sorted(value for value, _ in worked) == ["0.1", "0.2", "0.3", "0.3", "0.4"]
    assert len({pid for value, pid in worked if value == "0.3"}) == 2
    assert len({pid for _, pid in worked}) >= 2
    assert next(iter(ledger.failed.values())).startswith("ValueError: this one is bad")
    assert json.loads(store.path(points[2]).read_text())["value"] == 0.3
    assert not ray.is_initialized()


def test_an_address_without_a_cluster_is_refused(tmp_path):
    ledger = Ledger(Points(tmp_path), [], print)
    with pytest.raises(ParameterError, match="there is no cluster"):
        work_on_ray(ledger, Order(tmp_path, None, maker()), "auto", 2)
