"""The ADMM's sub-problems and the bandwidth problems, on random data, against CVXPY with Clarabel.

One iteration of the kernel gives two blocks: the selection (a box-constrained proximal step) and the coverage
(a projection). CVXPY gets the definitions, nothing else. Needs the extra ``reference``.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from ..array_types import FloatArray
from ..exceptions import MissingDependencyError
from .claim_record import ClaimRecord
from .closed_form_sweeps import Forms, package_forms

__all__ = ["SelectionStep", "convex_blocks", "package_step"]

# (relevance (n, K), cost (n,), rho, v (n,), nu (K,)) -> (a (n,), v (n,), nu (K,)): the selection step, and the state of
# the iteration after it.
SelectionStep = Callable[
    [FloatArray, FloatArray, float, FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]
]

_RELAXATION = 1.6
# Clarabel is asked for 1e-10; what separates a right block from a wrong one is far above this.
_TOLERANCE = 1e-6


def package_step() -> SelectionStep:
    """Return the package's selection step: its ADMM iteration, run once."""
    cells = import_module("fedss_opt.cells")
    admm = import_module("fedss_opt.kernels.admm")
    package = import_module("fedss_opt.problem")

    def select(
        relevance: FloatArray, cost: FloatArray, rho: float, v: FloatArray, nu: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        # Requirement 1 for every task, and the relevance as it is: presolve would leave some of it out.
        problem = package.Problem(payload_bits=np.ones(len(cost)), cn0_hz=1e6, bandwidth_hz=1e6)
        cell = cells.cell_of(problem)[0]._replace(relevance=relevance, free=len(cost))
        v, nu = v.copy(), nu.copy()
        before = cell.relevance @ nu
        z = v + before
        admm.admm_iterations(cell, cost, rho, admm.gram(cell.relevance), v, nu, np.empty(cell.free), 1)
        a = (v + before - (1.0 - _RELAXATION) * z) / _RELAXATION
        return a, v, nu

    return select


def _cvxpy() -> Any:
    try:
        import_module("clarabel")
        return import_module("cvxpy")
    except ImportError:
        raise MissingDependencyError(
            'sub-problems are checked by CVXPY; install it with: pip install "fedss-opt[reference]"'
        ) from None


def _solved(cp: Any, problem: Any) -> None:
    tight = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    with warnings.catch_warnings():  # tighter than Clarabel always gets; what it got is compared all the same
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, **tight)


def _draw_iteration(draw: random.Random) -> tuple[FloatArray, FloatArray, float, FloatArray, FloatArray]:
    n, tasks = 5 + int(20 * draw.random()), 1 + int(4 * draw.random())
    relevance = np.array([[draw.random() if draw.random() < 0.8 else 0.0 for _ in range(tasks)] for _ in range(n)])
    relevance = np.maximum(relevance, np.array([[0.3] * tasks] + [[1e-3] * tasks] * (n - 1)))
    relevance *= 0.9 / max(1.0, 0.2 * n)
    relevance[:4] = np.minimum(relevance[:4] + 0.3, 0.95)  # everybody together covers
    cost = np.array([draw.random() * 2.0 for _ in range(n)])
    v = np.array([draw.random() * 1.5 - 0.5 for _ in range(n)])
    nu = np.array([draw.random() * 0.5 for _ in range(tasks)])
    return relevance, cost, 0.3 + draw.random(), v, nu


def _iterations(cp: Any, step: SelectionStep, draws: int, seed: int) -> Iterator[ClaimRecord]:
    selection, coverage = (
        ClaimRecord(f"{name} as CVXPY") for name in ("selection: the clipped step", "coverage: the projection")
    )
    draw = random.Random(f"blocks/{seed}")
    for number in range(draws):
        relevance, cost, rho, v, nu = _draw_iteration(draw)
        a, after, multipliers = step(relevance, cost, rho, v, nu)
        z, u = v + relevance @ nu, -relevance @ nu
        x = cp.Variable(len(cost))
        steps = cost @ x + 0.5 * rho * cp.sum_squares(x - (z - u))
        _solved(cp, cp.Problem(cp.Minimize(steps), [x >= 0, x <= 1]))
        selection.see(f"draw {number}", float(np.abs(x.value - a).max()), _TOLERANCE)
        # y = over-relaxed a + u, projected on what covers.
        y = _RELAXATION * np.asarray(x.value) + (1.0 - _RELAXATION) * z + u
        copy = cp.Variable(len(cost))
        _solved(cp, cp.Problem(cp.Minimize(cp.sum_squares(copy - y)), [relevance.T @ copy >= 1.0]))
        distance = float(np.abs(copy.value - (after + relevance @ multipliers)).max())
        coverage.see(f"draw {number}", distance, _TOLERANCE)
    yield from (selection, coverage)


def _bandwidths(cp: Any, forms: Forms, draws: int, seed: int) -> Iterator[ClaimRecord]:
    """Least bandwidth for a deadline, and best bandwidth for a price, as exponential-cone programs."""
    draw = random.Random(f"bandwidths/{seed}")
    least, price = (ClaimRecord(f"bandwidth for a {what} as CVXPY") for what in ("deadline", "price"))
    for number in range(draws):
        n = 8
        bits = np.array([0.05 + draw.random() for _ in range(n)])  # nats over the channel's g, times seconds
        deadline = 1.2 + draw.random()
        b = cp.Variable(n)
        nats = -cp.rel_entr(b, b + 1.0)  # b log(1 + 1/b): the rate at g = 1
        _solved(cp, cp.Problem(cp.Minimize(cp.sum(b)), [nats >= bits / deadline]))
        payload = bits / np.log(2.0)
        mine = np.array([forms["shannon"].least_bandwidth(float(s), 1.0, 0.0, deadline)[0] for s in payload])
        least.see(f"draw {number}", float(np.abs(np.asarray(b.value) / mine - 1.0).max()), _TOLERANCE)
        weight = np.array([0.5 + draw.random() for _ in range(n)])
        value = 0.1 + draw.random()
        time = cp.sum(cp.multiply(weight * bits, cp.inv_pos(-cp.rel_entr(b, b + 1.0))))
        _solved(cp, cp.Problem(cp.Minimize(time + value * cp.sum(b))))
        pairs = zip(payload, weight, strict=True)
        mine = np.array([forms["shannon"].best_bandwidth(float(s), 1.0, float(w), value)[0] for s, w in pairs])
        # A minimiser is known to the square root of what its value is known to.
        price.see(f"draw {number}", float(np.abs(np.asarray(b.value) / mine - 1.0).max()), 1e-4)
    yield from (least, price)


def convex_blocks(
    draws: int, *, step: SelectionStep | None = None, forms: Forms | None = None, seed: int = 0
) -> Iterator[ClaimRecord]:
    """Compare the blocks of the ADMM and the closed forms, by default the package's, with CVXPY's on random data.

    Misses are absolute for fractions, relative for bandwidths. `MissingDependencyError` is raised without cvxpy.
    """
    cp = _cvxpy()
    yield from _iterations(cp, package_step() if step is None else step, draws, seed)
    yield from _bandwidths(cp, package_forms() if forms is None else forms, draws, seed)
