"""The ADMM's sub-problems and the bandwidth problems, on random data, against CVXPY with Clarabel.

One iteration of the kernel gives two blocks: the selection (a box-constrained proximal step) and the coverage
(a projection). CVXPY gets the definitions, nothing else. Needs the extra ``reference``.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import MissingDependencyError
from .measurements import Subject, package_subject

__all__ = ["Blocks", "SubproblemRecord", "package_blocks", "subproblems"]

FloatArray = npt.NDArray[np.float64]

_RELAXATION = 1.6
# Clarabel is asked for 1e-10; what separates a right block from a wrong one is far above this.
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The two blocks on trial.

    Attributes
    ----------
    select : callable
        (relevance (n, K), cost (n,), rho, v (n,), nu (K,)) -> (a (n,), v (n,), nu (K,)): the selection step, and the
        state of the iteration after it.
    """

    select: Callable[[FloatArray, FloatArray, float, FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


@dataclass(frozen=True, kw_only=True)
class SubproblemRecord:
    """How far a block was from CVXPY's answer, at worst and over how many draws.

    Attributes
    ----------
    name : str
        Which block.
    draws : int
        Number of random problems.
    worst : float
        Greatest distance: absolute for fractions, relative for bandwidths.
    limit : float
        The claim.
    """

    name: str
    draws: int
    worst: float
    limit: float = _TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether the claim holds."""
        return self.worst <= self.limit


def package_blocks() -> Blocks:
    """Return the package's ADMM iteration, run once."""
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

    return Blocks(select=select)


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


def _iterations(cp: Any, blocks: Blocks, draws: int, seed: int) -> Iterator[SubproblemRecord]:
    selection, coverage = 0.0, 0.0
    draw = random.Random(f"blocks/{seed}")
    for _ in range(draws):
        relevance, cost, rho, v, nu = _draw_iteration(draw)
        a, after, multipliers = blocks.select(relevance, cost, rho, v, nu)
        z, u = v + relevance @ nu, -relevance @ nu
        x = cp.Variable(len(cost))
        steps = cost @ x + 0.5 * rho * cp.sum_squares(x - (z - u))
        _solved(cp, cp.Problem(cp.Minimize(steps), [x >= 0, x <= 1]))
        selection = max(selection, float(np.abs(x.value - a).max()))
        # y = over-relaxed a + u, projected on what covers.
        y = _RELAXATION * np.asarray(x.value) + (1.0 - _RELAXATION) * z + u
        copy = cp.Variable(len(cost))
        _solved(cp, cp.Problem(cp.Minimize(cp.sum_squares(copy - y)), [relevance.T @ copy >= 1.0]))
        coverage = max(coverage, float(np.abs(copy.value - (after + relevance @ multipliers)).max()))
    yield SubproblemRecord(name="selection: the clipped step", draws=draws, worst=selection)
    yield SubproblemRecord(name="coverage: the projection", draws=draws, worst=coverage)


def _bandwidths(cp: Any, subject: Subject, draws: int, seed: int) -> Iterator[SubproblemRecord]:
    """Least bandwidth for a deadline, and best bandwidth for a price, as exponential-cone programs."""
    draw = random.Random(f"bandwidths/{seed}")
    least, price = 0.0, 0.0
    for _ in range(draws):
        n = 8
        bits = np.array([0.05 + draw.random() for _ in range(n)])  # nats over the channel's g, times seconds
        deadline = 1.2 + draw.random()
        b = cp.Variable(n)
        nats = -cp.rel_entr(b, b + 1.0)  # b log(1 + 1/b): the rate at g = 1
        _solved(cp, cp.Problem(cp.Minimize(cp.sum(b)), [nats >= bits / deadline]))
        payload = bits / np.log(2.0)
        mine = np.array([subject.least_shannon(float(s), 1.0, 0.0, deadline)[0] for s in payload])
        least = max(least, float(np.abs(np.asarray(b.value) / mine - 1.0).max()))
        weight = np.array([0.5 + draw.random() for _ in range(n)])
        value = 0.1 + draw.random()
        time = cp.sum(cp.multiply(weight * bits, cp.inv_pos(-cp.rel_entr(b, b + 1.0))))
        _solved(cp, cp.Problem(cp.Minimize(time + value * cp.sum(b))))
        pairs = zip(payload, weight, strict=True)
        mine = np.array([subject.price_shannon(float(s), 1.0, float(w), value)[0] for s, w in pairs])
        price = max(price, float(np.abs(np.asarray(b.value) / mine - 1.0).max()))
    # A minimiser is known to the square root of what its value is known to.
    yield SubproblemRecord(name="bandwidth for a deadline", draws=draws, worst=least)
    yield SubproblemRecord(name="bandwidth for a price", draws=draws, worst=price, limit=1e-4)


def subproblems(
    draws: int, *, blocks: Blocks | None = None, subject: Subject | None = None, seed: int = 0
) -> Iterator[SubproblemRecord]:
    """Compare every block with CVXPY's answer on random data.

    Parameters
    ----------
    draws : int
        Random problems a block.
    blocks, subject : Blocks, Subject, optional
        What is on trial; the package's kernels by default.
    seed : int
        Seed of the data.

    Raises
    ------
    MissingDependencyError
        Without cvxpy or clarabel.
    """
    cp = _cvxpy()
    yield from _iterations(cp, package_blocks() if blocks is None else blocks, draws, seed)
    yield from _bandwidths(cp, package_subject() if subject is None else subject, draws, seed)
