"""What a problem decides by itself: clients that some task cannot do without, and tasks that another one implies.

Both are exact statements about sums of relevances, so each is made only where it holds whatever rounding did.
"""

from __future__ import annotations

import numpy as np

from ..array_types import BoolArray, FloatArray
from .jit import jit
from .vectors import EPS, product_error

__all__ = ["force_clients", "is_implied", "missing_steps", "open_requirement", "sum_doubt"]


@jit
def sum_doubt(count: int, size: float) -> float:
    """Return what the terms' rounding can have added to a compensated sum, beyond an ulp of it.

    Neumaier's sum is within ``n eps^2`` of its terms' absolute sum, of which `size` is half or more.
    """
    return 8.0 * count * EPS * EPS * size


@jit
def open_requirement(
    target: float, less: float, relevance: FloatArray, chosen: BoolArray, also: BoolArray
) -> tuple[float, float]:
    """Return what the clients that both masks choose, and `less`, leave open of a target, and their largest.

    Negative is a surplus. Neumaier's compensated sum: the error is an ulp of the result and `sum_doubt`, so even a
    nearly cancelling sum keeps its digits.
    """
    total = less - target
    carry = (-target - total) + less if target >= less else (less - total) - target
    largest = 0.0
    for i in range(relevance.size):
        if chosen[i] and also[i]:
            x = relevance[i]
            largest = max(largest, x)
            t = total + x
            if abs(total) >= abs(x):
                carry += (total - t) + x
            else:
                carry += (x - t) + total
            total = t
    return -(total + carry), largest


@jit
def force_clients(relevance: FloatArray, target: FloatArray, in_play: BoolArray, forced: BoolArray) -> BoolArray:
    """Mark the clients that some task cannot do without; tell which tasks all clients together leave short.

    Client n is forced where everybody but n misses the target of a task k: ``sum_m R_km - R_kn < q_k``. Forcing takes
    nothing away from what is offered, so one look at every task finds them all.

    Parameters
    ----------
    relevance : ndarray, (K, N)
        Relevances >= 0.
    target : ndarray, (K,)
        Coverage to reach.
    in_play : ndarray of bool, (N,)
        The clients that can be selected.
    forced : ndarray of bool, (N,)
        Set where a client is forced; left alone elsewhere.

    Returns
    -------
    ndarray of bool, (K,)
        The tasks that stay short whoever is selected.
    """
    n = in_play.size
    short = np.zeros(target.size, dtype=np.bool_)
    for k in range(target.size):
        if not target[k] > 0.0:
            continue
        row = relevance[k]
        missing, largest = open_requirement(target[k], 0.0, row, in_play, in_play)
        doubt = sum_doubt(n, target[k] + abs(missing))
        short[k] = missing > doubt
        surplus = -missing * (1.0 + 4.0 * EPS) + doubt  # at least the exact one
        if short[k] or largest <= surplus:
            continue
        for i in range(n):
            if in_play[i] and row[i] > surplus:
                forced[i] = True
    return short


@jit
def missing_steps(
    target: float, missing: float, step: float, relevance: FloatArray, chosen: BoolArray, also: BoolArray
) -> float:
    """Return how many whole steps cover what the chosen clients leave open of a target.

    That is `missing`, but for an ulp. Where it is next to a whole number of steps, the sum is taken again less those,
    whose own rounding is taken off: its sign decides.
    """
    count = np.rint(missing / step)
    if abs(missing / step - count) > 8.0 * EPS * count:
        return float(np.ceil(missing / step))
    whole = count * step
    rest, _ = open_requirement(target, whole, relevance, chosen, also)
    rest -= product_error(count, step, whole)
    return float(count + 1.0) if rest > sum_doubt(relevance.size, target) else float(count)


@jit
def is_implied(relevance: FloatArray, scale: FloatArray, free: BoolArray, k: int, by: int) -> bool:
    """Tell whether whatever serves task `by` also serves task k: no client is worth less to k, relative to its need.

    Parameters
    ----------
    relevance : ndarray, (K, N)
        Relevances >= 0.
    scale : ndarray, (K,)
        What each task needs.
    free : ndarray of bool, (N,)
        The clients to decide on.
    k, by : int
        The tasks.

    Notes
    -----
    A task left out by a hair's rounding weakens a bound and breaks none; answers are checked for every task.
    """
    for i in range(free.size):
        if free[i] and relevance[k, i] < scale[k] and relevance[k, i] * scale[by] < relevance[by, i] * scale[k]:
            return False
    return True
