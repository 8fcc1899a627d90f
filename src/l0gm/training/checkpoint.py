"""The whole state of a fit in one file, from which one that was cut short goes on to the same weights."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import pickle
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol

import torch

from l0gm.errors import ParameterError
from l0gm.files import remove_unfinished, replacing

__all__ = ["Checkpoint", "Stateful"]

EVERY = 5.0  # seconds
SHARE = 0.02  # of the time, that writing may take
FORMAT = 1
REMEDY = "delete it to begin anew, or choose another place"
DIGEST = 32  # bytes of the sha256 that the file ends with


class Stateful(Protocol):
    """A part of training whose state is kept: tensors, numbers and texts, in dicts and lists."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that training changes."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Go on from there."""
        ...


class Checkpoint:
    """A file that a fit writes as it goes, and finds again. A fit is one training or several, one after the other.

    While the ``with`` block of a checkpoint is open, an interruption (Ctrl-C) waits for the next :meth:`pass_by`,
    which writes the file first. A second one does not wait.

    Parameters
    ----------
    path : path, optional
        Without one nothing is kept, and interruptions do not wait.
    about : mapping, optional
        What must not have changed, by name, beside the conditions of each training.

    Notes
    -----
    The file is written at the first step, then every five seconds, or less often where a write takes so long that it
    would be over 2 % of the time. It is what ``torch.save`` makes of the state, followed by its sha256; it is written
    whole or not at all, and read without running code (``weights_only``). It stays when training has ended, since
    what comes after training may fail too: the same fit then finds all of its trainings done, and another fit
    replaces the file.
    """

    def __init__(self, path: Path | None = None, about: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._about = dict(about or {})
        self._due = 0.0
        self._parts: Mapping[str, Stateful] = {}
        self._conditions: dict[str, str] = {}
        self._ended: list[dict[str, Any]] = []
        self._interrupted = False
        self._handler: Any = None

    def begin(self, parts: Mapping[str, Stateful], conditions: Callable[[], Mapping[str, Any]]) -> None:
        """Begin a training, or go on with it: bring the parts to the state that the file holds.

        Parameters
        ----------
        parts : mapping
            All that training changes, by name.
        conditions : callable
            Returns all that must not have changed, by name.

        Raises
        ------
        ParameterError
            If the file is that of another fit, which has not ended; if it is no checkpoint or a damaged one; or if
            it cannot be written.
        """
        if self.path is None:
            return
        self._parts = parts
        self._conditions = {name: _text(value) for name, value in {**self._about, **conditions()}.items()}
        there = self._read()
        remove_unfinished(self.path)
        found = next((training for training in there if training["conditions"] == self._conditions), None)
        if found is not None and found["parts"].keys() != parts.keys():
            raise ParameterError(f"{self.path} is no checkpoint of this version: {REMEDY}")
        if found is None:
            self._refuse_unfinished(there)
            self._due = 0.0
            return
        for name, part in parts.items():
            part.load_state_dict(found["parts"][name])
        if found["ended"] and not self._has_ended():
            self._ended.append(found)
        self._due = time.monotonic() + EVERY

    def pass_by(self, where: str) -> None:
        """Write the file if its time has come or training was interrupted; ``where`` says how far it has got.

        Raises
        ------
        KeyboardInterrupt
            If training was interrupted.
        ParameterError
            If the file cannot be written.
        """
        if self._interrupted or (self.path is not None and time.monotonic() >= self._due):
            self._write()
            if self._interrupted:
                raise KeyboardInterrupt(where)

    def end(self) -> None:
        """Write the file at the end of a training."""
        if self.path is not None and not self._has_ended():
            self._ended.append(copy.deepcopy(self._training(ended=True)))
            self._write()

    def __enter__(self) -> Checkpoint:
        self._interrupted, self._handler = False, None
        if self.path is not None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            with contextlib.suppress(ValueError):  # not the main thread: no interruption reaches it
                self._handler = signal.signal(signal.SIGINT, self._wait)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        late = KeyboardInterrupt("end of training") if self._interrupted and value is None else None
        interruption = value or late
        if self.path is not None and isinstance(interruption, KeyboardInterrupt):
            interruption.add_note(f"Fit again with the same settings and rows, and it goes on from {self.path}.")
        if late is not None:
            raise late

    def _wait(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True

    def _has_ended(self) -> bool:
        return any(training["conditions"] == self._conditions for training in self._ended)

    def _training(self, ended: bool) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        return {"conditions": self._conditions, "ended": ended, "parts": parts}

    def _write(self) -> None:
        assert self.path is not None
        began = time.monotonic()
        trainings = self._ended if self._has_ended() else [*self._ended, self._training(ended=False)]
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, "trainings": trainings}, buffer)
        buffer.write(hashlib.sha256(buffer.getvalue()).digest())
        with replacing(self.path, remedy="make room or choose another place, then fit again") as beside:
            beside.write_bytes(buffer.getbuffer())
        now = time.monotonic()
        self._due = now + max(EVERY, (now - began) / SHARE)

    def _read(self) -> list[dict[str, Any]]:
        """Return the trainings that the file holds; none where there is no file."""
        assert self.path is not None
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ParameterError(f"{self.path} cannot be read ({error}): choose another place") from error
        payload, digest = content[:-DIGEST], content[-DIGEST:]
        if hashlib.sha256(payload).digest() != digest:
            raise ParameterError(f"{self.path} is no checkpoint or is damaged: {REMEDY}")
        try:
            state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            trainings: list[dict[str, Any]] = state["trainings"]
            if state["format"] != FORMAT or not all({"conditions", "ended", "parts"} <= t.keys() for t in trainings):
                raise ValueError(f"format {state['format']}")
        except (RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise ParameterError(f"{self.path} is no checkpoint of this version ({error}): {REMEDY}") from error
        return trainings

    def _refuse_unfinished(self, trainings: list[dict[str, Any]]) -> None:
        """Raise an error if one of them has not ended: it would be lost."""
        here = self._conditions
        for there in (training["conditions"] for training in trainings if not training["ended"]):
            found = [
                f"{name}: {there.get(name, 'none')} there, {here.get(name, 'none')} now"
                for name in dict.fromkeys([*here, *there])
                if there.get(name) != here.get(name)
            ]
            more = f"; and {len(found) - 4} more" if len(found) > 4 else ""
            raise ParameterError(
                f"{self.path} is the checkpoint of another fit, which has not ended ({'; '.join(found[:4])}{more}): "
                "go on under its conditions, delete it, or choose another place"
            )


def _text(value: Any) -> str:
    return str(sorted(value, key=str) if isinstance(value, set | frozenset) else value)
