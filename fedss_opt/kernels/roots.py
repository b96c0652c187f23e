"""The best bandwidths of a given selection: one scalar root (3.2 for the makespan, 3.3 for the price)."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray, IntArray
from .cell import EPS, ROUND_UP, TOTAL, Cell, gather_clients
from .client_model import marginal_time, upload_time
from .jit import jit
from .oracle import client_time, demand_pass
from .vectors import compensated_sum, exceeds

__all__ = ["selection_bandwidth", "selection_theta", "selection_value"]


# Bandwidths are rounded up (ROUND_UP) once theta is known, so the root is taken a little below the carrier.
_ROOM = 1.0 - 16.0 * EPS


@jit
def members_cell(cell: Cell, members: IntArray, count: int) -> Cell:
    """Gather a selection's clients, all of them mandatory, so that a root's many passes read solid arrays."""
    return gather_clients(cell, members[:count], 0, cell.total_hz, cell.relevance[:0], 0)


@jit
def _demand(cell: Cell, theta: float, bandwidth: FloatArray, slopes: FloatArray) -> tuple[float, float]:
    """Bandwidth that all clients of a cell ask for at theta, and its slope."""
    demand_pass(cell, theta, bandwidth, slopes)
    total = compensated_sum(bandwidth)
    if not total < math.inf:
        return math.inf, 0.0
    slope = 0.0
    for i in range(slopes.size):
        slope += slopes[i]
    return total, slope


@jit
def selection_theta(cell: Cell, members: IntArray, count: int, guess: float) -> float:
    """Solve for the theta at which a selection's demand equals the carrier.

    Parameters
    ----------
    cell : Cell
        The cell.
    members : ndarray of int
        Positions in the cell; the first `count` count.
    guess : float
        A start; any number will do (NaN for none).

    Returns
    -------
    float
        Makespan T (s) or price lambda (s/Hz, 0 where bandwidth is in excess); ``inf`` when the selection's
        least bandwidths exceed the carrier, or when the cell's `stop` is set. The demand at the returned theta is at
        most the carrier.
    """
    if count == 0:
        return 0.0
    carrier = cell.total_hz * _ROOM
    few = members_cell(cell, members, count)
    if not compensated_sum(few.low) <= carrier:  # no room but for the least bandwidths themselves
        return math.inf if exceeds(few.low, cell.total_hz) else _theta_of_least(few)
    bandwidth, slopes = np.empty(count), np.empty(count)
    if cell.objective == TOTAL:
        return _price_root(few, guess, carrier, bandwidth, slopes)
    return _deadline_root(few, guess, carrier, bandwidth, slopes)


@jit
def _theta_of_least(cell: Cell) -> float:
    """Theta at which every client is down to its least bandwidth: a late deadline, or a price beyond any."""
    if cell.objective == TOTAL:
        return _price_of_least(cell)
    latest = 0.0
    for i in range(cell.client.size):
        latest = max(latest, client_time(cell, i, cell.low[i]))
    return latest * (1.0 + 4.0 * EPS)


@jit
def _price_of_least(cell: Cell) -> float:
    """Return a price, s/Hz, at which nobody buys more than the least bandwidth: above what one more Hz saves there."""
    price = 0.0
    for i in range(cell.client.size):
        price = max(price, marginal_time(cell.model, cell.weight[i] * cell.payload[i], cell.link[i], cell.low[i]))
    return price * 1.001 if price < 1e250 else 1e250  # above the rounding of the slope


@jit
def _deadline_root(cell: Cell, guess: float, carrier: float, bandwidth: FloatArray, slopes: FloatArray) -> float:
    """Least T at which the demand fits. Newton on 1/demand, which is nearly linear in T, inside a bracket."""
    below = 0.0
    for i in range(bandwidth.size):
        below = max(below, client_time(cell, i, cell.high[i]))
    demand, slope = _demand(cell, below, bandwidth, slopes)
    if demand <= carrier:
        return below
    base = below
    above = math.inf
    t = below
    if guess > below and guess < math.inf:
        t = guess
        demand, slope = _demand(cell, t, bandwidth, slopes)
    for turn in range(200):
        if cell.stop[0]:
            return math.inf
        if demand <= carrier:
            above = t
            if demand >= carrier * (1.0 - 4.0 * EPS):
                break
        else:
            below = t
        if above < math.inf and above - below <= 2.0 * EPS * above:
            break
        step = math.nan
        if slope < 0.0 and demand < math.inf and not _creeps(cell, turn):
            step = t + (demand / carrier - 1.0) * demand / -slope
        if not (step > below and step < above):
            if step >= above and t > below and above - t <= 8.0 * EPS * above:
                break
            step = _between(base, below, above)
            if not (step > below and step < above):
                break
        elif step == t:
            break
        t = step
        demand, slope = _demand(cell, t, bandwidth, slopes)
    while above == math.inf:  # rounding left no point of the upper side: step out until one fits
        t += max(4.0 * EPS * t, 1e-300)
        demand, slope = _demand(cell, t, bandwidth, slopes)
        if demand <= carrier:
            above = t
        elif t > 1e300:
            return math.inf
        else:
            t += t - below
    return above


@jit
def _creeps(cell: Cell, turn: int) -> bool:
    """Whether Newton should give way to halving the bracket.

    In whole blocks the demand is a step function, whose slope says nothing. Where one client can hardly make the
    deadline, its demand alone makes the total steep, and Newton creeps past that client.
    """
    return turn > 6 and (cell.block_hz > 0.0 or turn % 3 == 0)


@jit
def _between(base: float, below: float, above: float) -> float:
    """Return a point of the bracket where Newton gives none: halfway in the logarithm of the distance to `base`.

    The demand can fall from infinity to next to nothing within a tiny fraction of the deadline.
    """
    if above == math.inf:
        return base + max(1e3 * (below - base), 1e-13 * base, 1e-300)
    if below > base:
        return base + math.sqrt(below - base) * math.sqrt(above - base)
    return base + 1e-3 * (above - base)


@jit
def _price_root(cell: Cell, guess: float, carrier: float, bandwidth: FloatArray, slopes: FloatArray) -> float:
    """Least price at which the demand fits. Newton in log-log, where the flat rate is a straight line."""
    most = 0.0
    seed = 0.0
    share = cell.total_hz / bandwidth.size
    for i in range(bandwidth.size):
        most += cell.high[i]
        seed += math.sqrt(cell.weight[i] * (client_time(cell, i, share) - cell.start[i]) * share)
    if most <= carrier:
        return 0.0
    below, above = 0.0, math.inf
    price = guess if (guess > 0.0 and guess < math.inf) else (seed / carrier) ** 2
    if not (price > 0.0 and price < math.inf):
        price = 1.0
    for turn in range(300):
        if cell.stop[0]:
            return math.inf
        demand, slope = _demand(cell, price, bandwidth, slopes)
        if demand <= carrier:
            above = price
            if demand >= carrier * (1.0 - 8.0 * EPS):
                break
        else:
            below = price
        if above < math.inf and above - below <= 2.0 * EPS * above:
            break
        step = math.nan
        if slope < 0.0 and not _creeps(cell, turn):
            jump = -math.log(demand / carrier) * demand / (slope * price)
            step = price * math.exp(min(max(jump, -20.0), 20.0))
        if not (step > below and step < above):
            if above == math.inf:
                step = price * 1e3
                if step == math.inf:
                    return math.inf
            elif below == 0.0:
                step = above * 1e-3
                if step < 1e-300:
                    break
            else:
                step = math.sqrt(below) * math.sqrt(above)
                if not (step > below and step < above):
                    break
        if step == price:
            break
        price = step
    # One more look from the safe side where Newton stopped short of it.
    price = above
    if price == math.inf:
        price = below
        for _ in range(200):
            price *= 1.0 + 16.0 * EPS
            demand, slope = _demand(cell, price, bandwidth, slopes)
            if demand <= carrier:
                break
    return price


@jit
def selection_bandwidth(cell: Cell, members: IntArray, count: int, theta: float, bandwidth: FloatArray) -> None:
    """Write the members' bandwidths at theta, aligned with `members`; deadlines are met in exact arithmetic."""
    few = members_cell(cell, members, count)
    demand_pass(few, theta, bandwidth[:count], np.empty(count))
    if cell.objective != TOTAL and cell.block_hz == 0.0:
        for j in range(count):
            if bandwidth[j] > few.low[j]:
                bandwidth[j] = min(bandwidth[j] * ROUND_UP, few.high[j])


@jit
def selection_value(cell: Cell, members: IntArray, count: int, theta: float) -> float:
    """Objective of a selection at its own theta: the makespan is theta; total latency is summed.

    In whole blocks several clients may want the next block at the very same price and not all of them can have it:
    what the blocks left over are worth at that price is what they save.
    """
    if cell.objective != TOTAL or theta == math.inf:
        return theta
    few = members_cell(cell, members, count)
    bandwidth = np.empty(count)
    demand_pass(few, theta, bandwidth, np.empty(count))
    total = 0.0
    left = cell.total_hz
    for j in range(count):
        time = few.start[j] + upload_time(few.model, few.payload[j], few.link[j], bandwidth[j])
        total += few.weight[j] * time
        left -= bandwidth[j]
    return total if cell.block_hz == 0.0 else total - theta * left
