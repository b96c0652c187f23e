"""The vertex ascent on a window of the clients ends where the ascent on all of them does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fedss_opt.kernels.basis import starting_basis
from fedss_opt.kernels.cell import Cell
from fedss_opt.kernels.dual import dual_value
from fedss_opt.kernels.vertex import vertex_ascent
from fedss_opt.kernels.window import window_ascent

from .cells import NEVER, covering_cell, relevance_kinds

CLIENTS = 400


class Ascents:
    """Both ascents on one cell, from the same multipliers."""

    def __init__(self, seed: int, tasks: int, kind: str, off: float) -> None:
        rng = np.random.default_rng(seed)
        self.cell: Cell = covering_cell(relevance_kinds(rng, CLIENTS, tasks, kind))
        self.cost = 10.0 ** rng.uniform(3, 5, CLIENTS)
        self.limit = 1000
        self.full_mu, _, _ = self.full(np.full(tasks, self.cost.mean()))
        self.start = self.full_mu * rng.uniform(1.0 - off, 1.0 + off, tasks)

    def full(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
        tasks = start.size
        basis = np.empty(tasks, dtype=np.int64)
        mu, x, reduced = start.copy(), np.zeros(tasks), np.zeros(CLIENTS)
        starting_basis(self.cell.relevance, self.cost, mu, reduced, basis)
        solved, _ = vertex_ascent(
            self.cell.relevance, np.ones(tasks), self.cost, basis, mu, x, reduced, self.limit, NEVER
        )
        return mu, basis, solved

    def windowed(self, fresh: bool, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
        tasks = self.start.size
        mu, x, reduced = self.start.copy(), np.zeros(tasks), np.zeros(CLIENTS)
        solved = window_ascent(self.cell.relevance, self.cost, basis, mu, x, reduced, fresh, self.limit, NEVER)
        return mu, x, reduced, solved


@pytest.mark.parametrize("kind", ["own", "quantised", "one task each", "sparse"])
@pytest.mark.parametrize(("tasks", "off"), [(1, 0.05), (3, 0.02), (3, 0.3), (5, 0.05)])
def test_ends_where_the_full_ascent_ends(tasks: int, off: float, kind: str) -> None:
    ended = 0
    for seed in range(10):
        run = Ascents(seed, tasks, kind, off)
        basis = np.arange(CLIENTS, CLIENTS + tasks)
        mu, x, reduced, solved = run.windowed(True, basis)
        if not solved:
            assert (basis == np.arange(CLIENTS, CLIENTS + tasks)).all()  # left alone
            continue
        ended += 1
        best = dual_value(run.cell, run.full_mu, run.cost)
        assert dual_value(run.cell, mu, run.cost) == pytest.approx(best, rel=1e-7)  # ties are perturbed by 1e-8
        # The relaxed selection covers: whole where the reduced cost is negative, fractions of the basic clients.
        a = (reduced < 0.0).astype(float)
        for p, column in enumerate(basis):
            if column < CLIENTS:
                a[column] = x[p]
        assert (run.cell.relevance.T @ a >= 1.0 - 1e-8 * run.cell.relevance.sum(axis=0)).all()
        assert (a >= -1e-8).all()
        assert (a <= 1.0 + 1e-8).all()
    assert ended >= 5 or off > 0.05  # far off, the caller often has to look at everybody


def test_goes_on_from_a_basis() -> None:
    run = Ascents(3, 3, "own", 0.01)
    _, basis, solved = run.full(run.start)
    assert solved
    run.cost *= np.random.default_rng(1).uniform(0.999, 1.001, CLIENTS)
    run.start, _, _ = run.full(run.start)
    mu, _, _, solved = run.windowed(False, basis)
    assert solved
    assert dual_value(run.cell, mu, run.cost) == pytest.approx(dual_value(run.cell, run.start, run.cost), rel=1e-9)


def test_a_window_of_everybody_is_none() -> None:
    """Where more than a quarter of the clients is open the caller is better off without a window."""
    cell = covering_cell(np.full((CLIENTS, 1), 3.0 / CLIENTS))
    mu, reduced = np.array([1e3 * CLIENTS / 3.0]), np.zeros(CLIENTS)
    basis = np.array([CLIENTS])
    assert not window_ascent(cell.relevance, np.full(CLIENTS, 1e3), basis, mu, np.zeros(1), reduced, True, 100, NEVER)
    assert basis[0] == CLIENTS
    assert math.isfinite(mu[0])
