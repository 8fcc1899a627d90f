"""Sweeps do only what is missing, share a folder, survive what befalls processes, and draw the front by rule."""

import json
import os
import signal
import time

import pytest

from l0gm import load
from l0gm.errors import DataError, ParameterError
from l0gm.experiments import crew, points
from l0gm.experiments.points import Point, Points, canonical_json
from l0gm.experiments.sweeps import run_sweep

VALUES, MORE, SEEDS = (0.2, 0.5), (0.2, 0.3, 0.5), (0, 1)
MEASURES = {"accuracy": 0.8, "auc": 0.9, "log_loss": 0.4, "brier": 0.2, "ece": 0.02}


def note(folder, point):
    with (folder.parent.parent / "trained.txt").open("a") as file:
        file.write(f"{point}\n")


def stub(task, point, folder):
    """Take note of the training that it stands for, and return its record."""
    folder.mkdir(parents=True, exist_ok=True)
    note(folder, point)
    quality = {**MEASURES, "log_loss": 0.4 + 0.1 * point.value}
    return {
        "validation": quality,
        "test": MEASURES,
        "n_open": round(100 * point.value),
        "n_dimensions": 100,
        "seconds": 1,
    }


def failing(task, point, folder):
    if point.value == 0.5:
        raise (DataError("this point\nis bad") if point.seed else RuntimeError("surprise"))
    return stub(task, point, folder)


def dying(task, point, folder):
    """Kill the process that works on one of the points, the first time."""
    record = stub(task, point, folder)
    if (point.value, point.seed) == (0.5, 0) and not (died := folder.parent.parent / "died").exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return record


def endless(task, point, folder):
    """Train for as long as nobody interrupts."""
    stub(task, point, folder)
    time.sleep(600)


def trained(folder):
    path = folder / "trained.txt"
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def sweep(rows, tmp_path):
    """Run a small sweep in a folder with the stub, or another trainer."""

    def run(trainer=stub, **options):
        options = {"active": VALUES, "seeds": SEEDS, "out": tmp_path, **options}
        return run_sweep(*rows, trainer=trainer, **options)

    return run


# ---- what is done again ------------------------------------------------------------------------------------


def test_only_what_is_missing_is_done(sweep, tmp_path):
    front = sweep()
    assert len(trained(tmp_path)) == 4
    assert sweep() == front
    assert sweep(active=list(VALUES)[::-1]) == front
    assert len(trained(tmp_path)) == 4
    sweep(active=(*VALUES, 0.3))
    assert trained(tmp_path)[4:] == ["active 0.3, seed 0", "active 0.3, seed 1"]
    sweep(seeds=[0, 1, 2])
    assert len(trained(tmp_path)) == 8
    sweep(epochs=7)  # another configuration
    assert len(trained(tmp_path)) == 12
    assert len(list((tmp_path / "points").glob("*.json"))) == 12


def test_a_point_is_named_by_its_configuration(sweep, tmp_path):
    sweep()
    for path in (tmp_path / "points").glob("*.json"):
        record = json.loads(path.read_text())
        point = Point(canonical_json(record["configuration"]), record["knob"], record["value"], record["seed"])
        assert path.stem == point.digest == record["point"]
        assert {"training rows", "test rows", "torch", "l0gm", "dropout"} <= record["configuration"].keys()


def test_models_that_are_trained(rows, options, tmp_path):
    told = []
    asked = {"penalty": [0.003, 0.03], "seeds": [3], "out": tmp_path, "about": {"data": "mixed"}, **options}
    front = run_sweep(*rows, told=told.append, **asked)
    assert [entry["value"] for entry in front["values"]] == [0.003, 0.03]
    assert front["falling"]["seeds"] == [3]
    assert len(told) == 2
    (digest,) = front["values"][0]["points"]
    path = tmp_path / "points" / f"{digest}.json"
    record = json.loads(path.read_text())
    model = load(tmp_path / record["model"])
    assert record["n_open"] == model.information["n_open"]
    assert record["validation"] == model.information["metrics"]["validation"]
    assert record["test"] == model.information["metrics"]["test"]
    assert model.information["data"] == "mixed"
    assert (tmp_path / "front.csv").read_text().count("\n") == 3
    assert "| 0.003 |" in (tmp_path / "front.md").read_text()

    path.unlink()  # the model is there: nothing is trained, and the record is the same
    assert run_sweep(*rows, **asked) == front
    assert json.loads(path.read_text()) == record


@pytest.mark.parametrize("content", [b"", b"{", b'{"point": "x"}', b"\xff\x00", b"[]", None], ids=str)
def test_a_damaged_file_is_set_aside_and_run_again(sweep, tmp_path, content):
    front = sweep()
    path = sorted((tmp_path / "points").glob("*.json"))[0]
    whole = path.read_text()
    damaged = whole.replace('"dropout": 0.2', '"dropout": 0.3').encode() if content is None else content
    path.write_bytes(damaged)
    told = []
    assert sweep(told=told.append) == front
    assert len(trained(tmp_path)) == 5
    assert path.read_text() == whole
    assert path.with_suffix(".damaged").read_bytes() == damaged
    assert any(f"damaged and is now {path.with_suffix('.damaged')}" in line for line in told)


def test_a_record_that_lacks_something_is_refused(sweep, tmp_path):
    front = sweep(lambda task, point, folder: {"test": MEASURES}, seeds=[0])
    assert len(front["failed"]) == 2
    assert front["values"] == []
    assert not list((tmp_path / "points").glob("*.json"))


# ---- errors and interruptions ------------------------------------------------------------------------------


def test_an_error_in_one_point_does_not_lose_the_others(sweep, tmp_path):
    front = sweep(failing)
    assert {entry["what"]: entry["why"].partition(" (see")[0] for entry in front["failed"]} == {
        "active 0.5, seed 0": "RuntimeError: surprise",
        "active 0.5, seed 1": "this point",
    }
    assert [entry["value"] for entry in front["values"]] == [0.2]
    (errors,) = (tmp_path / "points").glob("*.error.txt")
    assert "Traceback" in errors.read_text()
    assert len(sweep()["values"]) == 2
    assert not errors.exists()
    assert len(trained(tmp_path)) == 4


def test_ctrl_c_keeps_what_is_there(sweep, tmp_path):
    def interrupted(task, point, folder):
        if trained(tmp_path):
            raise KeyboardInterrupt("epoch 3")
        return stub(task, point, folder)

    with pytest.raises(KeyboardInterrupt, match="epoch 3; 1 of 4 points are there"):
        sweep(interrupted)
    assert not list((tmp_path / "points").glob("*.lock"))
    sweep()
    assert len(trained(tmp_path)) == 4


def test_a_process_that_is_killed_and_replaced(sweep, tmp_path):
    front = sweep(dying, jobs=2)
    ((what, why),) = [(entry["what"], entry["why"]) for entry in front["failed"]]
    assert (what, why) == ("active 0.5, seed 0", "its process ended with exit code -9")
    assert len(list((tmp_path / "points").glob("*.json"))) == 3
    assert len(list((tmp_path / "points").glob("*.lock"))) == 1
    front = sweep(dying)  # the dead process's claim is taken over
    assert front["failed"] == []
    assert not list((tmp_path / "points").glob("*.lock"))
    assert sorted(trained(tmp_path)).count("active 0.5, seed 0") == 2
    assert len(trained(tmp_path)) == 5


def slow(task, point, folder):
    time.sleep(0.02)
    return stub(task, point, folder)


def dies_in_a_write():
    """Let this process write two records, and die in the middle of the third."""
    whole, left = points.write_json, [2]

    def write(path, record):
        left[0] -= 1
        if left[0] >= 0:
            return whole(path, record)
        path.with_name(f".{path.name}.{'0' * 32}.part").write_text(str(record)[:99])
        return os.kill(os.getpid(), signal.SIGKILL)

    points.write_json = write


def forked(function):
    """Call a function in a process of its own; return the process's number."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def ended(child):
    """Return the exit code of a process, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_sweeps_in_one_folder(sweep, tmp_path):
    """And one that is killed beside them: they take its point over."""
    whole = [forked(lambda: sweep(slow, active=MORE)) for _ in range(2)]
    killed = forked(lambda: sweep(dying, active=MORE))
    assert ended(killed) in (0, -signal.SIGKILL)  # 0 where the others were first
    assert [ended(child) for child in whole] == [0, 0]
    done = trained(tmp_path)
    assert set(done) == {f"active {value}, seed {seed}" for value in MORE for seed in SEEDS}
    assert len(done) == 6 + (tmp_path / "died").exists()  # none was trained twice, but for the one in which it died
    front = json.loads((tmp_path / "front.json").read_text())
    assert [len(entry["seeds"]) for entry in front["values"]] == [2, 2, 2]
    assert {path.suffix for path in (tmp_path / "points").iterdir()} == {".json", ""}  # no claim is left


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("where", ["in training", "in a write"])
def test_a_sweep_that_is_killed_goes_on(sweep, tmp_path, where):
    def run():
        if where == "in a write":
            dies_in_a_write()
        sweep(dying if where == "in training" else stub, active=MORE)

    assert ended(forked(run)) == -signal.SIGKILL
    there = list((tmp_path / "points").glob("*.json"))
    assert len(there) == 2
    assert all(json.loads(path.read_text())["n_dimensions"] == 100 for path in there)  # whole ones alone
    assert [len(entry["seeds"]) for entry in sweep(active=MORE)["values"]] == [2, 2, 2]
    assert len(trained(tmp_path)) == 7  # what was being done is done again, and nothing else
    assert {path.suffix for path in (tmp_path / "points").iterdir()} == {".json", ""}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_with_several_processes(sweep, tmp_path, terminal):
    """A terminal sends it to all processes; what sends it to the first one alone ends the others, too."""

    def run():
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        crew.STOP = (30.0 if terminal else 0.1, 30.0)
        try:
            sweep(endless, jobs=2)
        except KeyboardInterrupt as interruption:
            (tmp_path / "message").write_text(str(interruption))
            os._exit(130)

    child = forked(run)
    while len(trained(tmp_path)) < 2:
        time.sleep(0.02)
    claims = [json.loads(path.read_text()) for path in (tmp_path / "points").glob("*.lock")]
    assert len({claim["pid"] for claim in claims} - {child}) == 2
    (os.killpg if terminal else os.kill)(child, signal.SIGINT)
    assert ended(child) == 130
    assert (tmp_path / "message").read_text() == "0 of 4 points are there"
    assert [path.name for path in (tmp_path / "points").iterdir()] == [".guard"]  # no claim is left
    for claim in claims:
        with pytest.raises(ProcessLookupError):
            os.kill(claim["pid"], 0)


def test_a_point_of_another_sweep_is_waited_for(sweep, tmp_path):
    """The other one ends while this one waits: here, at the moment at which this one tells so."""
    shared, told = Points(tmp_path), []
    held = []

    def first(task, point, folder):
        if not held:  # in the first training, another sweep claims the second point
            other = Point.of("active", 0.5, 0, json.loads(point.configuration))
            held.append(shared.claimed(other))
            held[0].__enter__()
        return stub(task, point, folder)

    def tell(line):
        told.append(line)
        if "left to process" in line:
            held[0].__exit__(None, None, None)

    sweep(first, seeds=[0], told=tell)
    assert len(trained(tmp_path)) == 2
    assert sum("left to process" in line for line in told) == 1


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"active": None}, "active and penalty: give the values of one"),
        ({"penalty": [0.1]}, "active and penalty: give the values of one"),
        ({"active": [0.2, 0.2]}, "one or more different numbers"),
        ({"active": []}, "one or more different numbers"),
        ({"active": [0.2, 1.5]}, "active=1.5: a fraction"),
        ({"active": [float("nan")]}, "active=nan: a fraction"),
        ({"active": None, "penalty": [-1.0]}, "penalty=-1: a number that is not negative"),
        ({"seeds": [0, 0]}, "seeds="),
        ({"seeds": []}, "seeds="),
        ({"jobs": 0}, "jobs=0"),
        ({"metric": "loss"}, "metric='loss': choose one of log_loss"),
        ({"gate": "none"}, "gate='none'"),
        ({"lr": "fast"}, "lr="),
        ({"random_state": 3}, "random_state: a sweep decides it"),
        ({"initial_model": "model.l0gm"}, "initial_model: a sweep decides it"),
    ],
)
def test_what_is_refused_before_anything_is_trained(sweep, tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        sweep(**options)
    assert trained(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(sweep, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="cannot be written to"):
        sweep(out=tmp_path / "file")
