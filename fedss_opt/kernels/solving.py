"""A solve as Python sees it: `begin`, go on in chunks (`advance`), `conclude`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray
from .bandwidths import hand_out, latest_and_total
from .cell import MAKESPAN, TOTAL, Cell, RoundArrays, build_cell
from .dual import certified_value, supported_price, total_bound
from .jit import jit
from .opening import members_of, warm
from .state import BOUND, BOUND_PRICE, OBJECTIVE, PRICE, Work, make_work
from .vectors import copy_values

__all__ = ["Outcome", "begin", "certified_bound", "conclude"]


class Outcome(NamedTuple):
    """What a solve came to, in the problem's order and units."""

    found: bool
    selected: BoolArray
    """(N,)."""
    bandwidth_hz: FloatArray
    """(N,), 0 for clients left out."""
    latency_s: float
    objective_s: float
    least: bool
    """Whether the certificate is about least bandwidths (infeasible, or nothing proven), not a price."""
    bound_s: float
    """What the certificate proves; inf for infeasible."""
    price: float
    """Theta of the certificate."""
    multipliers: FloatArray
    """(K,), per unit of relevance."""


@jit
def begin(arrays: RoundArrays, earlier: BoolArray, price: float, multipliers: FloatArray) -> tuple[Cell, Work, int]:
    """Compact a problem (see `build_cell`), allocate its work, and take over an earlier answer.

    Parameters
    ----------
    arrays : RoundArrays
        The problem.
    earlier : ndarray of bool, (N,) or (0,)
        An earlier selection; empty for a cold start.
    price : float
        The theta of its certificate; NaN where there is none.
    multipliers : ndarray, (K,)
        Its multipliers, per unit of relevance; zeros where there are none.

    Returns
    -------
    cell, work : Cell, Work
        Ready for `advance`.
    short : int
        The first task that all selectable clients together leave short, or -1.
    """
    cell, short = build_cell(arrays, True)
    work = make_work(cell)
    first = -1
    for k in range(short.size):
        if short[k] and first < 0:
            first = k
    if first < 0 and earlier.size > 0:
        mu = np.empty(cell.task.size)
        for j in range(mu.size):
            mu[j] = multipliers[cell.task[j]] * cell.scale[j]
        warm(cell, work, earlier, mu)
        _keep_earlier_bound(cell, work, price, mu)
    return cell, work, first


@jit
def certified_bound(cell: Cell, least: bool, price: float, mu: FloatArray) -> float:
    """Return the bound that multipliers in the cell's units prove at a price, s; 0 for none.

    With `least` the claim is that the least bandwidths alone exceed the carrier: the bound is inf where that is so.
    """
    if least:
        value, _, error = certified_value(cell, MAKESPAN, mu, math.inf)
        return math.inf if value - error > cell.total_hz else 0.0
    if not 0.0 <= price < math.inf:
        return 0.0
    if cell.objective == TOTAL:
        bound = total_bound(cell, mu, price)
        return bound if bound > 0.0 else 0.0
    return supported_price(cell, mu, price)


@jit
def _keep_earlier_bound(cell: Cell, work: Work, price: float, mu: FloatArray) -> None:
    """Begin with what an earlier answer's certificate proves here: the same problem again loses nothing."""
    bound = certified_bound(cell, False, price, mu)
    if bound > 0.0 and bound < math.inf:
        work.state[BOUND] = bound
        work.state[BOUND_PRICE] = price if cell.objective == TOTAL else bound
        copy_values(mu, work.bound_mu)


@jit
def conclude(cell: Cell, work: Work, clients: int, tasks: int) -> Outcome:
    """Certify the bound in the problem's units and hand out the bandwidth of the best selection."""
    state = work.state
    multipliers = np.zeros(tasks)
    mu = np.empty(cell.task.size)
    for j in range(mu.size):
        k = cell.task[j]
        multipliers[k] = work.bound_mu[j] / cell.scale[j]
        mu[j] = multipliers[k] * cell.scale[j]
    least = not state[BOUND] < math.inf
    price = state[BOUND_PRICE]
    bound = certified_bound(cell, least, price, mu)
    if not least and bound > 0.0 and cell.objective == MAKESPAN:
        price = bound
    selected = np.zeros(clients, dtype=np.bool_)
    bandwidth = np.zeros(clients)
    latest, total = math.inf, math.inf
    found = state[OBJECTIVE] < math.inf
    if found:
        members = work.members[: members_of(cell, work.best, work.members)]
        share = np.empty(members.size)
        found = hand_out(cell, members, state[PRICE], share)
        if found:
            latest, total = latest_and_total(cell, members, share)
            for j in range(members.size):
                i = cell.client[members[j]]
                selected[i] = True
                bandwidth[i] = share[j]
    objective = total if cell.objective == TOTAL else latest
    return Outcome(found, selected, bandwidth, latest, objective, least, bound, price, multipliers)
