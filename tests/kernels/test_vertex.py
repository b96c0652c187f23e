"""Vertex ascent against HiGHS: the linear programme ``min c^T a, R a >= 1, 0 <= a <= 1``, ties and all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from fedss_opt.kernels.basis import reset_basis, starting_basis
from fedss_opt.kernels.cell import Cell
from fedss_opt.kernels.dual import dual_value
from fedss_opt.kernels.vertex import vertex_ascent

from .cells import NEVER, covering_cell, relevance_kinds

KINDS = ("own", "quantised", "identical tasks", "one task each", "sparse")
COSTS = ("own", "equal", "two kinds", "zeros", "out of reach")


def _costs(rng: np.random.Generator, free: int, tasks: int, kind: str) -> np.ndarray:
    if kind == "own":
        return 10.0 ** rng.uniform(3, 6, free)
    if kind == "equal":
        return np.full(free, 1.8e5)
    if kind == "two kinds":
        return rng.choice([1.8e5, 3.6e5], free)
    cost = 10.0 ** rng.uniform(3, 6, free)
    special = rng.random(free) < 0.3
    special[:tasks] = False
    cost[special] = 0.0 if kind == "zeros" else math.inf
    return cost


def _relaxation(cell: Cell, cost: np.ndarray) -> float:
    within = np.isfinite(cost)
    scale = cost[within].max() or 1.0
    result = linprog(cost[within] / scale, A_ub=-cell.relevance[within].T, b_ub=-np.ones(cell.aim.size), bounds=(0, 1))
    return float(result.fun * scale) if result.status == 0 else math.inf


class Ascent:
    """One run, with its arrays."""

    def __init__(self, cell: Cell, cost: np.ndarray, start: np.ndarray | None = None, limit: int = 1000) -> None:
        free, tasks = cell.free, cell.aim.size
        self.basis = np.empty(tasks, dtype=np.int64)
        self.mu, self.x = np.zeros(tasks), np.zeros(tasks)
        self.reduced = np.zeros(free)
        if start is None:
            reset_basis(cell.free, self.basis)
        else:
            starting_basis(cell.relevance, cost, start, self.reduced, self.basis)
        self.first = self.basis.copy()
        self.optimal, self.pivots = vertex_ascent(
            cell.relevance, np.ones(tasks), cost, self.basis, self.mu, self.x, self.reduced, limit, NEVER
        )

    def selection(self, cell: Cell) -> np.ndarray:
        """The relaxed selection: whole where the reduced cost is negative, fractions of the basic clients."""
        a = (self.reduced < 0.0).astype(float)
        for p, column in enumerate(self.basis):
            if column < cell.free:
                a[column] = self.x[p]
        return a


def _check(cell: Cell, cost: np.ndarray, run: Ascent, best: float | None = None) -> None:
    best = _relaxation(cell, cost) if best is None else best
    assert run.optimal == (best < math.inf)
    if not run.optimal:
        return
    assert (run.mu >= 0.0).all()
    # The basis is inverted afresh at every vertex; 1e-9 is the tolerance on x, and HiGHS has 1e-7 on its own
    # scaled rows. Ties cost 1e-8 of the clients that they are about.
    assert dual_value(cell, run.mu, cost) == pytest.approx(best, rel=1e-6, abs=1e-6 * cost[np.isfinite(cost)].max())
    a = run.selection(cell)
    assert ((a >= -1e-8) & (a <= 1.0 + 1e-8)).all()
    assert (cell.relevance.T @ a >= 1.0 - 1e-8 * cell.relevance.sum(axis=0)).all()
    # Complementary: the selection costs what the multipliers prove.
    chosen = a > 0.0
    assert np.isfinite(cost[chosen]).all()
    assert math.fsum(cost[chosen] * a[chosen]) == pytest.approx(dual_value(cell, run.mu, cost), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("prices", COSTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_relaxation_is_solved(kind: str, prices: str) -> None:
    rng = np.random.default_rng([KINDS.index(kind), COSTS.index(prices)])
    for _ in range(20):
        tasks = int(rng.integers(1, 6))
        free = int(rng.integers(tasks, 60))
        cell = covering_cell(relevance_kinds(rng, free, tasks, kind))
        cost = _costs(rng, free, tasks, prices)
        surpluses, best = Ascent(cell, cost), _relaxation(cell, cost)
        _check(cell, cost, surpluses, best)
        if not surpluses.optimal:
            continue
        # From multipliers nearby, as the ADMM leaves them, and from arbitrary ones.
        near = Ascent(cell, cost, surpluses.mu * rng.uniform(0.9, 1.1, tasks))
        _check(cell, cost, near, best)
        far = Ascent(cell, cost, 10.0 ** rng.uniform(2, 8, tasks))
        _check(cell, cost, far, best)
        again = surpluses.basis.copy()
        run = Ascent(cell, cost)
        assert (run.basis == again).all()  # the same call ends at the same vertex


def test_large_ties_are_solved_in_few_pivots() -> None:
    """Discrete data, as modulation schemes and quantised relevance make it: edges of length zero everywhere."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        tasks = int(rng.integers(2, 6))
        cell = covering_cell(relevance_kinds(rng, 2000, tasks, "quantised"))
        cost = np.full(2000, 987543.05099205)
        run = Ascent(cell, cost, limit=40 + 20 * tasks)
        _check(cell, cost, run)


def test_starting_basis_is_never_singular() -> None:
    """Clients in a row with the same relevance: only one of each kind can be basic."""
    rng = np.random.default_rng(8)
    for kind in KINDS:
        for _ in range(30):
            tasks = int(rng.integers(2, 6))
            kinds = relevance_kinds(rng, tasks + 3, tasks, kind)
            cell = covering_cell(np.repeat(kinds, 6, axis=0) / 6.0)
            cost = np.repeat(rng.uniform(1.0, 1.001, len(kinds)), 6)
            mu = rng.uniform(0.5, 2.0, tasks) * (rng.random(tasks) < 0.8)
            basis, reduced = np.empty(tasks, dtype=np.int64), np.empty(cell.free)
            starting_basis(cell.relevance, cost, mu, reduced, basis)
            columns = np.hstack([cell.relevance.T, -np.eye(tasks)])[:, basis]
            columns = columns / np.abs(columns).max(axis=0)
            assert np.linalg.svd(columns, compute_uv=False)[-1] > 1e-6
            assert len(set(basis.tolist())) == tasks


def test_no_multipliers_leave_the_surpluses_basic() -> None:
    cell = covering_cell(np.ones((3, 2)))
    basis = np.empty(2, dtype=np.int64)
    starting_basis(cell.relevance, np.ones(3), np.zeros(2), np.empty(3), basis)
    assert basis.tolist() == [3, 4]


def test_out_of_reach_altogether() -> None:
    cell = covering_cell(np.full((4, 2), 0.5))
    cost = np.array([1.0, math.inf, math.inf, math.inf])
    assert not Ascent(cell, cost).optimal


def test_the_pivot_limit_is_kept() -> None:
    rng = np.random.default_rng(9)
    cell = covering_cell(relevance_kinds(rng, 200, 5, "own"))
    cost = _costs(rng, 200, 5, "own")
    enough = Ascent(cell, cost).pivots
    assert enough > 2
    for limit in (0, 1, 2):
        run = Ascent(cell, cost, limit=limit)
        assert not run.optimal
        assert run.pivots <= limit
