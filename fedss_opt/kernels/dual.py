"""The dual bound of section 5: ``D(mu, theta) = q^T mu - sum_n max(0, (R^T mu)_n - phi_n(theta))``.

Multipliers are in the cell's normalised units (requirement 1 for every open task). Mandatory clients always
pay. Sums are compensated, and every claim keeps a margin above what rounding can do, so a certificate holds
in exact arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray
from .cell import EPS, MAKESPAN, TOTAL, Cell
from .client_model import is_accurate
from .jit import jit
from .oracle import cost_pass
from .vectors import copy_values

__all__ = ["certified_value", "dual_value", "supported_price", "total_bound"]


# Each term is within 8 ulp (oracle, product, difference); compensated summation adds one more.
_MARGIN = 16.0 * EPS


@jit
def dual_value(cell: Cell, mu: FloatArray, cost: FloatArray) -> float:
    """D for known costs: the least that any covering selection can cost, from below (plain sums)."""
    value = 0.0
    for k in range(mu.size):
        value += mu[k]
    saved = 0.0
    for i in range(cell.free):
        worth = 0.0
        for k in range(mu.size):
            worth += cell.relevance[i, k] * mu[k]
        if worth > cost[i]:
            saved += worth - cost[i]
    for i in range(cell.free, cell.client.size):
        value += cost[i]
    return value - saved


@jit
def certified_value(cell: Cell, objective: int, mu: FloatArray, theta: float) -> tuple[float, float, float]:
    """D at theta from the data alone, its slope in theta, and the largest error that rounding can have made.

    The objective is the cell's; that of the makespan at ``theta = inf`` asks for the least bandwidths of any cell. The
    value is inf where a mandatory client is out of reach, and -inf, which proves nothing, where multipliers are not
    finite numbers >= 0 or overflow on the way. It is never NaN, nor is the error.
    """
    total = 0.0
    carry = 0.0
    weight = 0.0
    slope = 0.0
    worths = 0.0
    priced = 0  # tasks: a multiplier of zero adds no rounding
    for k in range(mu.size):
        if not mu[k] >= 0.0:
            return -math.inf, 0.0, 0.0
        worths += mu[k]
        priced += 1 if mu[k] > 0.0 else 0
    if not worths < math.inf:
        return -math.inf, 0.0, 0.0
    n = cell.client.size
    costs, slopes = np.empty(n), np.empty(n)
    if objective == cell.objective:
        cost_pass(cell, theta, costs, slopes)
    else:  # the least bandwidths of a cell of the other objective
        copy_values(cell.low, costs)
        slopes[:] = 0.0
    for i in range(n + 1):
        term = worths  # the last turn adds the multipliers
        size = worths
        if i < n:
            worth = 0.0
            if i < cell.free:
                for k in range(mu.size):
                    worth += cell.relevance[i, k] * mu[k]
                if worth <= 0.0:
                    continue
            cost = costs[i]
            if objective == TOTAL and not is_accurate(cell.model, cell.payload[i], cell.link[i], cell.weight[i], theta):
                cost = cell.weight[i] * cell.start[i]  # a price beyond any problem's: claim no more than is plain
            if i < cell.free:
                if worth <= cost or cost == math.inf:  # in no cheapest selection, or in none at all
                    continue
            elif cost == math.inf:
                return math.inf, 0.0, 0.0
            term = cost - worth
            size = cost + worth
            slope += slopes[i]
        t = total + term
        carry += (total - t) + term if abs(total) >= abs(term) else (term - t) + total
        total = t
        weight += size
    if not weight < math.inf:
        return -math.inf, 0.0, 0.0
    return total + carry, slope, _MARGIN * (1 + priced) * weight


@jit
def supported_price(cell: Cell, mu: FloatArray, deadline: float) -> float:
    """Largest T up to `deadline` that mu proves to be out of reach, ``sup {T : D(mu, T) > B}``.

    Makespan cells only. Returns 0 when mu proves nothing, and less than it could when the cell's `stop` is set.
    """
    if cell.client.size == cell.free:
        worths = 0.0
        for k in range(mu.size):
            worths += mu[k]
        if not worths > cell.total_hz:  # D never exceeds the multipliers' sum
            return 0.0
    value, slope, error = certified_value(cell, MAKESPAN, mu, deadline)
    if value - error > cell.total_hz:
        return deadline
    below, above = 0.0, deadline
    t = deadline
    for turn in range(200):
        if cell.stop[0]:
            break
        step = math.nan
        # In whole blocks the value is a step function, on which Newton creeps.
        newton = cell.block_hz == 0.0 or turn < 4
        if newton and slope < 0.0 and value > 0.0 and value < math.inf:
            step = t + (value / (cell.total_hz + 2.0 * error) - 1.0) * value / -slope
        if not (step > below and step < above):
            step = 0.5 * (below + above) if above < math.inf else 2.0 * t
        if not (step > below and step < above):
            break
        t = step
        value, slope, error = certified_value(cell, MAKESPAN, mu, t)
        if value - error > cell.total_hz:
            below = t
        else:
            above = t
        if above - below <= 4.0 * EPS * above or (below > 0.0 and above - below <= 1e-14 * above):
            break
    return below


@jit
def total_bound(cell: Cell, mu: FloatArray, price: float) -> float:
    """Lower bound ``D(mu, lambda) - lambda B`` on total latency, less what rounding can have added; never NaN."""
    value, _, error = certified_value(cell, TOTAL, mu, price)
    charge = price * cell.total_hz
    if value == math.inf or not charge < math.inf:
        return value if value == math.inf else -math.inf
    return value - charge - error - _MARGIN * (charge + abs(value))
