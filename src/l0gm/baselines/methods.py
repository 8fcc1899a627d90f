"""What a comparison may name: the methods of each modality, and how to make one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

from l0gm.errors import MissingExtraError, ParameterError

__all__ = ["MODALITIES", "Method", "Modality", "find", "methods", "missing"]

Modality = Literal["tabular", "text", "graph"]
MODALITIES: tuple[Modality, ...] = ("tabular", "text", "graph")


@dataclass(frozen=True)
class Method:
    """A method that takes part in comparisons.

    Parameters
    ----------
    name : str
        On the command line.
    title : str
        In tables.
    modality : {"tabular", "text", "graph"}
    group : {"backbone", "efficiency", "generic", "ours"}
        The paper's three categories of baselines (section 5.2), and l0gm.
    source : str
        Who proposed it.
    make : callable
        ``make(seed=, active=, threads=, **settings)`` returns the estimator. ``active`` is the fraction of the
        interface to keep, which dense methods ignore; ``settings`` are those of ``space``.
    packages : mapping from str to str
        Modules to import, each with the extra that installs it.
    space : mapping from str to tuple
        For each setting that is tuned, the values to choose from; the first is the default.
    budgeted : bool
        Whether ``active`` means something to it.
    """

    name: str
    title: str
    modality: Modality
    group: Literal["backbone", "efficiency", "generic", "ours"]
    source: str
    make: Callable[..., Any]
    packages: Mapping[str, str] = field(default_factory=dict)
    space: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    budgeted: bool = False


def methods(modality: Modality) -> dict[str, Method]:
    """Return the methods of a modality by name, in the order of tables."""
    from l0gm.baselines import registry  # which imports every baseline

    return {method.name: method for method in registry.METHODS if method.modality == modality}


def find(modality: Modality, name: str) -> Method:
    """Return a method.

    Raises
    ------
    ParameterError
        If there is no such method; the message suggests the nearest.
    MissingExtraError
        If a package that it needs is not installed.
    """
    known = methods(modality)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ParameterError(f"method={name!r}: {meant}there are {', '.join(known)}")
    for package in missing(known[name]):
        raise MissingExtraError(package, known[name].packages[package], f"the method {name}")
    return known[name]


def missing(method: Method) -> list[str]:
    """Return the packages that the method needs and that are not installed."""
    return [package for package in method.packages if find_spec(package) is None]
