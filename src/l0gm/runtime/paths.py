"""Gradients of the two non-linear branches, integrated along the straight line between two points, exactly.

The line x(t) = start + t (end - start) runs from t = 0 to 1. A branch's credit for its input a is
(end_a - start_a) times the integral of df/dx_a over t (Sundararajan, Taly and Yan 2017, "Axiomatic attribution for
deep networks", Eq. 1); over all inputs it adds up to f(end) - f(start). No integral has to be approximated: a
CIN's gradient is a polynomial of t, and that of layers with ReLU is constant between kinks that can be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cin_gradient_path", "cin_value", "deep_gradient_path", "deep_value"]

Floats = NDArray[np.float64]
Layers = Sequence[tuple[Floats, Floats]]


def deep_value(layers: Layers, x: Floats) -> Floats:
    """Return the output (n, C) of layers of (weight (out, in), bias (out,)) with ReLU between them, at x (n, K)."""
    for number, (weight, bias) in enumerate(layers):
        x = (np.maximum(x, 0.0) if number else x) @ weight.T + bias
    return x


def deep_gradient_path(layers: Layers, start: Floats, ends: Floats) -> Floats:
    """Return the integrals of the gradient, (n, C, K), on the lines from ``start`` (K,) to each of ``ends`` (n, K)."""
    row, t = _kinks(layers, start, ends)
    inside = row[1:] == row[:-1]
    row, middle, length = row[1:][inside], (t[1:] + t[:-1])[inside] / 2.0, (t[1:] - t[:-1])[inside]
    state = start + middle[:, None] * (ends - start)[row]
    active = []
    for weight, bias in layers[:-1]:
        state = state @ weight.T + bias
        active.append(state > 0.0)
        state = np.maximum(state, 0.0)
    gradient = length[:, None, None] * layers[-1][0]
    for (weight, _), on in zip(reversed(layers[:-1]), reversed(active), strict=True):
        gradient = (gradient * on[:, None, :]) @ weight
    return np.asarray(np.add.reduceat(gradient, np.flatnonzero(np.diff(row, prepend=-1)), axis=0))


def _kinks(layers: Layers, start: Floats, ends: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return (line (p,), t (p,)) of the points between which all layers are linear: the ends and each unit's kinks."""
    n = len(ends)
    row, t = np.repeat(np.arange(n), 2), np.tile([0.0, 1.0], n)
    state = np.stack([np.broadcast_to(start, ends.shape), ends], 1).reshape(2 * n, ends.shape[1])
    for weight, bias in layers[:-1]:
        state = state @ weight.T + bias
        crosses = ((state[1:] < 0.0) != (state[:-1] < 0.0)) & (row[1:] == row[:-1])[:, None]
        at, unit = np.nonzero(crosses)
        share = state[at, unit] / (state[at, unit] - state[at + 1, unit])
        row = np.concatenate([row, row[at]])
        t = np.concatenate([t, t[at] + share * (t[at + 1] - t[at])])
        state = np.concatenate([state, state[at] + share[:, None] * (state[at + 1] - state[at])])
        order = np.lexsort((t, row))
        row, t, state = row[order], t[order], np.maximum(state[order], 0.0)
    return row, t


def cin_value(weights: Sequence[Floats], out: Floats, x: Floats) -> Floats:
    """Return the output (n, C) of a CIN: ``weights`` W(k) (H_k, H_(k-1), m), ``out`` (C, sum of H), x (n, m, D)."""
    state, pooled = x, []
    for weight in weights:
        state = np.einsum("nhid,nid->nhd", _mixed(weight, x), state)
        pooled.append(state.sum(2))
    return np.asarray(np.concatenate(pooled, axis=1) @ out.T)


def cin_gradient_path(weights: Sequence[Floats], out: Floats, start: Floats, ends: Floats) -> Floats:
    """Return the integrals of the gradient, (n, C, m, D), on the lines from ``start`` (m, D) to ``ends`` (n, m, D).

    The gradient of a CIN of T depths is a polynomial of degree T in t, for which (T + 2) // 2 nodes of Gauss and
    Legendre are exact.
    """
    nodes, shares = np.polynomial.legendre.leggauss((len(weights) + 2) // 2)
    return np.asarray(
        sum(
            share / 2.0 * _cin_gradient(weights, out, start + (node + 1.0) / 2.0 * (ends - start))
            for node, share in zip(nodes.tolist(), shares.tolist(), strict=True)
        )
    )


def _cin_gradient(weights: Sequence[Floats], out: Floats, x: Floats) -> Floats:
    states, mixed = [x], []
    for weight in weights:
        mixed.append(_mixed(weight, x))
        states.append(np.einsum("nhid,nid->nhd", mixed[-1], states[-1]))
    gradient: Any = 0.0
    adjoint: Any = 0.0  # of the maps of a depth, (n, C, H, D)
    last = out.shape[1]
    for weight, mix, state in zip(reversed(weights), reversed(mixed), reversed(states[:-1]), strict=True):
        adjoint = adjoint + np.broadcast_to(
            out[None, :, last - len(weight) : last, None], (len(x), len(out), len(weight), x.shape[2])
        )
        last -= len(weight)
        gradient = gradient + np.einsum("nchd,nid,hij->ncjd", adjoint, state, weight, optimize=True)
        adjoint = np.einsum("nchd,nhid->ncid", adjoint, mix)
    return np.asarray(gradient + adjoint)  # X(0) is also the state that the first depth starts from


def _mixed(weight: Floats, x: Floats) -> Floats:
    """Return sum_j W_hij x_j, (n, H, i, D)."""
    return np.asarray(np.einsum("hij,njd->nhid", weight, x, optimize=True))
