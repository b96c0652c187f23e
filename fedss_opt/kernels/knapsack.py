"""The covering knapsack of a single task, solved to proven optimality by a core dynamic program.

Minimise ``sum cost_i a_i`` subject to ``sum R_i a_i >= need``, a binary. Start from the relaxation's choice (select
where ``r_i = cost_i - mu R_i < 0``) and decide, item by item by increasing ``|r_i| / R_i``, whether to deviate from it.
A state is what the deviations so far leave: the surplus s of coverage and the excess v of cost over the dual bound D.
Only Pareto-optimal states survive (more surplus, less cost), and only those that the cheapest way to mend or to use
their surplus could still bring below the incumbent: the expanding core of Pisinger (1997), which ends after a few
hundred items however many there are.

Sums here are rounded: a selection whose coverage misses the need by less than that counts as a cover, so "nothing is
cheaper" is true, and whether the selection that is found is a cover is for the caller to say.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .jit import jit
from .vectors import compensated_sum

__all__ = ["covering_knapsack"]


_TOLERANCE = 1e-13  # of the need, or of the coverage that deviations start from: far above the rounding of their sums


@jit
def _grown(values: IntArray, size: int) -> IntArray:
    larger = np.empty(2 * size, dtype=np.int64)
    for i in range(values.size):
        larger[i] = values[i]
    return larger


@jit
def covering_knapsack(
    cost: FloatArray, relevance: FloatArray, need: float, mu: float, limit: float, max_states: int, stop: BoolArray
) -> tuple[int, float, BoolArray, int]:
    """Find the cheapest selection that covers `need`, if one costs less than `limit`.

    Parameters
    ----------
    cost, relevance : ndarray, (n,)
        Costs >= 0 (inf: not to be selected) and relevances > 0.
    need : float
        Coverage to reach.
    mu : float
        Multiplier of the covering constraint, >= 0, near the relaxation's.
    limit : float
        Only selections cheaper than this are of interest.
    max_states : int
        Bound on the states kept in all, as a limit on memory.
    stop : ndarray of bool, (1,)
        Set from outside when the search is to give up.

    Returns
    -------
    verdict : int
        1: `chosen` is the optimum, if it is a cover; 0: proven that nothing is cheaper than `limit`; -1: gave up (too
        many states, or stopped).
    best : float
        Its cost, `limit` where there is none.
    chosen : ndarray of bool, (n,)
        The selection.
    items : int
        How many items were looked at.
    """
    n = cost.size
    chosen = np.zeros(n, dtype=np.bool_)
    key = np.empty(n)
    covered, saved = np.zeros(n), np.zeros(n)
    for i in range(n):
        r = cost[i] - mu * relevance[i]
        key[i] = abs(r) / relevance[i]
        if r < 0.0:
            chosen[i] = True
            covered[i] = relevance[i]
            saved[i] = r
    offered = compensated_sum(covered)
    surplus = offered - need
    base = mu * need + compensated_sum(saved)  # D
    enough = -_TOLERANCE * max(need, offered)
    order = np.argsort(key)
    # Excess over `base` that a selection of interest may have; v = deviations + mu s.
    room = limit - base
    s = np.empty(1)
    v = np.empty(1)
    s[0] = surplus
    v[0] = mu * surplus
    count = 1
    parent = np.empty(1024, dtype=np.int64)  # state of the step before, negative when the item was flipped
    first = np.empty(n + 2, dtype=np.int64)  # where a step's states begin
    first[0] = 0
    parent[0] = 0
    total = 1
    best_step, best_state = -1, -1
    if surplus >= enough and v[0] < room:
        room = v[0]
        best_step, best_state = 0, 0
    step = 0
    for step in range(1, n + 1):
        i = order[step - 1]
        if not key[i] < math.inf:
            break
        slope = key[i]
        # What is left can mend a deficit, or turn a surplus into savings, at `slope` per unit of relevance at best.
        keep = 0
        for j in range(count):
            deviation = v[j] - mu * s[j]
            least = deviation - slope * s[j] if s[j] < 0.0 else deviation + min(slope, mu) * s[j]
            if least < room * (1.0 - 1e-12):
                keep += 1
        if keep == 0:
            break
        if total + 2 * count > max_states or stop[0]:
            return -1, limit, chosen, step
        while total + 2 * count > parent.size:
            parent = _grown(parent, parent.size)
        first[step] = total
        shift_s = -relevance[i] if chosen[i] else relevance[i]
        shift_v = -cost[i] if chosen[i] else cost[i]
        next_s = np.empty(2 * count)
        next_v = np.empty(2 * count)
        # Merge by decreasing surplus; a state survives if it is cheaper than all with as much surplus.
        p, q, m = 0, 0, 0
        cheapest = math.inf
        while p < count or q < count:
            flipped = p >= count or (q < count and s[q] + shift_s > s[p])
            j = q if flipped else p
            new_s = s[j] + shift_s if flipped else s[j]
            new_v = v[j] + shift_v if flipped else v[j]
            if flipped:
                q += 1
            else:
                p += 1
            if new_v >= cheapest:
                continue
            deviation = new_v - mu * new_s
            least = deviation - slope * new_s if new_s < 0.0 else deviation + min(slope, mu) * new_s
            if least >= room * (1.0 - 1e-12) and not (new_s >= enough and new_v < room):
                continue
            cheapest = new_v
            next_s[m] = new_s
            next_v[m] = new_v
            parent[total + m] = -j - 1 if flipped else j
            if new_s >= enough and new_v < room:
                room = new_v
                best_step, best_state = step, m
            m += 1
        total += m
        s, v, count = next_s, next_v, m
        if count == 0:
            break
    if best_step < 0:
        return 0, limit, chosen, step
    best = base + room
    j = best_state
    for t in range(best_step, 0, -1):
        link = parent[first[t] + j]
        if link < 0:
            i = order[t - 1]
            chosen[i] = not chosen[i]
            j = -link - 1
        else:
            j = link
    return 1, best, chosen, step
