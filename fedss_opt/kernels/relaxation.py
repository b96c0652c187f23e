"""The relaxation: ADMM rounds and vertex ascent at one price, and the search for the price itself."""

from __future__ import annotations

import math

from .admm import admm_iterations, admm_residuals
from .cell import TOTAL, Cell
from .dual import dual_value, supported_price
from .jit import jit
from .opening import set_price
from .state import (
    ABOVE,
    BELOW,
    BOUND,
    BOUND_PRICE,
    DUAL,
    ITERATIONS,
    OBJECTIVE,
    PHASE,
    PIVOTS,
    PRICE,
    PRIMAL,
    RHO,
    ROUNDS,
    SEARCH,
    STALLS,
    THETA,
    VERTEX,
    VERTEX_FAILURES,
    Work,
)
from .vertex import starting_basis, vertex_ascent

__all__ = ["admm_round", "reduce_costs", "vertex_round"]


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
        cell,
        work.cost,
        work.basis,
        work.mu,
        work.x_basic,
        work.reduced,
        work.turn,
        work.order,
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
