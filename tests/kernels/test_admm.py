"""The ADMM blocks against twins with every variable written out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fedss_opt.kernels.admm import admm_iterations, gram, project_coverage, rescale_dual
from fedss_opt.kernels.cell import Cell

from .. import naive
from .cells import covering_cell, relevance_kinds

KINDS = ("own", "quantised", "identical tasks", "one task each", "sparse")


def _multipliers(relevance: np.ndarray, point: np.ndarray) -> np.ndarray:
    """A nu >= 0 with ``z = v + R^T nu`` the projection of v on {R z >= 1}: every active set is tried."""
    tasks = relevance.shape[1]
    matrix, missing = relevance.T @ relevance, 1.0 - relevance.T @ point
    best, least = np.zeros(tasks), math.inf
    for size in range(tasks + 1):
        for active in map(list, itertools.combinations(range(tasks), size)):
            nu = np.zeros(tasks)
            if active:
                nu[active] = np.linalg.lstsq(matrix[np.ix_(active, active)], missing[active], rcond=1e-12)[0]
            violation = max(float((missing - matrix @ nu).max()), -float(nu.min() * matrix.max()))
            if violation < least:
                best, least = nu, violation
    return np.maximum(best, 0.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_projection_satisfies_its_optimality_conditions(kind: str, tasks: int) -> None:
    rng = np.random.default_rng([KINDS.index(kind), tasks])
    for _ in range(40):
        relevance = relevance_kinds(rng, int(rng.integers(tasks, 30)), tasks, kind)
        point = rng.normal(0.3, 0.6, len(relevance))
        matrix, received = relevance.T @ relevance, relevance.T @ point
        # From nothing, and from the multipliers of some other call.
        for start in (np.zeros(tasks), rng.uniform(0.0, 1.0, tasks), np.ones(tasks)):
            nu = start.copy()
            project_coverage(matrix, received, nu)
            z = point + relevance @ nu
            excess = relevance.T @ z - 1.0
            # Active sets are told apart by 1e-12 of the terms; tasks that ask for the same are solved with a
            # relative ridge of 1e-9 on the diagonal, which shifts a row by that share of its own multiplier.
            scale = 1.0 + np.abs(received) + matrix @ nu
            assert (nu >= 0.0).all()
            singular = np.linalg.cond(matrix) > 1e9
            tolerance = 2e-9 if singular else 1e-11
            assert (excess >= -tolerance * scale).all()
            assert (np.abs(excess) <= tolerance * scale)[nu > 0.0].all()
            twin = naive.projection(relevance.T, np.ones(tasks), point)
            # The twin is a least-squares problem whose residual is divided by: half of the digits.
            np.testing.assert_allclose(z, twin, rtol=0, atol=1e-8 * (1.0 + np.abs(twin).max()))


def test_projection_for_tasks_that_are_nearly_alike() -> None:
    """Five tasks that differ in a few clients out of a thousand: many active sets are nearly singular."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        relevance = relevance_kinds(rng, 1000, 5, "identical tasks")
        point = rng.normal(0.3, 0.6, 1000)
        nu = rng.uniform(0.0, 1.0, 5)
        project_coverage(relevance.T @ relevance, relevance.T @ point, nu)
        exact = _multipliers(relevance, point)
        # The ridge's share of multipliers that a condition of about 1e3 makes larger than they need to be.
        np.testing.assert_allclose(relevance @ nu, relevance @ exact, rtol=0, atol=1e-6)


def test_projection_in_closed_form() -> None:
    """One task, and tasks without common clients: ``max(0, (1 - R_k v) / |R_k|^2)`` to the bit."""
    nu = np.array([7.0])
    project_coverage(np.array([[4.0]]), np.array([0.25]), nu)
    assert nu == 0.1875
    project_coverage(np.array([[4.0]]), np.array([1.25]), nu)
    assert nu == 0.0
    nu = np.array([0.0, 7.0, 7.0])
    project_coverage(np.diag([1.0, 2.0, 4.0]), np.array([0.5, 3.0, -1.0]), nu)
    assert nu.tolist() == [0.5, 0.0, 0.5]


def test_gram_is_the_product() -> None:
    rng = np.random.default_rng(1)
    for shape in [(0, 0), (3, 0), (0, 2), (1, 1), (40, 3)]:
        relevance = np.where(rng.random(shape) < 0.5, rng.random(shape), 0.0)
        # Forty products and additions.
        np.testing.assert_allclose(gram(relevance), relevance.T @ relevance, rtol=1e-14)


class Written:
    """Over-relaxed ADMM in scaled form, with a, z and u as they stand in the textbook."""

    def __init__(self, cell: Cell, cost: np.ndarray, rho: float, z: np.ndarray, u: np.ndarray) -> None:
        self.relevance, self.cost, self.rho = cell.relevance, cost[: cell.free], rho
        self.z, self.u = z.copy(), u.copy()

    def step(self) -> None:
        self.a = np.clip(self.z - self.u - self.cost / self.rho, 0.0, 1.0)
        relaxed = 1.6 * self.a + (1.0 - 1.6) * self.z
        self.last = self.z
        point = relaxed + self.u
        self.nu = _multipliers(self.relevance, point)
        self.z = point + self.relevance @ self.nu
        self.u = self.u + relaxed - self.z

    @property
    def residuals(self) -> tuple[float, float]:
        norm = np.linalg.norm
        primal = norm(self.a - self.z) / max(norm(self.a), norm(self.z))
        return float(primal), float(norm(self.z - self.last) / norm(self.u))


@pytest.mark.parametrize("kind", KINDS)
def test_iterates_are_those_of_the_textbook(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for mandatory in (0, 3):
        tasks = int(rng.integers(1, 4))
        cell = covering_cell(relevance_kinds(rng, 25, tasks, kind), mandatory=mandatory)
        cost = rng.uniform(0.5, 2.0, 25 + mandatory)
        z, nu = rng.uniform(0.0, 1.0, 25), rng.uniform(0.0, 0.5, tasks)
        twin = Written(cell, cost, 1.3, z, -cell.relevance @ nu)
        v, last = z - cell.relevance @ nu, np.empty(25)
        matrix = gram(cell.relevance)
        for count in (1, 1, 3, 20):
            primal, dual = admm_iterations(cell, cost, 1.3, matrix, v, nu, last, count)
            for _ in range(count):
                twin.step()
            # Entries are about 1 and every map is nonexpansive, so 25 iterations add up a few hundred roundings.
            # Identical tasks have the projection's ridge of 1e-9.
            tolerance = 1e-8 if kind == "identical tasks" else 1e-12
            np.testing.assert_allclose(v + cell.relevance @ nu, twin.z, rtol=0, atol=tolerance)
            np.testing.assert_allclose(-cell.relevance @ nu, twin.u, rtol=0, atol=tolerance)
            assert primal == pytest.approx(twin.residuals[0], rel=1e-6, abs=tolerance)
            assert dual == pytest.approx(twin.residuals[1], rel=1e-6, abs=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_the_iteration_ends_at_the_relaxation(kind: str) -> None:
    """Its fixed point is the linear programme's: value, and multipliers that prove it."""
    rng = np.random.default_rng(10 + KINDS.index(kind))
    cell = covering_cell(relevance_kinds(rng, 30, 2, kind))
    cost = rng.uniform(0.5, 2.0, 30)
    v, nu, last = np.zeros(30), np.zeros(2), np.empty(30)
    primal, dual = admm_iterations(cell, cost, 1.0, gram(cell.relevance), v, nu, last, 5000)
    assert max(primal, dual) < 1e-9
    worth = cell.relevance @ nu
    value = nu.sum() - np.maximum(worth - cost, 0.0).sum()
    z = v + worth
    # Residuals of 1e-9 on thirty entries of about one.
    assert value == pytest.approx(float(cost @ z), rel=1e-7)
    assert (cell.relevance.T @ z >= 1.0 - 1e-9).all()
    assert ((z >= -1e-7) & (z <= 1.0 + 1e-7)).all()


def test_costs_out_of_reach_are_never_selected() -> None:
    cell = covering_cell(np.full((4, 1), 0.5))
    cost = np.array([1.0, 2.0, math.inf, math.inf])
    v, nu, last = np.zeros(4), np.zeros(1), np.empty(4)
    admm_iterations(cell, cost, 1.0, gram(cell.relevance), v, nu, last, 2000)
    np.testing.assert_allclose(v + cell.relevance @ nu, [1.0, 1.0, 0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize("factor", [2.0, 0.5, 3.0])
def test_rescaling_keeps_z_and_the_multipliers(factor: float) -> None:
    rng = np.random.default_rng(3)
    cell = covering_cell(relevance_kinds(rng, 40, 3, "own"))
    v, nu = rng.normal(size=40), rng.uniform(0.0, 2.0, 3)
    z, multipliers = v + cell.relevance @ nu, nu.copy()
    rescale_dual(cell, factor, v, nu)
    # A sum of three and two more additions, with entries of about one.
    np.testing.assert_allclose(v + cell.relevance @ nu, z, rtol=0, atol=4e-15)
    np.testing.assert_allclose(factor * nu, multipliers, rtol=4e-16)
