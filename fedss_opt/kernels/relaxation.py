"""The relaxation: ADMM rounds and vertex ascent at one price, and the search for the price itself."""

from __future__ import annotations

import math

import numpy as np

from .admm import admm_iterations, rescale_dual
from .basis import reset_basis, starting_basis
from .cell import EPS, TOTAL, Cell
from .dual import dual_value, supported_price
from .jit import jit
from .opening import set_price
from .oracle import client_time
from .state import (
    ABOVE,
    BELOW,
    BOUND,
    BOUND_PRICE,
    DUAL,
    ITERATIONS,
    PHASE,
    PRICE,
    PRICE_ROUNDS,
    PRIMAL,
    QUIET,
    RHO,
    ROUNDS,
    SEARCH,
    THETA,
    VERTEX,
    WINDOW_FROM,
    Work,
)
from .vectors import compensated_sum, copy_values, order_by
from .vertex import vertex_ascent
from .window import window_ascent

__all__ = ["admm_round", "reduce_costs", "relax", "relax_at", "vertex_round"]


@jit
def reduce_costs(cell: Cell, work: Work) -> None:
    """Write the free clients' reduced costs at the current costs and multipliers."""
    for i in range(cell.free):
        worth = 0.0
        for k in range(work.mu.size):
            worth += cell.relevance[i, k] * work.mu[k]
        work.reduced[i] = work.cost[i] - worth


@jit
def bound_here(cell: Cell, work: Work) -> tuple[float, float]:
    """Evaluate the dual at the current costs and `mu`, keep it if it is the best bound; return value, slope.

    The slope is that of D in theta with the selection held, that of the negative entries of `work.reduced`: by
    the envelope theorem the slope of the bound.
    """
    state = work.state
    value = dual_value(cell, work.mu, work.cost)
    slope = 0.0
    for i in range(cell.free):
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
        copy_values(work.mu, work.bound_mu)
    return value, slope


@jit
def next_price(cell: Cell, work: Work, value: float, slope: float, margin: float) -> float:
    """Propose theta from the relaxation's value and slope there, inside the bracket; NaN when it is closed.

    Makespan: the root of value = B (1 + margin), by Newton on 1/value; the margin keeps the last theta on the
    side that is proven. Total: the root of bandwidth = B (the slope is the bandwidth bought), by Newton in log-log
    with the elasticity -1/2 of the flat rate. Where Newton leaves the bracket, or a client that drops out of
    reach makes the value jump and Newton creep, the bracket is halved.
    """
    state = work.state
    theta = state[THETA]
    step = math.nan
    if cell.objective == TOTAL:
        if slope > cell.total_hz:
            state[BELOW] = theta
        else:
            state[ABOVE] = theta
        step = theta * min(max((slope / cell.total_hz) ** 2, 1e-3), 1e3)
    else:
        if value > cell.total_hz:
            state[BELOW] = max(state[BELOW], theta)
        else:
            state[ABOVE] = theta
        if slope < 0.0 and value < math.inf:
            step = theta + (value / (cell.total_hz * (1.0 + margin)) - 1.0) * value / -slope
    below, above = state[BELOW], state[ABOVE]
    if above < math.inf and above - below <= 0.5 * margin * above:
        return math.nan
    halve = state[PRICE_ROUNDS] % 3 == 2 and below > 0.0 and above < math.inf
    if halve or not (step > below and step < above):
        if above == math.inf:
            step = 2.0 * theta
        elif below > 0.0:
            step = math.sqrt(below) * math.sqrt(above)
        else:
            step = 0.5 * above
        if not (step > below and step < above):
            return math.nan
    return step


@jit
def _short_task(cell: Cell, work: Work) -> int:
    """Return a task that the clients within reach at the current costs certainly cannot cover, or -1.

    A cell's requirements are rounded down by more than its relevances can be rounded: a compensated sum below 1 is a
    proof. Plain sums decide where they are clear of 1 by more than they can err.
    """
    within = np.zeros(cell.aim.size)
    for i in range(cell.free):
        if work.cost[i] < math.inf:
            for k in range(within.size):
                within[k] += cell.relevance[i, k]
    for k in range(within.size):
        if within[k] < 1.0 + cell.free * EPS * within[k] and _exactly_within(cell, work, k) < 1.0:
            return k
    return -1


@jit
def _exactly_within(cell: Cell, work: Work, k: int) -> float:
    """Return what the clients within reach offer to task k, by a compensated sum."""
    reached = np.zeros(cell.free)
    for i in range(cell.free):
        if work.cost[i] < math.inf:
            reached[i] = cell.relevance[i, k]
    return compensated_sum(reached)


@jit
def reach_cover(cell: Cell, work: Work) -> None:
    """Move to the first deadline at which the clients within reach can cover every task at all.

    Before it some task k is short by s whatever is selected: ``mu = 2 B e_k / s`` proves it. It is the price
    search's left end.
    """
    state = work.state
    reach = np.empty(cell.free)
    for i in range(cell.free):
        reach[i] = client_time(cell, i, cell.high[i])
    order = order_by(reach)
    received = np.zeros(cell.aim.size)
    last = 0
    for k in range(received.size):
        total = 0.0
        for j in range(order.size):
            total += cell.relevance[order[j], k]
            if total >= 1.0:
                break
        last = max(last, j)
    first = reach[order[last]]
    work.mu[:] = 0.0
    for k in range(received.size):
        total = 0.0
        for j in range(order.size):
            if reach[order[j]] >= first:
                break
            total += cell.relevance[order[j], k]
        if total < 1.0:
            work.mu[k] = 2.0 * cell.total_hz / (1.0 - total)
            break
    bound = supported_price(cell, work.mu, first * (1.0 - 32.0 * EPS))
    if bound > state[BOUND]:
        state[BOUND] = bound
        state[BOUND_PRICE] = bound
        copy_values(work.mu, work.bound_mu)
    state[BELOW] = max(state[BELOW], first * (1.0 - 64.0 * EPS))
    set_price(cell, work, max(first * (1.0 + 4.0 * EPS), state[BELOW]))


@jit
def admm_round(cell: Cell, work: Work, count: int, vertex: bool, tolerance: float) -> None:
    """Run a few ADMM iterations, then let bounds move the price and the residuals the penalty.

    Ends when the point is good enough for vertex ascent, or (without it) when the bound has stalled.
    """
    state = work.state
    state[PRIMAL], state[DUAL] = admm_iterations(
        cell, work.cost, state[RHO], work.matrix, work.v, work.nu, work.reduced, count
    )
    state[ITERATIONS] += count
    state[ROUNDS] += 1
    for k in range(work.mu.size):
        work.mu[k] = state[RHO] * work.nu[k]
    before = state[BOUND]
    reduce_costs(cell, work)
    value, slope = bound_here(cell, work)
    theta = state[THETA]
    if cell.objective == TOTAL:
        theta *= min(max(slope / cell.total_hz, 0.5), 2.0)
    elif value > 0.3 * cell.total_hz and slope < 0.0:
        theta += (value / cell.total_hz - 1.0) * value / -slope
        theta = min(max(theta, 0.5 * state[THETA], state[BOUND]), state[PRICE])
    if abs(theta - state[THETA]) > 1e-9 * state[THETA]:
        set_price(cell, work, theta)
    if state[PRIMAL] > 3.0 * state[DUAL]:
        rescale_dual(cell, 2.0, work.v, work.nu)
        state[RHO] *= 2.0
    elif state[DUAL] > 3.0 * state[PRIMAL]:
        rescale_dual(cell, 0.5, work.v, work.nu)
        state[RHO] *= 0.5
    if vertex:
        if state[PRIMAL] < 3e-2 or state[ROUNDS] >= 5:
            state[PHASE] = VERTEX
        return
    state[QUIET] = 0.0 if state[BOUND] > before * (1.0 + tolerance) else state[QUIET] + 1.0
    if state[QUIET] >= 20.0:
        state[PHASE] = SEARCH


@jit
def vertex_round(cell: Cell, work: Work, tolerance: float) -> None:
    """Solve the relaxation at the current price exactly and move the price; end when the bound is tight."""
    state = work.state
    state[PRICE_ROUNDS] += 1
    fresh = state[PRICE_ROUNDS] == 1
    if cell.objective != TOTAL and _short_task(cell, work) >= 0:
        reach_cover(cell, work)
        if _short_task(cell, work) >= 0:  # rounding, or more than one client at the same edge
            set_price(cell, work, state[THETA] * (1.0 + 1e-9))
        reset_basis(cell.free, work.basis)
        fresh = False
    if not _ascend(cell, work, fresh):
        state[PHASE] = SEARCH
        return
    value, slope = bound_here(cell, work)
    for p in range(work.basis.size):  # the basic clients count at their fractions
        i = work.basis[p]
        if i < cell.free:
            slope += work.x_basic[p] * work.slope[i]
    theta = next_price(cell, work, value, slope, 0.5 * tolerance)
    if cell.objective == TOTAL:
        tight = abs(theta - state[THETA]) <= tolerance * state[THETA]
    else:
        tight = value > cell.total_hz and value <= cell.total_hz * (1.0 + tolerance)
    if tight or math.isnan(theta) or state[PRICE_ROUNDS] >= 80:
        state[PHASE] = SEARCH
    else:
        set_price(cell, work, theta)


@jit
def _ascend(cell: Cell, work: Work, fresh: bool) -> bool:
    """Climb from a basis near `mu` or from the last one; where that fails, among everybody, then from the surpluses."""
    limit = 20 + 10 * work.mu.size
    cost = work.cost[: cell.free]
    if cell.free >= work.state[WINDOW_FROM] and window_ascent(
        cell.relevance, cost, work.basis, work.mu, work.x_basic, work.reduced, fresh, limit
    ):
        return True
    if fresh:
        starting_basis(cell.relevance, cost, work.mu, work.reduced, work.basis)
    need = np.ones(work.mu.size)
    for attempt in range(2):
        solved, _ = vertex_ascent(
            cell.relevance,
            need,
            cost,
            work.basis,
            work.mu,
            work.x_basic,
            work.reduced,
            (attempt + 1) * limit,
        )
        if solved:
            return True
        if attempt == 0:
            reset_basis(cell.free, work.basis)
    return False


@jit
def relax(cell: Cell, work: Work, theta: float, tolerance: float) -> None:
    """Solve the relaxation of a fresh cell from a first price, without an ADMM before it."""
    state = work.state
    set_price(cell, work, theta)
    state[PHASE] = VERTEX
    while state[PHASE] == VERTEX:
        vertex_round(cell, work, tolerance)


@jit
def relax_at(cell: Cell, work: Work, theta: float) -> float:
    """Solve the relaxation at one price only and return its value D; -inf where the ascent fails."""
    set_price(cell, work, theta)
    if _short_task(cell, work) >= 0:
        return math.inf
    if not _ascend(cell, work, True):
        return -math.inf
    return dual_value(cell, work.mu, work.cost)
