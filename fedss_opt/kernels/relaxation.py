"""The relaxation: ADMM rounds and vertex ascent at one price, and the search for the price itself."""

from __future__ import annotations

import math

import numpy as np

from .admm import admm_iterations, rescale_dual
from .basis import reset_basis, starting_basis
from .cell import EPS, TOTAL, Cell
from .dual import dual_value, supported_price
from .jit import jit
from .opening import first_price, set_price
from .oracle import client_time
from .state import (
    ABOVE,
    ABOVE_SLOPE,
    ABOVE_VALUE,
    BELOW,
    BELOW_SLOPE,
    BELOW_VALUE,
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
    START,
    THETA,
    VERTEX,
    WARM,
    WINDOW_FROM,
    Work,
)
from .vectors import compensated_sum, copy_values, order_by
from .vertex import vertex_ascent
from .window import window_ascent

__all__ = ["admm_round", "bound_here", "reduce_costs", "relax", "relax_at", "vertex_round"]

_PATIENCE = 4  # prices that Newton alone may propose where it is known to creep
_GREATEST_PRICE = 1e250  # only what is infeasible asks for more
_MOST_PRICES = 120  # halving from a bracket of twelve decades to the last digits takes 80


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
def _next_deadline(cell: Cell, work: Work, value: float, slope: float, margin: float) -> float:
    """Propose T for the root of value = B (1 + margin); NaN when the bracket is closed.

    Newton on 1/value; the margin keeps the last T on the side that is proven. Every third step halves the bracket: a
    client that drops out of reach makes the value jump, and Newton creep. In whole blocks the value is a step function,
    whose slope says nothing near the root, so a few steps of Newton are followed by halving alone.
    """
    state = work.state
    theta = state[THETA]
    rounds = int(state[PRICE_ROUNDS])
    step = math.nan
    if value > cell.total_hz:
        state[BELOW] = max(state[BELOW], theta)
    else:
        state[ABOVE] = min(state[ABOVE], theta)
    if slope < 0.0 and value < math.inf and (cell.block_hz == 0.0 or rounds <= _PATIENCE):
        step = theta + (value / (cell.total_hz * (1.0 + margin)) - 1.0) * value / -slope
    below, above = state[BELOW], state[ABOVE]
    if rounds > _PATIENCE or cell.block_hz > 0.0:  # what is proven in other ways is an end as well
        below = max(below, state[BOUND]) if state[BOUND] < above else below
    if above < math.inf and above - below <= 0.5 * margin * above:
        return math.nan
    halve = rounds % 3 == 2 and above < math.inf and (below > 0.0 or rounds > _PATIENCE)
    if halve or not (step > below and step < above):
        return _halved(theta, below, above)
    return step


@jit
def _halved(theta: float, below: float, above: float) -> float:
    """Return a point inside the bracket, half way in its logarithm; NaN where there is none."""
    if above == math.inf:
        step = 2.0 * theta
    elif below > 0.0:
        step = math.sqrt(below) * math.sqrt(above)
    else:
        step = 0.5 * above
    return step if step > below and step < above else math.nan


@jit
def _next_price(cell: Cell, work: Work, value: float, bought: float, tolerance: float) -> float:
    """Propose lambda for the greatest ``V(lambda) - lambda B``; NaN where no other can be greater by the tolerance.

    That is concave, with the bandwidth bought less B for a slope: tangents at both ends of the bracket meet above the
    maximum, and tell how much is left to gain. Steps are Newton's for bought = B, in log-log with the elasticity -1/2
    of the flat rate, then the point where the tangents meet (which ends the search where the function is made of
    straight lines, as it is in whole blocks), then half the bracket.
    """
    state = work.state
    theta = state[THETA]
    rounds = int(state[PRICE_ROUNDS])
    gain = value - theta * cell.total_hz
    excess = bought - cell.total_hz
    if excess > 0.0:
        state[BELOW], state[BELOW_VALUE], state[BELOW_SLOPE] = theta, gain, excess
    else:
        state[ABOVE], state[ABOVE_VALUE], state[ABOVE_SLOPE] = theta, gain, excess
    below, above = state[BELOW], state[ABOVE]
    meet, most = math.nan, math.inf
    if above < math.inf:
        meet = 0.0  # nothing is bought at a price below
        if state[BELOW_SLOPE] > 0.0:
            meet = state[BELOW_VALUE] - state[BELOW_SLOPE] * below - state[ABOVE_VALUE] + state[ABOVE_SLOPE] * above
            meet /= state[ABOVE_SLOPE] - state[BELOW_SLOPE]
        most = state[ABOVE_VALUE] + state[ABOVE_SLOPE] * (meet - above)
        if most - state[BOUND] <= 0.1 * tolerance * state[BOUND]:
            return math.nan
    step = theta * min(max((bought / cell.total_hz) ** 2, 1e-3), 1e3) if theta > 0.0 else first_price(cell)
    if abs(step - theta) <= 0.1 * tolerance * theta:
        return math.nan
    if above < math.inf and rounds % 3 == 0:
        step = meet
    if above == math.inf and rounds % 3 == 2 and rounds > _PATIENCE:  # Newton creeps where hardly more than B is bought
        step = theta * 2.0**rounds
    if (above < math.inf and rounds % 3 == 2 and below > 0.0) or not (step > below and step < above):
        return _halved(theta, below, above)
    if not step < _GREATEST_PRICE:
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
    order = order_by(reach, cell.stop)
    received = np.zeros(cell.aim.size)
    last = 0
    for k in range(received.size):
        if cell.stop[0]:
            return
        total = 0.0
        for j in range(order.size):
            total += cell.relevance[order[j], k]
            if total >= 1.0:
                break
        last = max(last, j)
    first = reach[order[last]]
    work.mu[:] = 0.0
    for k in range(received.size):
        if cell.stop[0]:
            return
        total = 0.0
        for j in range(order.size):
            if reach[order[j]] >= first:
                break
            total += cell.relevance[order[j], k]
        if total < 1.0:
            work.mu[k] = 2.0 * cell.total_hz / (1.0 - total)
            break
    bound = supported_price(cell, work.mu, first * (1.0 - 32.0 * EPS))
    if cell.stop[0]:
        return
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
    if cell.stop[0]:
        return
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
        if theta == 0.0 and slope > cell.total_hz:
            theta = first_price(cell)
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
    if cell.stop[0]:
        return
    if not _ascend(cell, work, fresh):
        if cell.stop[0]:
            return
        if cell.objective != TOTAL and state[BOUND] == 0.0:  # costs of too many decades for a basis: reach alone tells
            reach_cover(cell, work)
        state[PHASE] = SEARCH
        if state[ROUNDS] == 0.0:  # from an earlier answer or a sample, without an ADMM: begin with one after all
            state[PHASE], state[WARM], state[PRICE_ROUNDS] = START, 0.0, 0.0
            work.mu[:] = 0.0
        return
    value, slope = bound_here(cell, work)
    for p in range(work.basis.size):  # the basic clients count at their fractions
        i = work.basis[p]
        if i < cell.free:
            slope += work.x_basic[p] * work.slope[i]
    tight = False
    if cell.objective == TOTAL:
        theta = _next_price(cell, work, value, slope, tolerance)
    else:
        tight = _is_tight(cell, state[THETA], value, slope, tolerance)
        theta = _next_deadline(cell, work, value, slope, 0.5 * tolerance)
    if not (tight or math.isnan(theta) or state[PRICE_ROUNDS] >= _MOST_PRICES):
        set_price(cell, work, theta)
        return
    state[PHASE] = SEARCH
    if cell.objective != TOTAL and not tight:
        _cross_the_jump(cell, work)


@jit
def _cross_the_jump(cell: Cell, work: Work) -> None:
    """Where the value jumps past B, end at the deadline after the jump: before it no selection can do with the carrier.

    The clients whom the jump is about are out of reach before it, or dearer, and missing in its selections.
    """
    state = work.state
    if state[THETA] >= state[ABOVE] or state[ABOVE] == math.inf:
        return
    set_price(cell, work, state[ABOVE])
    if not _ascend(cell, work, False):
        copy_values(work.bound_mu, work.mu)
        set_price(cell, work, state[BOUND_PRICE])


@jit
def _is_tight(cell: Cell, deadline: float, value: float, slope: float, tolerance: float) -> bool:
    """Tell whether a proven deadline is the last one but for the tolerance: its value is B's, and changes with T.

    Where most clients hold their least bandwidth the value hardly depends on T, and in whole blocks it jumps: then only
    the bracket tells.
    """
    near = value > cell.total_hz and value <= cell.total_hz * (1.0 + tolerance) and cell.block_hz == 0.0
    return near and (value / cell.total_hz - 1.0) * value <= tolerance * deadline * -slope


@jit
def _ascend(cell: Cell, work: Work, fresh: bool) -> bool:
    """Climb from a basis near `mu` or from the last one; where that fails, among everybody, then from the surpluses."""
    limit = 20 + 10 * work.mu.size
    cost = work.cost[: cell.free]
    if cell.free >= work.state[WINDOW_FROM] and window_ascent(
        cell.relevance, cost, work.basis, work.mu, work.x_basic, work.reduced, fresh, limit, cell.stop
    ):
        return True
    if cell.stop[0]:
        return False
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
            cell.stop,
        )
        if solved:
            return True
        if cell.stop[0]:
            return False
        if attempt == 0:
            reset_basis(cell.free, work.basis)
    return False


@jit
def relax(cell: Cell, work: Work, theta: float, tolerance: float) -> None:
    """Solve the relaxation of a fresh cell from a first price, without an ADMM before it; less of it when stopped."""
    state = work.state
    set_price(cell, work, theta)
    state[PHASE] = VERTEX
    while state[PHASE] == VERTEX and not cell.stop[0]:
        vertex_round(cell, work, tolerance)


@jit
def relax_at(cell: Cell, work: Work, theta: float) -> float:
    """Solve the relaxation at one price only and return its value D; -inf where the ascent fails or is stopped."""
    set_price(cell, work, theta)
    if _short_task(cell, work) >= 0:
        return math.inf
    if not _ascend(cell, work, True):
        return -math.inf
    return dual_value(cell, work.mu, work.cost)
