"""Vertex ascent among many clients: only those whose decision is open take part.

Near the optimum nearly every client's reduced cost keeps its sign whatever the ascent still does to the multipliers: it
is selected, or not, in every selection that matters (screening, section 6 of the mathematics, used as a guess). The
ascent runs on the few that are left, the *window*, and one pass over everybody tells whether the guess was right.
"""

from __future__ import annotations

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .basis import starting_basis
from .jit import jit
from .vectors import copy_values, first_not_below, take, take_rows
from .vertex import vertex_ascent

__all__ = ["window_ascent"]


# Widths of the window, by what share the multipliers may still move: before the first ascent, and after a price step.
_WIDE, _NARROW = 0.1, 0.02
_TURNS = 6


@jit
def _open_clients(
    relevance: FloatArray, cost: FloatArray, mu: FloatArray, basis: IntArray, width: float, need: FloatArray
) -> IntArray:
    """List the clients of the window, in order, and write what those selected outside of it leave to cover."""
    clients, tasks = relevance.shape
    window = np.empty(clients // 4 + basis.size + 1, dtype=np.int64)
    need[:] = 1.0
    count = 0
    for i in range(clients):
        worth = 0.0
        for k in range(tasks):
            worth += relevance[i, k] * mu[k]
        r = cost[i] - worth
        is_open = abs(r) <= width * worth
        for p in range(basis.size):
            is_open = is_open or basis[p] == i
        if is_open:
            if count == window.size:
                return window[:0]
            window[count] = i
            count += 1
        elif r < 0.0:
            for k in range(tasks):
                need[k] -= relevance[i, k]
    return window[:count]


@jit
def _settled(
    relevance: FloatArray, cost: FloatArray, before: FloatArray, mu: FloatArray, window: IntArray, reduced: FloatArray
) -> bool:
    """Write the reduced costs of everybody outside the window; tell whether all have kept their sign."""
    clients, tasks = relevance.shape
    kept = True
    w = 0
    for i in range(clients):
        if w < window.size and window[w] == i:
            w += 1
            continue
        then, now = 0.0, 0.0
        for k in range(tasks):
            then += relevance[i, k] * before[k]
            now += relevance[i, k] * mu[k]
        reduced[i] = cost[i] - now
        kept = kept and (then > cost[i]) == (now > cost[i])
    return kept


@jit
def window_ascent(
    relevance: FloatArray,
    cost: FloatArray,
    basis: IntArray,
    mu: FloatArray,
    x_basic: FloatArray,
    reduced: FloatArray,
    fresh: bool,
    max_pivots: int,
    stop: BoolArray,
) -> bool:
    """Climb to a maximiser of ``D(., theta)`` as `vertex_ascent` does, looking at a window of the clients.

    Parameters
    ----------
    relevance, cost : ndarray
        (n, K), and costs at theta.
    basis, mu, x_basic, reduced : ndarray
        As for `vertex_ascent`; `mu` is also where the window opens. `basis` is left alone unless it ends well.
    fresh : bool
        Choose a basis near `mu` first; otherwise go on from `basis`.
    max_pivots : int
        Limit for one window.
    stop : ndarray of bool, (1,)
        Set from outside when the ascent is to end.

    Returns
    -------
    bool
        Whether the relaxation was solved for everybody. If not, nothing is changed but `mu` and `reduced`.
    """
    clients, tasks = relevance.shape
    need = np.empty(tasks)
    before = np.empty(tasks)
    local = np.empty(tasks, dtype=np.int64)
    width = _WIDE if fresh else _NARROW
    held = basis[:0] if fresh else basis
    for _ in range(_TURNS):
        window = _open_clients(relevance, cost, mu, held, width, need)
        if window.size == 0:
            return False
        copy_values(mu, before)
        rows, prices = take_rows(relevance, window), take(cost, window)
        near = np.empty(window.size)
        if fresh:
            starting_basis(rows, prices, mu, near, local)
        else:
            for p in range(tasks):
                local[p] = first_not_below(window, basis[p]) if basis[p] < clients else window.size + basis[p] - clients
        solved, _ = vertex_ascent(rows, need, prices, local, mu, x_basic, near, max_pivots, stop)
        if not solved or stop[0]:
            copy_values(before, mu)
            return False
        if _settled(relevance, cost, before, mu, window, reduced):
            for j in range(window.size):
                reduced[window[j]] = near[j]
            for p in range(tasks):
                basis[p] = window[local[p]] if local[p] < window.size else clients + local[p] - window.size
            return True
        fresh, held = True, basis[:0]
        width = max(1.5 * width, 0.5 * _WIDE)
    return False
