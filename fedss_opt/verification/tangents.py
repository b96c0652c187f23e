"""Total latency by HiGHS alone: a mixed-integer program whose convex costs are replaced by tangents.

A client's cost ``w t(b)`` is convex, and so is its perspective ``a w t(b / a)``; a tangent at b0 gives
``cost >= w (t(b0) - t'(b0) b0) a + w t'(b0) b``. The program is solved, its selection is priced exactly, and
tangents at both allocations are added. Tangents at a selection's best allocation give the program that
selection's exact cost, so no selection comes twice and the loop ends.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

from ..problem import Problem
from .referees import (
    Verdict,
    beyond,
    cheapest_cover,
    covering_rows,
    least_bandwidths,
    selection_bandwidths,
    selection_value,
)

__all__ = ["highs_total"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_TOLERANCE = 1e-8


def highs_total(problem: Problem, max_passes: int = 60) -> Verdict:
    """Solve the total-latency problem by outer approximation.

    Parameters
    ----------
    problem : Problem
        The round; objective ``total``.
    max_passes : int
        Limit on mixed-integer programs; beyond it the verdict is not finished.
    """
    n = problem.n_clients
    floor = least_bandwidths(problem, math.inf)
    chosen = cheapest_cover(problem, floor)
    nobody = np.zeros(n, dtype=bool)
    best = math.inf if chosen is None else selection_value(problem, chosen)
    if chosen is None or best == math.inf:
        return Verdict(value=math.inf, bound=math.inf, selected=nobody)
    if not best > 0.0:
        return Verdict(value=best, bound=best, selected=chosen)
    able = problem.available & np.isfinite(floor)
    unit = best / 100.0
    low = np.where(able, floor, 0.0) / problem.bandwidth_hz
    high = np.minimum(problem.max_bandwidth_hz / problem.bandwidth_hz, 1.0)
    cuts: list[tuple[FloatArray, float]] = []
    for share in (1.0, 0.3, 0.1, 0.03):
        _tangents(problem, np.clip(share * high, np.maximum(low, 1e-12), high), able, unit, cuts)
    _tangents(problem, selection_bandwidths(problem, chosen) / problem.bandwidth_hz, chosen, unit, cuts)
    extra: list[LinearConstraint] = []
    bound = 0.0
    for _ in range(max_passes):
        result = _program(problem, able, low, high, unit, cuts, extra)
        if result.x is None:
            break
        bound = max(bound, float(result.mip_dual_bound) * unit)
        if bound >= best * (1.0 - _TOLERANCE):
            return Verdict(value=best, bound=min(bound, best), selected=chosen)
        found: BoolArray = result.x[:n] > 0.5
        if not problem.covers(found).all():
            extra.append(beyond(found, 3 * n))
            continue
        _tangents(problem, np.maximum(result.x[n : 2 * n], 1e-12), found, unit, cuts)
        value = selection_value(problem, found)
        if value < math.inf:
            _tangents(problem, selection_bandwidths(problem, found) / problem.bandwidth_hz, found, unit, cuts)
        else:
            extra.append(_not_again(found, 3 * n))
        if value < best:
            best, chosen = value, found
    return Verdict(value=best, bound=bound, selected=chosen, finished=False)


def _tangents(
    problem: Problem, share: FloatArray, clients: BoolArray, unit: float, cuts: list[tuple[FloatArray, float]]
) -> None:
    """Add each client's tangent at its share of the carrier: a row over (a, share, cost), to be at most 0."""
    n = problem.n_clients
    b = np.where(clients, share * problem.bandwidth_hz, 1.0)
    time = problem.upload_s(b)
    if problem.spectral_efficiency is not None:
        slope = -time / b
    else:
        assert problem.cn0_hz is not None
        x = problem.cn0_hz / b
        length = np.log1p(x)
        slope = -time / b * np.where(x > 1e-6, (length - x / (1.0 + x)) / length, 0.5 * x)
    for i in np.flatnonzero(clients):
        at, steep = problem.weights[i] * time[i] / unit, problem.weights[i] * slope[i] * problem.bandwidth_hz / unit
        row = np.zeros(3 * n)
        row[i], row[n + i], row[2 * n + i] = at - steep * share[i], steep, -1.0
        size = max(abs(row[i]), abs(row[n + i]), 1.0)
        cuts.append((row / size, 0.0))


def _program(
    problem: Problem,
    able: BoolArray,
    low: FloatArray,
    high: FloatArray,
    unit: float,
    cuts: list[tuple[FloatArray, float]],
    extra: list[LinearConstraint],
) -> Any:
    n = problem.n_clients
    eye, zero = np.eye(n), np.zeros((n, n))
    constraints = [
        *covering_rows(problem, 3 * n),
        LinearConstraint(np.concatenate([np.zeros(n), np.ones(n), np.zeros(n)])[None, :], -np.inf, 1.0),
        LinearConstraint(np.hstack([np.diag(low), -eye, zero]), -np.inf, 0.0),
        LinearConstraint(np.hstack([-np.diag(high), eye, zero]), -np.inf, 0.0),
        LinearConstraint(np.array([row for row, _ in cuts]), -np.inf, 0.0),
        *extra,
    ]
    return milp(
        np.concatenate([problem.weights * problem.compute_s / unit, np.zeros(n), np.ones(n)]),
        integrality=np.concatenate([np.ones(n), np.zeros(2 * n)]),
        bounds=Bounds(
            np.concatenate([problem.mandatory.astype(float), np.zeros(2 * n)]),
            np.concatenate([able.astype(float), np.ones(n), np.full(n, np.inf)]),
        ),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )


def _not_again(found: BoolArray, width: int) -> LinearConstraint:
    """Exclude one selection: at least one decision differs."""
    row = np.zeros((1, width))
    row[0, : len(found)] = np.where(found, -1.0, 1.0)
    return LinearConstraint(row, 1.0 - float(np.count_nonzero(found)), np.inf)
