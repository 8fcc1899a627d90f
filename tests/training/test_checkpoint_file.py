"""The checkpoint's file: written whole or not at all, refused where it cannot be trusted; and interruptions."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

import pytest
import torch
from toy_training import Numbers, model, problem

from l0gm.errors import ParameterError
from l0gm.gates import HardConcreteGate
from l0gm.training import Checkpoint, History, Rows, Trainer, checkpoint

ROWS = problem(128, 6)
OPTIONS = {"active": 0.5, "epochs": 4, "batch_size": 32, "lr": 0.02}


class Cut(Exception):  # noqa: N818  # no error
    """Ends a training after a step."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit" / "checkpoint.pt"


def fit(path, stop_after=None, made=None, rows=ROWS, about=None, on_step=None, **options):
    def cut(progress):
        if progress.step == stop_after:
            raise Cut
        if on_step is not None:
            on_step(progress)

    trainer = Trainer(
        model(6) if made is None else made(), **{**OPTIONS, **options}, checkpoint=Checkpoint(path, about), on_step=cut
    )
    trainer.fit(*rows)
    return trainer


@pytest.fixture
def cut_short(path):
    """The checkpoint of a training that was cut short."""
    with pytest.raises(Cut):
        fit(path, stop_after=9)
    return path


def same(a, b):
    return all(torch.equal(value, b.model.state_dict()[name]) for name, value in a.model.state_dict().items())


# ---- when it is written --------------------------------------------------------------------------------------


def test_it_is_there_from_the_first_step_on_and_stays_at_the_end(path):
    seen = []
    fit(path, on_step=lambda progress: seen.append(path.is_file()))
    assert seen
    assert all(seen)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_it_is_written_every_five_seconds_or_where_that_is_slow_less_often(path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    times, slow = [], [0.0]
    whole = Checkpoint._write

    def write(self):
        times.append(now[0])
        monkeypatch.setattr(checkpoint, "torch", Saving(now, slow))
        whole(self)

    class Saving:
        def __init__(self, now, slow):
            self.now, self.slow = now, slow

        def save(self, *args):
            self.now[0] += self.slow[0]
            torch.save(*args)

    def second(progress):
        now[0] += 1.0
        slow[0] = 0.2 if progress.step > 7 else 0.0

    monkeypatch.setattr(Checkpoint, "_write", write)
    fit(path, on_step=second, epochs=10, patience=100)
    assert times[:3] == [0.0, 5.0, 10.0]
    assert times[3] == pytest.approx(20.2, abs=1.0)  # 0.2 seconds are 2 % of ten


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(None)
    assert list(tmp_path.iterdir()) == []


# ---- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 10, 500, -1])
def test_a_truncated_file(cut_short, kept):
    content = cut_short.read_bytes()
    cut_short.write_bytes(content[:kept])
    with pytest.raises(ParameterError, match=r"checkpoint\.pt is no checkpoint or is damaged: delete it to begin anew"):
        fit(cut_short)
    assert cut_short.read_bytes() == content[:kept]


def test_a_changed_byte_anywhere(cut_short):
    content = cut_short.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 50)):
        changed = bytearray(content)
        changed[place] ^= 4
        cut_short.write_bytes(bytes(changed))
        with pytest.raises(ParameterError, match="damaged"):
            fit(cut_short)


@pytest.mark.parametrize("value", [{"weights": torch.ones(3)}, [1, 2], {"format": 2, "trainings": []}])
def test_foreign_files(path, value):
    path.parent.mkdir()
    torch.save(value, path)
    with pytest.raises(ParameterError, match="is no checkpoint or is damaged"):
        fit(path)
    payload = path.read_bytes()
    path.write_bytes(payload + checkpoint.hashlib.sha256(payload).digest())  # even so
    with pytest.raises(ParameterError, match="is no checkpoint of this version"):
        fit(path)


class Command:
    """What a pickle may hold: a call."""

    def __reduce__(self):
        return print, ("the code was run",)


def test_no_code_is_run(path, capsys):
    path.parent.mkdir()
    torch.save({"format": 1, "trainings": [Command()]}, path)
    payload = path.read_bytes()
    path.write_bytes(payload + checkpoint.hashlib.sha256(payload).digest())
    with pytest.raises(ParameterError, match="is no checkpoint of this version"):
        fit(path)
    assert capsys.readouterr().out == ""


def other_rows():
    train, valid = ROWS
    x = train.inputs.x.clone()
    x[7, 3] += 1e-3
    return Rows(Numbers(x), train.y), valid


OTHERS = {
    r"lr: 0\.02 there, 0\.01 now\)": {"lr": 0.01},
    r"seed: 0 there, 5 now\)": {"seed": 5},
    r"active: 0\.5 there, None now; penalty: None there, 0\.1 now\)": {"active": None, "penalty": 0.1},
    r"training rows: 128 \(sha256 \w+\) there, 128 \(sha256 \w+\) now\)": {"rows": other_rows()},
    r"validation rows: 64 \(": {"rows": (ROWS[0], replace(ROWS[1], weight=torch.ones(64)))},
    r"model: 20 parameters \(.* there, 46 parameters \(.* now\)": {"made": lambda: model(6, hidden=(4,))},
    r"\(model: 20 parameters": {"made": lambda: model(6, gate=HardConcreteGate(6, mask="batch"))},
    r"\(model: 20": {"made": lambda: model(6, seed=1)},
    r"\(teacher: none there, forest now\)": {"about": {"teacher": "forest"}},
}


@pytest.mark.parametrize("named", OTHERS)
def test_the_checkpoint_of_another_fit_is_refused_by_what_differs(cut_short, named):
    content = cut_short.read_bytes()
    with pytest.raises(ParameterError, match=named) as caught:
        fit(cut_short, **OTHERS[named])
    assert "which has not ended" in str(caught.value)
    assert "delete it" in str(caught.value)
    assert cut_short.read_bytes() == content
    fit(cut_short)  # as it was


def test_the_order_of_a_set_is_no_difference(path):
    with pytest.raises(Cut):
        fit(path, stop_after=3, about={"categorical": {"a", "b", "c"}})
    fit(path, about={"categorical": {"c", "b", "a"}})


def test_a_fit_that_has_ended_makes_room_for_another(path):
    fit(path)
    fit(path, lr=0.01)
    assert same(fit(path, lr=0.01), fit(None, lr=0.01))


# ---- disks and folders ---------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_checkpoint_before(path, full_disk, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    with pytest.raises(Cut):
        fit(path, stop_after=9)
    content = path.read_bytes()
    with full_disk(5000), pytest.raises(ParameterError, match=r"checkpoint\.pt cannot be written \(.*File too large"):
        fit(path)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]
    assert same(fit(path), fit(None))


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "checkpoint.pt", tmp_path):
        with pytest.raises(ParameterError, match=f"{path} cannot be (read|written)"):
            fit(path)
    assert (tmp_path / "file").read_text() == "mine"


def test_what_killed_writers_left_is_removed(cut_short):
    beside = cut_short.with_name(f".{cut_short.name}.{'0f' * 16}.part")
    beside.write_text("half")
    others = [cut_short.with_name(name) for name in (".checkpoint.pt.part", f".other.pt.{'0f' * 16}.part")]
    for other in others:
        other.write_text("not mine")
    fit(cut_short)
    assert not beside.exists()
    assert all(other.exists() for other in others)


# ---- interruptions -------------------------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """Handle Ctrl-C as Python does on its own, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c(at):
    return lambda progress: signal.raise_signal(signal.SIGINT) if progress.step in at else None


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_writes_the_checkpoint_and_says_how_to_go_on(path):
    steps = []
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(path, on_step=ctrl_c({6}))
    assert str(caught.value) == "epoch 2"
    assert caught.value.__notes__ == [f"Fit again with the same settings and rows, and it goes on from {path}."]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    last = fit(path, on_step=lambda progress: steps.append(progress.step))
    assert steps[0] == 7  # nothing is repeated
    assert same(last, fit(None))


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_does_not_wait(path):
    def twice(progress):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it waited")

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(path, on_step=twice)
    assert str(path) in caught.value.__notes__[0]
    assert same(fit(path), fit(None))


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_at_the_last_step_comes_after_it(path):
    total = fit(None).history.last("epoch")["epoch"] * 4
    with pytest.raises(KeyboardInterrupt, match="end of training"):
        fit(path, on_step=ctrl_c({total}))
    assert same(fit(path, on_step=lambda progress: pytest.fail("trained again")), fit(None))


@pytest.mark.usefixtures("interruptible")
def test_without_a_checkpoint_ctrl_c_does_not_wait():
    steps = []

    def interrupt(progress):
        steps.append(progress.step)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(None, on_step=interrupt)
    assert steps == [1]
    assert not hasattr(caught.value, "__notes__")


def test_another_handler_of_ctrl_c_is_left_alone(path):
    came = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        fit(path, on_step=ctrl_c({3}))
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_a_thread_can_train_too(path):
    ended = []
    thread = threading.Thread(target=lambda: ended.append(fit(path)))
    thread.start()
    thread.join()
    assert same(ended[0], fit(None))


# ---- the history ---------------------------------------------------------------------------------------------


def test_the_history_goes_on_from_the_checkpoint_whatever_the_file_holds(tmp_path, path):
    def run(stop_after=None):
        history = History(tmp_path / "history.jsonl")
        trainer = Trainer(
            model(6),
            **OPTIONS,
            history=history,
            checkpoint=Checkpoint(path),
            on_step=lambda progress: (_ for _ in ()).throw(Cut) if progress.step == stop_after else None,
        )
        trainer.fit(*ROWS)
        return (tmp_path / "history.jsonl").read_text().splitlines()

    with pytest.raises(Cut):
        run(14)  # the checkpoint is that of the first step
    assert (tmp_path / "history.jsonl").read_text().count('"epoch": 3') == 1
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"event": "epo')  # killed as it wrote
    lines = run()
    epochs = [line for line in lines if '"event": "epoch"' in line]
    assert len(epochs) == len(set(epochs)) == sum('"event": "epoch"' in line for line in run())
