"""Other people's answers: enumeration of a handful of clients, and HiGHS on the covering problem of one bound."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, milp

from ...problem import Objective, Problem
from ...solution import Solution, Status
from ..balls import UndecidedError, arb, ball_of, bits_at_most, decide
from ..block_referees import BlockTable
from ..dual import Client, carrier_hz
from ..referees import beyond, brute_force, covering_rows, least_bandwidths, priced
from .answers import allocate

__all__ = ["certainly_feasible", "enumerated", "refuted_by_highs"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Found = tuple[BoolArray, FloatArray]

_SECONDS = 2.0  # for one program of HiGHS
_MOST_BLOCKS = 5000  # of a referee's tables


def _tabulated(problem: Problem) -> bool:
    return problem.resource_blocks is None or problem.resource_blocks <= _MOST_BLOCKS


def enumerated(problem: Problem, *, below: float) -> Found | None:
    """Return the best answer that enumeration finds, where it is below a value, s."""
    if not _tabulated(problem):
        return None
    try:
        verdict = brute_force(problem)
        found = allocate(problem, verdict.selected) if verdict.value < below else None
    except (ArithmeticError, ValueError):  # data beyond what plain NumPy and bracketing can do
        return None
    return None if found is None else (verdict.selected, found)


def certainly_feasible(problem: Problem) -> bool:
    """Whether some selection covers, and its least bandwidths fit the carrier, in rational and in ball arithmetic.

    Where limits fill the carrier to the last bit, no answer in floats may keep every constraint to the last bit, and so
    be a witness; `infeasible` is false all the same. Whole blocks fit or do not, in floats as well: they are not asked
    about.
    """
    if problem.resource_block_hz is not None:
        return False
    limits = problem.bandwidth_limits_hz
    roughly = least_bandwidths(problem, math.inf)

    def fits() -> bool:
        least = [Client(problem, n, limits).least() for n in range(problem.n_clients)]
        able = problem.available & np.array([ball is not None for ball in least], dtype=bool)
        if (problem.mandatory & ~able).any():
            return False
        order = np.flatnonzero(able & ~problem.mandatory)
        for code in range(1 << order.size):
            chosen = problem.mandatory.copy()
            chosen[order] = (code >> np.arange(order.size)) & 1 == 1
            if roughly[chosen].sum() > problem.bandwidth_hz * (1.0 + 1e-9) or not problem.covers(chosen).all():
                continue
            total = sum((ball for n, ball in enumerate(least) if chosen[n] and ball is not None), arb(0))
            if decide(total, ball_of(carrier_hz(problem))):
                return True
        return False

    try:
        return bits_at_most(fits)
    except UndecidedError:
        return False


def refuted_by_highs(problem: Problem, solution: Solution) -> Found | None:
    """Ask HiGHS for an answer below a claimed bound: the cheapest cover at that deadline, or at its price.

    HiGHS is heard only where it finds one: its 'infeasible' depends on tolerances that the data may be beyond.
    """
    infeasible = solution.status is Status.INFEASIBLE
    bound = math.inf if infeasible else solution.lower_bound_s
    if not bound > 0.0 or not _tabulated(problem) or problem.n_clients == 0:
        return None
    try:
        cost = _costs(problem, solution, bound)
        found = None if cost is None else _cheapest_cover(problem, cost)
        bandwidth_hz = None if found is None else allocate(problem, found)
    except (ArithmeticError, ValueError):
        return None
    return None if found is None or bandwidth_hz is None else (found, bandwidth_hz)


def _costs(problem: Problem, solution: Solution, bound: float) -> FloatArray | None:
    if problem.objective is Objective.MAKESPAN or bound == math.inf:
        deadline = bound * (1.0 - 1e-9)
        if problem.resource_block_hz is not None:
            return BlockTable(problem).least_counts(deadline) * problem.resource_block_hz
        return least_bandwidths(problem, deadline)
    price = math.nan if solution.certificate is None else solution.certificate.price
    if problem.resource_block_hz is not None or not 0.0 < price < math.inf:
        return None
    return priced(problem, price)[1]


def _cheapest_cover(problem: Problem, cost: FloatArray) -> BoolArray | None:
    able = problem.available & np.isfinite(cost)
    if (problem.mandatory & ~able).any() or not able.any():
        return None
    rows = covering_rows(problem, problem.n_clients)
    scale = 1e3 / float(cost[able].max())
    if not 0.0 < scale < math.inf:
        return None
    for _ in range(5):
        with _silent():
            result = milp(
                np.where(able, cost, 0.0) * scale,
                integrality=np.ones(problem.n_clients),
                bounds=Bounds(problem.mandatory.astype(float), able.astype(float)),
                constraints=rows,
                options={"mip_rel_gap": 0.0, "time_limit": _SECONDS},
            )
        if result.x is None:
            return None
        found: BoolArray = result.x > 0.5
        if problem.covers(found).all():
            return found
        rows.append(beyond(found, problem.n_clients))
    return None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep HiGHS from writing remarks on its own bugs to stdout, past Python and its option `disp`."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
