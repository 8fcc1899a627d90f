"""Text encoders without a gate, linear classifiers of n-grams, and Transformers that are made smaller, by name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from l0gm.baselines.methods import Method

__all__ = ["METHODS"]

TEXT = {"transformers": "text", "tokenizers": "text"}
PAPER = {
    "distilbert": ("DistilBERT", "distilbert/distilbert-base-uncased", "Sanh et al. 2019"),
    "bert": ("BERT", "google-bert/bert-base-uncased", "Devlin et al. 2019"),
    "roberta": ("RoBERTa", "FacebookAI/roberta-base", "Liu et al. 2019"),
    "deberta": ("DeBERTa-v3", "microsoft/deberta-v3-base", "He et al. 2023"),
}
"""Of the paper's encoders: title, name on the hub, source."""
PRETRAINED: dict[str, tuple[Any, ...]] = {
    "frozen": (True, False),
    "pooling": ("mean", "cls"),
    "weight_decay": (0.02, 0.1),
}
SCRATCH: dict[str, tuple[Any, ...]] = {"layers": (2, 4), "dim": (128, 256), "lr_scale": (0.5, 0.25)}


def _bayes(loss: str, C: float) -> Any:
    def make(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
        from l0gm.baselines.text_bayes import NaiveBayesLinear

        return NaiveBayesLinear(threads=threads, random_state=seed, **{"loss": loss, "C": C, **settings})

    return make


def _dense(name: str) -> Any:
    """Return what makes l0gm's estimator without a gate; settings of the encoding go to it, others to the estimator."""

    def make(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
        from l0gm.estimators import L0GMClassifier

        encoder, others = _encoding(name, settings)
        return L0GMClassifier(encoder=encoder, gate="none", random_state=seed, **others)

    return make


def _encoding(name: str, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from l0gm.assembly import text_encoding

    encoding: Any = text_encoding(name)
    own = {f.name for f in fields(encoding)} & {*settings}
    return replace(encoding, **{k: settings[k] for k in own}), {k: v for k, v in settings.items() if k not in own}


def _heads(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
    from l0gm.baselines.text_heads import HeadPruning

    return HeadPruning(threads=threads, random_state=seed, **settings)


def _layers(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
    from l0gm.baselines.text_layers import LayerDropping

    return LayerDropping(threads=threads, random_state=seed, **settings)


def _encoder(name: str, title: str, hub: str, source: str, space: dict[str, tuple[Any, ...]]) -> Method:
    return Method(name, title, "text", "backbone", source, _dense(hub), TEXT, space)


METHODS: tuple[Method, ...] = (
    Method(
        "nb-lr", "NB-LR", "text", "backbone", "Wang and Manning 2012", _bayes("log", 30.0),
        space={"C": (30.0, 10.0, 100.0), "words": (2, 3)},
    ),
    Method(
        "nb-svm", "NB-SVM", "text", "backbone", "Wang and Manning 2012", _bayes("hinge", 1.0),
        space={"C": (1.0, 0.3, 3.0), "words": (2, 3), "beta": (1.0, 0.5, 0.25)},
    ),
    _encoder("scratch", "Transformer", "scratch", "Vaswani et al. 2017", SCRATCH),
    _encoder("minilm", "MiniLM", "minilm", "Wang et al. 2020", PRETRAINED),
    _encoder("mpnet", "MPNet", "mpnet", "Song et al. 2020", PRETRAINED),
    *(_encoder(name, title, hub, source, PRETRAINED) for name, (title, hub, source) in PAPER.items()),
    Method(
        "head-pruning", "pruned heads", "text", "efficiency", "Michel et al. 2019", _heads, TEXT,
        {"keep": (0.5, 0.25, 0.75), "lr": (1e-3, 5e-4)},
    ),
    Method(
        "layer-dropping", "dropped layers", "text", "efficiency", "Sajjad et al. 2023", _layers, TEXT,
        {"keep": (0.5, 0.75, 0.25), "which": ("lower", "alternate"), "lr": (1e-3, 5e-4)},
    ),
)  # fmt: skip
