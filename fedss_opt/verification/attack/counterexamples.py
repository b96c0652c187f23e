"""Answers from elsewhere: enumeration of a handful of clients, and HiGHS on the covering problem of one bound."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ...array_types import BoolArray, FloatArray
from ...problem import Objective, Problem
from ...solution import Solution, Status
from ..ball_dual import BallClient, carrier_hz
from ..balls import arb, ball_of, decide, settle
from ..block_tables import BlockTable
from ..enumeration import brute_force
from ..highs import cheapest_cover
from ..plain_bandwidths import least_bandwidths, priced
from .witnesses import allocate

__all__ = ["certainly_feasible", "enumerated", "refuted_by_highs"]

Found = tuple[BoolArray, FloatArray]

_SECONDS = 2.0  # for one program of HiGHS
_MOST_BLOCKS = 5000  # of a reference solver's tables


def _tabulated(problem: Problem) -> bool:
    return problem.resource_blocks is None or problem.resource_blocks <= _MOST_BLOCKS


def enumerated(problem: Problem, *, below: float) -> Found | None:
    """Return the best answer that enumeration finds, where it is below a value, s."""
    if not _tabulated(problem):
        return None
    try:
        best = brute_force(problem)
        found = allocate(problem, best.selected) if best.value < below else None
    except (ArithmeticError, ValueError):  # data beyond what plain NumPy and bracketing can do
        return None
    return None if found is None else (best.selected, found)


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
        least = [BallClient(problem, n, limits).least() for n in range(problem.n_clients)]
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

    return settle(fits) is True


def refuted_by_highs(problem: Problem, solution: Solution) -> Found | None:
    """Ask HiGHS for an answer below a claimed bound: the cheapest cover at that deadline, or at its price.

    Only an answer counts: its 'infeasible' depends on tolerances that the data may be beyond.
    """
    bound = math.inf if solution.status is Status.INFEASIBLE else solution.lower_bound_s
    if not bound > 0.0 or not _tabulated(problem) or problem.n_clients == 0:
        return None
    try:
        cost = _costs(problem, solution, bound)
        able = problem.available & np.isfinite(cost)
        dearest = float(cost[able].max(initial=0.0))
        if not 0.0 < dearest < 1e305:
            return None
        with _silent():
            found = cheapest_cover(problem, cost, unit=dearest, attempts=5, seconds=_SECONDS)
        bandwidth_hz = None if found is None else allocate(problem, found)
    except (ArithmeticError, ValueError):
        return None
    return None if found is None or bandwidth_hz is None else (found, bandwidth_hz)


def _costs(problem: Problem, solution: Solution, bound: float) -> FloatArray:
    if problem.objective is Objective.MAKESPAN or bound == math.inf:
        deadline = bound * (1.0 - 1e-9)
        if problem.resource_block_hz is not None:
            return BlockTable(problem).least_counts(deadline) * problem.resource_block_hz
        return least_bandwidths(problem, deadline)
    price = math.nan if solution.certificate is None else solution.certificate.price
    if problem.resource_block_hz is not None or not 0.0 < price < math.inf:
        return np.full(problem.n_clients, math.inf)  # there is no covering problem to ask about
    return priced(problem, price)[1]


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
