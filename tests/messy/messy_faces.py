"""The three faces of one model, the estimator, the compacted model and its file, and what must hold of them."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import l0gm
from l0gm.errors import L0GMError
from l0gm.runtime import CompactModel
from l0gm.training.loop import Trainer

__all__ = ["CLOSE", "Faces", "faces_of", "strict", "untrained"]

CLOSE = 1e-5


@contextlib.contextmanager
def strict() -> Iterator[None]:
    """A warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def untrained() -> Iterator[None]:
    """In it, fit does everything but train: the weights are random, the gates hardened."""

    def random_weights(trainer: Trainer, *_: Any, **__: Any) -> None:
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for part in (trainer.model.encoder, trainer.model.head):
                for parameter in part.parameters():
                    parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
        if not trainer.gate.hardened:
            trainer.gate.harden(trainer.target)
        trainer.model.eval()

    with mock.patch.object(Trainer, "fit", random_weights):
        yield


@dataclass(frozen=True)
class Faces:
    """A fitted estimator, its compacted model, and that model read from its file."""

    estimator: l0gm.L0GMClassifier
    compact: CompactModel
    file: CompactModel

    @property
    def reads(self) -> tuple[str, ...]:
        return self.compact.feature_names_in_

    def answers(self, X: Any) -> np.ndarray:
        """The probabilities (n, C), after a check that the faces agree; L0GMError if all of them refuse alike."""
        results: list[Any] = []
        for face in (self.estimator, self.compact, self.file):
            with strict():
                try:
                    results.append(face.predict_proba(X))
                except L0GMError as error:
                    results.append(error)
        gated, compact, file = results
        if any(isinstance(result, L0GMError) for result in results):
            assert {f"{type(r).__name__}: {r}" for r in results} == {f"{type(compact).__name__}: {compact}"}, results
            raise compact
        assert compact.shape == (len(compact), len(self.compact.classes_))
        assert np.isfinite(compact).all()
        assert ((compact >= 0.0) & (compact <= 1.0)).all()
        np.testing.assert_allclose(compact.sum(1), 1.0, rtol=0, atol=1e-9)
        assert same(compact, file), "the compacted model and its file differ"
        assert gated.shape == compact.shape
        worst = float(np.abs(gated - compact).max(initial=0.0))
        assert worst <= CLOSE, f"estimator and compacted model differ by {worst:g}"
        return compact


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Bit for bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def faces_of(estimator: l0gm.L0GMClassifier, folder: Path | None = None) -> Faces:
    """Compact a fitted estimator, save and load it."""
    with strict(), tempfile.TemporaryDirectory(dir=folder) as place:
        compact = estimator.compact()
        file = l0gm.load(compact.save(Path(place) / "model.l0gm"))
    return Faces(estimator, compact, file)
