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
from ..block_referees import BlockTable
from ..referees import beyond, brute_force, covering_rows, least_bandwidths, priced
from .answers import allocate

__all__ = ["enumerated", "refuted_by_highs"]

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


def refuted_by_highs(problem: Problem, solution: Solution) -> Found | None:
    """Ask HiGHS for an answer below a claimed bound: the cheapest cover at that deadline, or at its price.

    HiGHS is heard only where it finds one: its 'infeasible' depends on tolerances that the data may be beyond.
    """
    infeasible = solution.status is Status.INFEASIBLE
    bound = math.inf if infeasible else solution.lower_bound_s
    if not bound > 0.0 or not _tabulated(problem) or problem.clients == 0:
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
    rows = covering_rows(problem, problem.clients)
    scale = 1e3 / float(cost[able].max())
    if not 0.0 < scale < math.inf:
        return None
    for _ in range(5):
        with _silent():
            result = milp(
                np.where(able, cost, 0.0) * scale,
                integrality=np.ones(problem.clients),
                bounds=Bounds(problem.mandatory.astype(float), able.astype(float)),
                constraints=rows,
                options={"mip_rel_gap": 0.0, "time_limit": _SECONDS},
            )
        if result.x is None:
            return None
        found: BoolArray = result.x > 0.5
        if problem.covers(found).all():
            return found
        rows.append(beyond(found, problem.clients))
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
