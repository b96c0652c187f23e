"""A solve whose time is up before it had an answer: what its multipliers are worth, in a few passes over the clients.

In a large cell the vertex ascent comes before the first selection, and its start, the relaxation of a sample, is within
a per cent already. So a selection that covers is made of the signs of the reduced costs, and the multipliers are handed
on to be certified.
"""

from __future__ import annotations

import math

import numpy as np

from .cell import Cell
from .jit import jit
from .opening import consider, set_price
from .relaxation import bound_here, reduce_costs
from .search import measure_slack, trim
from .state import ADMM, BOUND, BOUND_PRICE, OBJECTIVE, PHASE, THETA, Work
from .vectors import copy_values, order_by

__all__ = ["close_early"]

# Clients are added by their reduced cost as a share of their cost: few lie this near to zero, and most suffice.
_NEAR, _WIDER = 0.01, 8.0
_LOOKS, _MARGIN = 6, 1e-3  # prices to try, and how far beyond the carrier the first one aims


@jit
def _fill(cell: Cell, work: Work) -> bool:
    """Add clients until every task is covered: those of least reduced cost, in widening bands, then the cheapest.

    Where the multiplier of a task that is short is zero, reduced costs do not tell who serves it.
    """
    key, band = np.empty(cell.free), np.empty(cell.free, dtype=np.int64)
    width = _NEAR
    while not cell.stop[0]:
        count = 0
        for i in range(cell.free):
            if work.chosen[i] or not work.cost[i] < math.inf:
                continue
            if width < 1.0:
                if work.reduced[i] > width * work.cost[i]:
                    continue
                key[count] = work.reduced[i] / max(work.cost[i], 1e-300)
            else:
                worth = 0.0
                for k in range(work.slack.size):
                    worth += cell.relevance[i, k]
                key[count] = work.cost[i] / worth
            band[count] = i
            count += 1
        order = order_by(key[:count], cell.stop)
        for j in range(count):
            i = band[order[j]]
            helps = False
            for k in range(work.slack.size):
                helps = helps or (work.slack[k] < 0.0 and cell.relevance[i, k] > 0.0)
            if helps:
                work.chosen[i] = True
                for k in range(work.slack.size):
                    work.slack[k] += cell.relevance[i, k]
        if measure_slack(cell.relevance, cell.aim, work.chosen, work.slack):
            return True
        if width >= 1.0:
            break
        width *= _WIDER
    return False


@jit
def _bound(cell: Cell, work: Work) -> None:
    """Look for a price near the present one at which the multipliers prove a bound."""
    state = work.state
    margin = _MARGIN
    for _ in range(_LOOKS):
        reduce_costs(cell, work)
        value, slope = bound_here(cell, work)
        if state[BOUND] > 0.0 or cell.stop[0] or not slope < 0.0:
            return
        step = state[THETA] + (value / (cell.total_hz * (1.0 + margin)) - 1.0) * value / -slope
        if not (step > 0.0 and step < state[THETA]):
            step = 0.5 * state[THETA]
        set_price(cell, work, step)
        margin *= 4.0


@jit
def close_early(cell: Cell, work: Work) -> None:
    """Leave an answer, and then a bound, where there is none yet and a price and multipliers are at hand."""
    state = work.state
    if state[PHASE] < ADMM or cell.aim.size == 0 or cell.stop[0]:
        return
    for k in range(work.mu.size):  # those of an ascent that was cut short may be negative
        work.mu[k] = max(work.mu[k], 0.0)
    if state[OBJECTIVE] == math.inf:
        if state[BOUND] > 0.0:
            copy_values(work.bound_mu, work.mu)
            set_price(cell, work, state[BOUND_PRICE])
        reduce_costs(cell, work)
        for i in range(cell.free):
            work.chosen[i] = work.reduced[i] < 0.0
        if measure_slack(cell.relevance, cell.aim, work.chosen, work.slack) or _fill(cell, work):
            trim(cell.relevance, work.cost[: cell.free], work.chosen, work.slack, cell.stop)
            consider(cell, work)
    if state[BOUND] == 0.0 and not cell.stop[0]:
        _bound(cell, work)
