"""The allocation as a whole: start, ADMM, vertex ascent with the price search, and the search for a selection."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .admm import admm_iterations, admm_residuals, rescale_dual
from .cell import TOTAL, Cell
from .dual import dual_value, supported_price
from .jit import jit
from .oracle import client_time, cost_pass
from .roots import least_demand, selection_theta, selection_value
from .search import cover_statically, exchange, measure_slack, nearest_clients, repair, trim
from .state import (
    ABOVE, ADMM, BELOW, BOUND, BOUND_PRICE, DONE, DUAL, ITERATIONS, KICKS, LEAST, LIMIT, OBJECTIVE, PHASE, PIVOTS, PRICE, PRIMAL, RANK, RHO,
    ROUNDS, SEARCH, STALLS, START, THETA, VERTEX, VERTEX_FAILURES, Work,
)
from .vertex import starting_basis, vertex_ascent

__all__ = ["advance", "members_of", "warm"]

BoolArray = npt.NDArray[np.bool_]


@jit
def members_of(cell: Cell, chosen: BoolArray, members: npt.NDArray[np.int64]) -> int:
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
        work.best[:] = work.chosen
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
    return max(np.median(finish), latest)


@jit
def start(cell: Cell, work: Work) -> None:
    """Find a first selection, covering by cost per relevance at a guessed theta and then at its own."""
    state = work.state
    n = cell.client.size
    if n > cell.free:  # mandatory clients alone can be too much
        for i in range(cell.free, n):
            work.members[i - cell.free] = i
        if least_demand(cell, work.members, n - cell.free) > cell.total_hz:
            state[BOUND] = math.inf
            state[PHASE] = DONE
            return
    if cell.aim.size == 0:
        consider(cell, work)
        state[BOUND_PRICE] = state[PRICE]
        state[PHASE] = DONE
        return
    theta = first_price(cell)
    covered = False
    for _ in range(200):
        set_price(cell, work, theta)
        covered = cover_statically(cell, work.cost, work.chosen, work.slack)
        if covered or cell.objective == TOTAL or not theta < 1e300:
            break
        theta *= 2.0
    for _ in range(4):
        if not covered:
            break
        trim(cell, work.cost, work.chosen, work.slack)
        before = state[OBJECTIVE]
        if not consider(cell, work) or state[OBJECTIVE] > 0.97 * before:
            break
        set_price(cell, work, state[PRICE])
        covered = cover_statically(cell, work.cost, work.chosen, work.slack)
    state[PHASE] = ADMM if state[OBJECTIVE] < math.inf else LEAST


@jit
def fit_least(cell: Cell, work: Work, width: int) -> None:
    """Where caps or bounds bind: minimise the least bandwidths alone, or prove that they exceed the carrier."""
    state = work.state
    state[PHASE] = DONE
    work.cost[:] = cell.low
    ok, pivots = vertex_ascent(
        cell, work.cost, work.basis, work.mu, work.x_basic, work.reduced, work.turn, work.order,
        40 + 20 * work.mu.size,
    )
    state[PIVOTS] += pivots
    if ok:
        work.bound_mu[:] = work.mu
        if dual_value(cell, work.mu, work.cost) > cell.total_hz * (1.0 + 1e-12):
            state[BOUND] = math.inf
            return
    if not round_relaxation(cell, work, 0.5):
        return
    exchange(cell, work.cost, work.reduced, work.mu, work.chosen, work.slack, width, 200)
    if consider(cell, work):
        state[PHASE] = ADMM


@jit
def begin_admm(cell: Cell, work: Work) -> None:
    """Set price, penalty and iterates from the best selection so far."""
    state = work.state
    set_price(cell, work, state[PRICE])
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
def warm(cell: Cell, work: Work, selected: BoolArray, mu: npt.NDArray[np.float64]) -> None:
    """Take over an earlier answer: its selection (repaired) as a first one, its multipliers as a start."""
    state = work.state
    for i in range(cell.free):
        work.chosen[i] = selected[cell.client[i]]
    work.mu[:] = mu
    count = members_of(cell, work.chosen, work.members)
    theta = selection_theta(cell, work.members, count, math.nan)
    if not theta < math.inf or cell.aim.size == 0 or count == 0:
        return
    set_price(cell, work, theta)
    measure_slack(cell, work.chosen, work.slack)
    if repair(cell, work.cost, work.chosen, work.slack):
        trim(cell, work.cost, work.chosen, work.slack)
        consider(cell, work)


@jit
def bound_here(cell: Cell, work: Work) -> tuple[float, float]:
    """Evaluate the dual at the current costs and `mu`, keep it if it is the best bound; return value, slope.

    The slope is that of D in theta with the selection held: by the envelope theorem the slope of the bound.
    """
    state = work.state
    value = dual_value(cell, work.mu, work.cost)
    slope = 0.0
    for i in range(cell.free):
        worth = 0.0
        for k in range(work.mu.size):
            worth += cell.relevance[i, k] * work.mu[k]
        work.reduced[i] = work.cost[i] - worth
        if work.reduced[i] < 0.0:
            slope += work.slope[i]
    for i in range(cell.free, cell.client.size):
        slope += work.slope[i]
    if cell.objective == TOTAL:
        bound = value - state[THETA] * cell.total_hz
    else:
        bound = state[THETA] if value > cell.total_hz else 0.0
    if bound > state[BOUND] and bound < math.inf:
        state[BOUND] = bound
        state[BOUND_PRICE] = state[THETA]
        work.bound_mu[:] = work.mu
    return value, slope


@jit
def next_price(cell: Cell, work: Work, value: float, slope: float) -> float:
    """Propose theta from the relaxation's value and slope there, inside the bracket; NaN when it is closed.

    Makespan: the root of value = B, by Newton on 1/value. Total: the root of bandwidth = B (the slope is the
    bandwidth bought), by Newton in log-log with the elasticity -1/2 of the flat rate.
    """
    state = work.state
    theta = state[THETA]
    if cell.objective == TOTAL:
        if slope > cell.total_hz:
            state[BELOW] = theta
        else:
            state[ABOVE] = theta
        step = theta * min(max((slope / cell.total_hz) ** 2, 1e-3), 1e3)
    else:
        if value > cell.total_hz:
            state[BELOW] = theta
        else:
            state[ABOVE] = theta
        step = math.nan
        if slope < 0.0 and value < math.inf:
            step = theta + (value / cell.total_hz - 1.0) * value / -slope
    below, above = state[BELOW], state[ABOVE]
    if above < math.inf and above - below <= 1e-12 * above:
        return math.nan
    if not (step > below and step < above):
        if above == math.inf:
            step = 2.0 * theta
        elif below > 0.0:
            step = math.sqrt(below * above)
        else:
            step = 0.5 * above
        if not (step > below and step < above):
            return math.nan
    return step


@jit
def admm_round(cell: Cell, work: Work, count: int, vertex: bool) -> None:
    """Run a few ADMM iterations, then let bounds move the price, and adapt the penalty."""
    state = work.state
    admm_iterations(cell, work.cost, state[RHO], work.matrix, work.v, work.nu, count)
    state[ITERATIONS] += count
    state[ROUNDS] += 1
    for k in range(work.mu.size):
        work.mu[k] = state[RHO] * work.nu[k]
    apart, size = admm_residuals(cell, work.cost, state[RHO], work.v, work.nu)
    state[PRIMAL] = apart / max(size, 1e-300)
    before = state[BOUND]
    value, slope = bound_here(cell, work)
    moved = 0.0
    if cell.objective == TOTAL:
        theta = state[THETA] * min(max((slope / cell.total_hz) ** 1.0, 0.5), 2.0)
    else:
        theta = state[THETA]
        if value > 0.3 * cell.total_hz and slope < 0.0:
            theta += (value / cell.total_hz - 1.0) * value / -slope
            theta = min(max(theta, 0.5 * state[THETA], state[BOUND]), state[PRICE])
    moved = abs(theta - state[THETA]) / state[THETA]
    state[DUAL] = moved
    if moved > 1e-9:
        set_price(cell, work, theta)
    if vertex and (state[PRIMAL] < 3e-2 or state[ROUNDS] >= 5):
        state[PHASE] = VERTEX


@jit
def vertex_round(cell: Cell, work: Work, tolerance: float) -> None:
    """Solve the relaxation at the current price exactly and move the price; end when the bound is tight."""
    state = work.state
    if state[STALLS] == 0:
        starting_basis(cell, work.cost, work.mu, work.reduced, work.basis)
    ok, pivots = vertex_ascent(
        cell, work.cost, work.basis, work.mu, work.x_basic, work.reduced, work.turn, work.order,
        20 + 10 * work.mu.size,
    )
    state[PIVOTS] += pivots
    state[STALLS] += 1
    if not ok:
        state[VERTEX_FAILURES] += 1
        if state[VERTEX_FAILURES] < 3:
            for k in range(work.mu.size):
                work.basis[k] = cell.free + k
        else:
            state[PHASE] = SEARCH
        return
    value, slope = bound_here(cell, work)
    for p in range(work.basis.size):  # the basic clients count at their fractions
        i = work.basis[p]
        if i < cell.free:
            if work.reduced[i] < 0.0:
                slope -= work.slope[i]
            slope += work.x_basic[p] * work.slope[i]
            work.reduced[i] = 0.0
    theta = next_price(cell, work, value, slope)
    step = abs(theta - state[THETA]) / state[THETA]
    if step > tolerance and state[STALLS] < 60:
        set_price(cell, work, theta)
        return
    state[PHASE] = SEARCH
    if cell.objective != TOTAL:  # as far as these multipliers reach
        if not theta > 0.0:
            theta = state[THETA]
        bound = supported_price(cell, work.mu, min(theta * (1.0 - 1e-3 * tolerance), state[OBJECTIVE]))
        if bound > state[BOUND]:
            state[BOUND] = bound
            state[BOUND_PRICE] = bound
            work.bound_mu[:] = work.mu


@jit
def round_relaxation(cell: Cell, work: Work, threshold: float) -> bool:
    """Make a selection of the relaxation's: negative reduced costs and fractions above a threshold; repair, trim."""
    for i in range(cell.free):
        work.chosen[i] = work.reduced[i] < 0.0
    for p in range(work.basis.size):
        i = work.basis[p]
        if i < cell.free:
            work.chosen[i] = work.x_basic[p] > threshold
    measure_slack(cell, work.chosen, work.slack)
    if not repair(cell, work.cost, work.chosen, work.slack):
        return False
    trim(cell, work.cost, work.chosen, work.slack)
    return True


@jit
def reduce_costs(cell: Cell, work: Work) -> None:
    """Write the free clients' reduced costs at the current costs and multipliers."""
    for i in range(cell.free):
        worth = 0.0
        for k in range(work.mu.size):
            worth += cell.relevance[i, k] * work.mu[k]
        work.reduced[i] = work.cost[i] - worth


@jit
def exchange_here(cell: Cell, work: Work, width: int) -> bool:
    """Exchange at the current costs; tell whether the selection got cheaper."""
    spent = 0.0
    for i in range(cell.free):
        if work.chosen[i]:
            spent += work.cost[i]
    for i in range(cell.free, cell.client.size):
        spent += work.cost[i]
    gained = exchange(cell, work.cost, work.reduced, work.mu, work.chosen, work.slack, width, 50)
    return gained > 1e-10 * spent


@jit
def improve(cell: Cell, work: Work, width: int) -> bool:
    """Exchange until no swap helps, re-pricing after each bout; tell whether a new best came of it."""
    state = work.state
    for _ in range(20):
        count = members_of(cell, work.chosen, work.members)
        theta = selection_theta(cell, work.members, count, state[PRICE])
        if not theta < math.inf:
            return False
        set_price(cell, work, theta)
        reduce_costs(cell, work)
        if not exchange_here(cell, work, width):
            break
    return consider(cell, work)


@jit
def kick(cell: Cell, work: Work, rank: int, width: int) -> bool:
    """Leave a local optimum: overrule one decision that the relaxation hardly cares about, and exchange again.

    Even ranks bar a selected client, odd ones force one that was left out, by increasing reduced cost. The
    overruled client is free again in the second bout.
    """
    state = work.state
    work.chosen[:] = work.best
    set_price(cell, work, state[PRICE])
    reduce_costs(cell, work)
    nearest = np.empty(rank // 2 + 1, dtype=np.int64)
    side = rank % 2 == 0
    if nearest_clients(cell, work.cost, work.reduced, work.chosen, side, nearest) < nearest.size:
        return False
    i = nearest[rank // 2]
    work.chosen[i] = not side
    work.cost[i] = math.inf if side else 0.0
    measure_slack(cell, work.chosen, work.slack)
    if not repair(cell, work.cost, work.chosen, work.slack):
        return False
    trim(cell, work.cost, work.chosen, work.slack)
    exchange_here(cell, work, width)
    return improve(cell, work, width)


@jit
def search_round(cell: Cell, work: Work, width: int, kicks: int) -> None:
    """From the relaxation to a selection that exchanges do not improve; then a few kicks out of it."""
    state = work.state
    if state[KICKS] == 0:
        if round_relaxation(cell, work, 0.5):
            improve(cell, work, width)
        state[KICKS] = 1
        state[RANK] = 0
    elif state[KICKS] <= kicks:
        state[KICKS] += 1
        if kick(cell, work, int(state[RANK]), width):
            state[RANK] = 0
        else:
            state[RANK] += 1
    else:
        state[PHASE] = DONE


@jit
def advance(
    cell: Cell, work: Work, gap_tol: float, effort: float, max_iterations: int, vertex: bool, width: int, kicks: int
) -> None:
    """Go on until done, or until about `effort` client visits have been spent.

    Parameters
    ----------
    cell, work : Cell, Work
        The cell and its running state, changed in place.
    gap_tol : float
        Relative gap at which to stop.
    effort : float
        Client visits to spend in this call.
    max_iterations : int
        Limit on ADMM iterations.
    vertex : bool
        Whether the relaxation is finished by vertex ascent.
    width : int
        Core width of the exchange search.
    kicks : int
        How often the search leaves a local optimum.
    """
    state = work.state
    spent = 0.0
    while state[PHASE] != DONE and spent < effort:
        if state[PHASE] == START:
            start(cell, work)
            if state[PHASE] == ADMM:
                begin_admm(cell, work)
            spent += 10.0 * cell.free
        elif state[PHASE] == LEAST:
            fit_least(cell, work, width)
            if state[PHASE] == ADMM:
                begin_admm(cell, work)
            spent += 10.0 * cell.free
        elif state[PHASE] == ADMM:
            count = min(10, max_iterations - int(state[ITERATIONS]))
            if count > 0:
                admm_round(cell, work, count, vertex)
            else:
                state[LIMIT] = 1.0
                state[PHASE] = SEARCH
            spent += 15.0 * cell.free
        elif state[PHASE] == VERTEX:
            vertex_round(cell, work, 0.02 * gap_tol)
            spent += 10.0 * cell.free
        else:
            search_round(cell, work, width, kicks)
            spent += 10.0 * cell.free
        if state[PHASE] > LEAST and state[OBJECTIVE] <= state[BOUND] * (1.0 + gap_tol):
            state[PHASE] = DONE
