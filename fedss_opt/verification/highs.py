"""The best selection by HiGHS alone: covering problems, whole blocks, and totals by outer approximation.

The makespan is the loop of section 7 of the mathematics: the cheapest cover at the best deadline so far, until none
fits. Of the total, a client's cost ``w t(b)`` is convex, and so is its perspective ``a w t(b / a)``; a tangent at b0
gives ``cost >= w (t(b0) - t'(b0) b0) a + w t'(b0) b``. The program is solved, its selection is priced exactly, and
tangents at both allocations are added. Tangents at a selection's best allocation give the program that selection's
exact cost, so no selection comes twice and the loop ends. Whole blocks make the total linear, which takes no tangents.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from ..array_types import BoolArray, FloatArray
from ..problem import Objective, Problem
from .block_tables import BlockTable, greedy_split
from .enumeration import ReferenceAnswer
from .plain_bandwidths import least_bandwidths, selection_bandwidths, selection_value

__all__ = ["cheapest_cover", "highs", "highs_total"]


_TOLERANCE = 1e-8
_LARGEST = 1e3  # HiGHS stops at an absolute gap of 1e-6: what decides counts as a thousand


def highs(problem: Problem, *, max_passes: int = 60) -> ReferenceAnswer:
    """Solve by HiGHS."""
    if problem.objective is Objective.MAKESPAN:
        return _makespan(problem, max_passes)
    if problem.resource_block_hz is not None:
        return _total_in_blocks(BlockTable(problem))
    return highs_total(problem, max_passes)


def _answer(value: float, selected: BoolArray, *, finished: bool = True) -> ReferenceAnswer:
    return ReferenceAnswer(value=value, bound=value if finished else 0.0, selected=selected, finished=finished)


def _makespan(problem: Problem, max_passes: int) -> ReferenceAnswer:
    table = None if problem.resource_block_hz is None else BlockTable(problem)
    best, deadline, chosen = math.inf, math.inf, np.zeros(problem.n_clients, dtype=bool)
    for _ in range(max_passes):
        if table is None:
            cost, room = least_bandwidths(problem, deadline), problem.bandwidth_hz if deadline < math.inf else math.inf
        else:
            cost, room = table.least_counts(deadline), float(table.blocks)
        unit = 1.0 if table is None else float(problem.resource_block_hz or 0.0)
        found = cheapest_cover(problem, cost * unit)
        if found is None or cost[found].sum() > room:
            return _answer(best, chosen)
        value = selection_value(problem, found) if table is None else greedy_split(table, found).value
        if not value < best:
            return _answer(best, chosen)
        best, chosen, deadline = value, found, value * (1.0 - 1e-11)
    return _answer(best, chosen, finished=False)


def cheapest_cover(
    problem: Problem, cost: FloatArray, *, unit: float = math.nan, attempts: int = 50, seconds: float = math.inf
) -> BoolArray | None:
    """Find the cheapest covering selection at given costs; None where there is none of finite cost, or none is found.

    `unit` is the cost that decides, by default the carrier.
    """
    able = problem.available & np.isfinite(cost)
    if (problem.mandatory & ~able).any():
        return None
    if not able.any():
        return able if problem.covers(able).all() else None
    rows = _covering_rows(problem, problem.n_clients)
    scaled = np.where(able, cost, 0.0) * (_LARGEST / (problem.bandwidth_hz if math.isnan(unit) else unit))
    limits = Bounds(problem.mandatory.astype(float), able.astype(float))
    for _ in range(attempts):
        result = _solved(scaled, np.ones(problem.n_clients), limits, rows, time_limit=seconds)
        if result.x is None:
            return None
        found: BoolArray = result.x > 0.5
        if problem.covers(found).all():
            return found
        rows.append(_beyond(found, problem.n_clients))
    return None


def _solved(cost: FloatArray, whole: FloatArray, bounds: Bounds, rows: list[LinearConstraint], **options: float) -> Any:
    return milp(cost, integrality=whole, bounds=bounds, constraints=rows, options={"mip_rel_gap": 0.0, **options})


def _covering_rows(problem: Problem, width: int) -> list[LinearConstraint]:
    """R a >= target with rows scaled to about 1, for `width` variables of which the first N are a."""
    if problem.n_tasks == 0:
        return []
    size = np.maximum(problem.relevance.max(axis=1, initial=0.0), 1e-300)
    table = np.zeros((problem.n_tasks, width))
    table[:, : problem.n_clients] = problem.relevance / size[:, None]
    return [LinearConstraint(table, problem.coverage_target / size, np.inf)]


def _row(coefficients: FloatArray | BoolArray, width: int, least: float) -> LinearConstraint:
    """Demand a sum over the first of `width` variables to be at least so much."""
    row = np.zeros((1, width))
    row[0, : len(coefficients)] = coefficients
    return LinearConstraint(row, least, np.inf)


def _beyond(found: BoolArray, width: int) -> LinearConstraint:
    """Demand somebody outside a selection that HiGHS, content with 1e-6 too little, took for a covering one."""
    return _row(~found, width, 1.0)


def _not_again(found: BoolArray, width: int) -> LinearConstraint:
    """Exclude one selection: at least one decision differs."""
    return _row(np.where(found, -1.0, 1.0), width, 1.0 - float(np.count_nonzero(found)))


def _total_in_blocks(table: BlockTable, *, attempts: int = 20) -> ReferenceAnswer:
    """Total latency as a mixed-integer linear program: one decision for every client and number of blocks."""
    problem, able = table.problem, table.able
    nobody = np.zeros(problem.n_clients, dtype=bool)
    if (problem.mandatory & ~able).any():
        return _answer(math.inf, nobody)
    owner, count = np.nonzero(np.isfinite(table.cost) & able[:, None])
    if not owner.size:
        return _answer(0.0 if problem.covers(nobody).all() else math.inf, nobody)
    cost = table.cost[owner, count]
    member = (owner == np.arange(problem.n_clients)[:, None]).astype(float)
    rows = [
        LinearConstraint(member, problem.mandatory.astype(float), 1.0),
        LinearConstraint(count.astype(float)[None, :], -np.inf, float(table.blocks)),
    ]
    for row in _covering_rows(problem, problem.n_clients):
        rows.append(LinearConstraint(row.A[:, owner], row.lb, np.inf))
    scaled = cost * (_LARGEST / float(np.median(cost)))
    for _ in range(attempts):
        result = _solved(scaled, np.ones(owner.size), Bounds(0.0, 1.0), rows)
        if result.x is None:
            return _answer(math.inf, nobody, finished=result.status == 2)
        found: BoolArray = member @ result.x > 0.5
        if problem.covers(found).all():
            return _answer(greedy_split(table, found).value, found)
        rows.append(_row(~found @ member, owner.size, 1.0))
    return _answer(math.inf, nobody, finished=False)


def highs_total(problem: Problem, max_passes: int = 60) -> ReferenceAnswer:
    """Solve the total-latency problem by outer approximation; unfinished after `max_passes` mixed-integer programs."""
    n = problem.n_clients
    floor = least_bandwidths(problem, math.inf)
    chosen = cheapest_cover(problem, floor)
    best = math.inf if chosen is None else selection_value(problem, chosen)
    if chosen is None or best == math.inf:
        return _answer(math.inf, np.zeros(n, dtype=bool))
    if not best > 0.0:
        return _answer(best, chosen)
    program = _TangentProgram(problem, floor, best / 100.0)
    for share in (1.0, 0.3, 0.1, 0.03):
        program.add_tangents(np.clip(share * program.high, np.maximum(program.low, 1e-12), program.high), program.able)
    program.add_tangents(selection_bandwidths(problem, chosen) / problem.bandwidth_hz, chosen)
    bound = 0.0
    for _ in range(max_passes):
        result = program.solve()
        if result.x is None:
            break
        bound = max(bound, float(result.mip_dual_bound) * program.unit)
        if bound >= best * (1.0 - _TOLERANCE):
            return ReferenceAnswer(value=best, bound=min(bound, best), selected=chosen)
        found: BoolArray = result.x[:n] > 0.5
        if not problem.covers(found).all():
            program.extra.append(_beyond(found, 3 * n))
            continue
        program.add_tangents(np.maximum(result.x[n : 2 * n], 1e-12), found)
        value = selection_value(problem, found)
        if value < math.inf:
            program.add_tangents(selection_bandwidths(problem, found) / problem.bandwidth_hz, found)
        else:
            program.extra.append(_not_again(found, 3 * n))
        if value < best:
            best, chosen = value, found
    return ReferenceAnswer(value=best, bound=bound, selected=chosen, finished=False)


class _TangentProgram:
    """The mixed-integer program over (a, share of the carrier, cost in units), and its tangents so far."""

    def __init__(self, problem: Problem, floor: FloatArray, unit: float) -> None:
        self.problem, self.unit = problem, unit
        self.able = problem.available & np.isfinite(floor)
        self.low = np.where(self.able, floor, 0.0) / problem.bandwidth_hz
        self.high = np.minimum(problem.max_bandwidth_hz / problem.bandwidth_hz, 1.0)
        self.extra: list[LinearConstraint] = []
        self._cuts: list[FloatArray] = []

    def add_tangents(self, share: FloatArray, clients: BoolArray) -> None:
        """Add each client's tangent at its share of the carrier: a row over (a, share, cost), to be at most 0."""
        problem, n, unit = self.problem, self.problem.n_clients, self.unit
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
            self._cuts.append(row / max(abs(row[i]), abs(row[n + i]), 1.0))

    def solve(self) -> Any:
        """Ask HiGHS."""
        problem, n = self.problem, self.problem.n_clients
        eye, zero = np.eye(n), np.zeros((n, n))
        rows = [
            *_covering_rows(problem, 3 * n),
            LinearConstraint(np.concatenate([np.zeros(n), np.ones(n), np.zeros(n)])[None, :], -np.inf, 1.0),
            LinearConstraint(np.hstack([np.diag(self.low), -eye, zero]), -np.inf, 0.0),
            LinearConstraint(np.hstack([-np.diag(self.high), eye, zero]), -np.inf, 0.0),
            LinearConstraint(np.array(self._cuts), -np.inf, 0.0),
            *self.extra,
        ]
        least = np.concatenate([problem.mandatory.astype(float), np.zeros(2 * n)])
        most = np.concatenate([self.able.astype(float), np.ones(n), np.full(n, np.inf)])
        cost = np.concatenate([problem.weights * problem.compute_s / self.unit, np.zeros(n), np.ones(n)])
        return _solved(cost, np.concatenate([np.ones(n), np.zeros(2 * n)]), Bounds(least, most), rows)
