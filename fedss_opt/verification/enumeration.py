"""The best selection by enumeration, for a handful of clients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..array_types import BoolArray
from ..problem import Objective, Problem
from .block_tables import BlockTable, best_of
from .plain_bandwidths import least_bandwidths, priced, value_and_price

__all__ = ["ReferenceAnswer", "brute_force", "minimal_covers"]


@dataclass(frozen=True, kw_only=True)
class ReferenceAnswer:
    """What a reference solver answers."""

    value: float  # s; the objective of its selection, inf where it finds none
    bound: float  # s; nothing is below it, as far as the solver can tell: the value where it proved the optimum
    selected: BoolArray
    finished: bool = True  # whether it came to its end


def minimal_covers(problem: Problem) -> BoolArray:
    """All admissible covering selections from which nobody optional can be dropped, one row each."""
    n = problem.n_clients
    codes = np.arange(1 << n)
    rows = (codes[:, None] >> np.arange(n)) & 1 == 1
    covering = np.ones(1 << n, dtype=bool)
    for k in range(problem.n_tasks):
        received, target = rows @ problem.relevance[k], float(problem.coverage_target[k])
        served = received >= target
        for code in np.flatnonzero(np.abs(received - target) <= 1e-11 * target):
            served[code] = math.fsum([*problem.relevance[k][rows[code]].tolist(), -target]) >= 0.0
        covering &= served
    blocks = problem.resource_block_hz is not None
    able = BlockTable(problem).able if blocks else np.isfinite(least_bandwidths(problem, math.inf)) & problem.available
    keep = covering & rows[:, problem.mandatory].all(axis=1) & ~rows[:, ~able].any(axis=1)
    for i in np.flatnonzero(~problem.mandatory):
        keep &= ~(rows[:, i] & covering[codes ^ (1 << int(i))])
    minimal: BoolArray = rows[keep]
    return minimal


def brute_force(problem: Problem) -> ReferenceAnswer:
    """Try every selection of up to 14 clients, less those that the best one's deadline or price rules out."""
    if problem.n_clients > 14:
        raise ValueError(f"{problem.n_clients} clients: brute force is for 14 at most")
    rows = minimal_covers(problem)
    if problem.resource_block_hz is not None:
        value, found = best_of(BlockTable(problem), rows)
        return ReferenceAnswer(value=value, bound=value, selected=found)
    best, chosen = math.inf, np.zeros(problem.n_clients, dtype=bool)
    waiting = np.ones(len(rows), dtype=bool)
    order = np.where(rows, least_bandwidths(problem, math.inf), 0.0).sum(axis=1)
    while waiting.any():
        i = int(np.argmin(np.where(waiting, order, np.inf)))
        waiting[i] = False
        value, theta = value_and_price(problem, rows[i])
        if value < best:
            best, chosen = value, rows[i]
        if value == math.inf or not 0.0 < theta < math.inf:
            continue
        if problem.objective is Objective.MAKESPAN:
            cost = np.where(rows, least_bandwidths(problem, best * (1.0 - 1e-11)), 0.0).sum(axis=1)
            order = cost
            waiting &= cost <= problem.bandwidth_hz * (1.0 + 1e-12)
        else:
            lower = np.where(rows, priced(problem, theta)[1], 0.0).sum(axis=1) - theta * problem.bandwidth_hz
            order = np.maximum(lower, 0.0)
            waiting &= lower < best * (1.0 - 1e-11)
    return ReferenceAnswer(value=best, bound=best, selected=chosen)
