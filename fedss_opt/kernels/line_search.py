"""The exact line search of the vertex ascent: past every breakpoint, until the slope of D turns."""

from __future__ import annotations

import math

from ..array_types import BoolArray, FloatArray, IntArray
from .jit import jit

__all__ = ["line_search"]


@jit
def line_search(
    relevance: FloatArray,
    edge: FloatArray,
    mu: FloatArray,
    room: FloatArray,
    reduced: FloatArray,
    is_basic: BoolArray,
    slope: float,
    turn: FloatArray,
    order: IntArray,
) -> int:
    """Return the column at whose breakpoint the slope of D along `edge` turns negative, or -1."""
    clients, tasks = relevance.shape
    count = 0
    for j in range(clients + tasks):
        if is_basic[j]:
            continue
        if j < clients:
            rate = 0.0
            for k in range(tasks):
                rate += relevance[j, k] * edge[k]
            r = reduced[j]
        else:
            rate = -edge[j - clients]
            r = mu[j - clients]
        if (r >= 0.0 and rate > 1e-12) or (r < 0.0 and rate < -1e-12):
            t = r / rate
            if t < math.inf:
                turn[count] = t
                order[count] = j
                count += 1
    # Quickselect on the breakpoints, weighted by how much each bends the slope.
    low, high = 0, count
    while high - low > 0:
        if high - low > 2:
            a, b, c = turn[low], turn[(low + high) // 2], turn[high - 1]
            pivot = max(min(a, b), min(max(a, b), c))
        else:
            pivot = turn[low]
        # Partition: [low, i) below the pivot, [i, g) equal, [g, high) above.
        i, g, s = low, high, low
        while s < g:
            if turn[s] < pivot:
                turn[s], turn[i] = turn[i], turn[s]
                order[s], order[i] = order[i], order[s]
                i += 1
                s += 1
            elif turn[s] > pivot:
                g -= 1
                turn[s], turn[g] = turn[g], turn[s]
                order[s], order[g] = order[g], order[s]
            else:
                s += 1
        bend = 0.0
        for s in range(low, i):
            bend += _bend(relevance, edge, room, order[s])
        if bend >= slope:
            high = i
            continue
        slope -= bend
        # Among equal breakpoints the steepest column enters: the best conditioned basis.
        best = -1
        best_bend = 0.0
        bend = 0.0
        for s in range(i, g):
            w = _bend(relevance, edge, room, order[s])
            bend += w
            if w > best_bend:
                best_bend = w
                best = order[s]
        if bend >= slope:
            return best
        slope -= bend
        low = g
    return -1


@jit
def _bend(relevance: FloatArray, edge: FloatArray, room: FloatArray, j: int) -> float:
    """Return how much column j bends the slope of D along `edge` when its reduced cost changes sign."""
    if j >= relevance.shape[0]:
        bend: float = abs(edge[j - relevance.shape[0]]) * room[j - relevance.shape[0]]
        return bend
    rate = 0.0
    for k in range(edge.size):
        rate += relevance[j, k] * edge[k]
    return abs(rate)
