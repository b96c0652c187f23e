"""The opening: a first selection, from the cell alone or from an earlier answer, and where the ADMM starts."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .admm import gram
from .cell import TOTAL, Cell
from .dual import dual_value
from .jit import jit
from .oracle import client_time, cost_pass
from .roots import selection_theta, selection_value
from .search import cover_statically, exchange, measure_slack, repair, trim
from .state import ADMM, BOUND, BOUND_PRICE, DONE, LEAST, OBJECTIVE, PHASE, PRICE, RHO, THETA, WARM, Work
from .vectors import copy_flags, copy_values, exceeds, median
from .vertex import vertex_ascent

__all__ = [
    "begin_admm",
    "consider",
    "first_price",
    "fit_least",
    "mandatory_fit",
    "members_of",
    "round_relaxation",
    "set_price",
    "start",
    "warm",
]


@jit
def members_of(cell: Cell, chosen: BoolArray, members: IntArray) -> int:
    """Write the positions of a selection, mandatory clients included; return their number."""
    count = 0
    for i in range(cell.free):
        if chosen[i]:
            members[count] = i
            count += 1
    for i in range(cell.free, cell.client.size):
        members[count] = i
        count += 1
    return count


@jit
def consider(cell: Cell, work: Work) -> bool:
    """Price the current selection and keep it if it is the best so far."""
    state = work.state
    count = members_of(cell, work.chosen, work.members)
    theta = selection_theta(cell, work.members, count, state[PRICE])
    value = selection_value(cell, work.members, count, theta)
    if value < state[OBJECTIVE]:
        state[OBJECTIVE] = value
        state[PRICE] = theta
        copy_flags(work.chosen, work.best)
        return True
    return False


@jit
def set_price(cell: Cell, work: Work, theta: float) -> None:
    """Move theta and the costs that hang on it."""
    work.state[THETA] = theta
    cost_pass(cell, theta, work.cost, work.slope)


@jit
def first_price(cell: Cell) -> float:
    """Guess theta from an equal share for everybody: the median finish, or the flat rate's price."""
    n = cell.client.size
    share = cell.total_hz / n
    finish = np.empty(n)
    seed = 0.0
    latest = 0.0
    for i in range(n):
        b = min(max(share, cell.low[i]), cell.high[i])
        finish[i] = client_time(cell, i, b)
        seed += math.sqrt(cell.weight[i] * (finish[i] - cell.start[i]) * b)
        if i >= cell.free:
            latest = max(latest, client_time(cell, i, cell.high[i]))
    if cell.objective == TOTAL:
        return (seed / cell.total_hz) ** 2
    return max(median(finish, cell.stop), latest)


@jit
def _cover(cell: Cell, work: Work) -> bool:
    return cover_statically(cell.relevance, cell.aim, work.cost[: cell.free], work.chosen, work.slack, cell.stop)


@jit
def mandatory_fit(cell: Cell) -> bool:
    """Whether the least bandwidths of the mandatory clients alone are within the carrier."""
    return not exceeds(cell.low[cell.free :], cell.total_hz)


@jit
def start(cell: Cell, work: Work) -> None:
    """Find a first selection, covering by cost per relevance at a guessed theta and then at its own."""
    state = work.state
    if not mandatory_fit(cell):
        state[BOUND] = math.inf
        state[PHASE] = DONE
        return
    if cell.aim.size == 0:
        consider(cell, work)
        if cell.stop[0]:
            return
        state[BOUND_PRICE] = state[PRICE]
        state[PHASE] = DONE
        return
    theta = first_price(cell)
    covered = False
    for _ in range(200):
        set_price(cell, work, theta)
        covered = _cover(cell, work)
        if covered or cell.objective == TOTAL or not theta < 1e300 or cell.stop[0]:
            break
        theta *= 2.0
    for _ in range(4):
        if not covered:
            break
        trim(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop)
        before = state[OBJECTIVE]
        if not consider(cell, work) or state[OBJECTIVE] > 0.97 * before:
            break
        set_price(cell, work, state[PRICE])
        covered = _cover(cell, work)
    if not cell.stop[0]:
        state[PHASE] = ADMM if state[OBJECTIVE] < math.inf else LEAST


@jit
def round_relaxation(cell: Cell, work: Work, threshold: float) -> bool:
    """Make a selection of the relaxation's: negative reduced costs and fractions above a threshold; repair, trim."""
    for i in range(cell.free):
        work.chosen[i] = work.reduced[i] < 0.0
    for p in range(work.basis.size):
        i = work.basis[p]
        if i < cell.free:
            work.chosen[i] = work.x_basic[p] > threshold
    measure_slack(cell.relevance, cell.aim, work.chosen, work.slack)
    if not repair(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop):
        return False
    trim(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop)
    return True


@jit
def fit_least(cell: Cell, work: Work, width: int) -> None:
    """Where caps or bounds bind: minimise the least bandwidths alone, or prove that they exceed the carrier."""
    state = work.state
    state[PHASE] = DONE
    copy_values(cell.low, work.cost)
    vertex_ascent(
        cell.relevance,
        np.ones(work.mu.size),
        work.cost,
        work.basis,
        work.mu,
        work.x_basic,
        work.reduced,
        40 + 20 * work.mu.size,
        cell.stop,
    )
    for k in range(work.mu.size):  # whether or not the ascent came to its end: any multipliers >= 0 may prove it
        work.mu[k] = max(work.mu[k], 0.0)
    if dual_value(cell, work.mu, work.cost) > cell.total_hz * (1.0 + 1e-12):
        copy_values(work.mu, work.bound_mu)
        state[BOUND] = math.inf
        return
    if round_relaxation(cell, work, 0.5):
        cost = work.cost[: cell.free]
        exchange(cell.relevance, cost, work.reduced, work.mu, work.chosen, work.slack, width, 200, cell.stop)
        if consider(cell, work):
            state[PHASE] = ADMM
    if cell.stop[0]:  # nothing is decided
        state[PHASE] = LEAST


@jit
def begin_admm(cell: Cell, work: Work) -> None:
    """Set price, penalty and iterates from the best selection so far."""
    state = work.state
    set_price(cell, work, state[PRICE])
    work.matrix[:] = gram(cell.relevance)
    total = 0.0
    count = 0
    for i in range(cell.free):
        work.v[i] = 0.0
        if work.best[i]:
            total += work.cost[i]
            count += 1
            work.v[i] = 1.0
    state[RHO] = total / count if total > 0.0 else 1.0
    for k in range(work.mu.size):  # zero, or those of an earlier answer
        work.nu[k] = work.mu[k] / state[RHO]
    for i in range(cell.free):
        for k in range(work.mu.size):
            work.v[i] -= cell.relevance[i, k] * work.nu[k]


@jit
def warm(cell: Cell, work: Work, selected: BoolArray, mu: FloatArray) -> None:
    """Take over an earlier answer: its selection (repaired) as a first one, its multipliers as a start."""
    for i in range(cell.free):
        work.chosen[i] = selected[cell.client[i]]
    copy_values(mu, work.mu)
    for k in range(mu.size):
        if mu[k] > 0.0:
            work.state[WARM] = 1.0
    count = members_of(cell, work.chosen, work.members)
    theta = selection_theta(cell, work.members, count, math.nan)
    if not theta < math.inf or cell.aim.size == 0 or count == 0:
        return
    set_price(cell, work, theta)
    measure_slack(cell.relevance, cell.aim, work.chosen, work.slack)
    if repair(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop):
        trim(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop)
        consider(cell, work)
