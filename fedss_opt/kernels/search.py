"""Whole selections: covering, repairing, trimming and exchanging at fixed costs.

A selection is a boolean array over the free clients with its `slack`, what each task receives beyond what the
heuristics aim for; it covers when no slack is negative. Costs are those of one theta, so for the makespan any
exchange that lowers their sum lowers the makespan.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .cell import Cell
from .jit import jit

__all__ = ["cover_statically", "exchange", "measure_slack", "repair", "trim"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@jit
def measure_slack(cell: Cell, chosen: BoolArray, slack: FloatArray) -> bool:
    """Write what each task receives beyond its aim (compensated sums); tell whether all are covered."""
    tasks = slack.size
    carry = np.zeros(tasks)
    for k in range(tasks):
        slack[k] = -cell.aim[k]
    for i in range(cell.free):
        if chosen[i]:
            for k in range(tasks):
                x = cell.relevance[i, k]
                t = slack[k] + x
                carry[k] += (slack[k] - t) + x if abs(slack[k]) >= x else (x - t) + slack[k]
                slack[k] = t
    covered = True
    for k in range(tasks):
        slack[k] += carry[k]
        covered = covered and slack[k] >= 0.0
    return covered


@jit
def cover_statically(cell: Cell, cost: FloatArray, chosen: BoolArray, slack: FloatArray) -> bool:
    """Select clients by cost per relevance, in one sorted sweep, until every task is covered."""
    tasks = slack.size
    key = np.empty(cell.free)
    for i in range(cell.free):
        worth = 0.0
        for k in range(tasks):
            worth += cell.relevance[i, k]
        key[i] = cost[i] / worth
        chosen[i] = False
    measure_slack(cell, chosen, slack)
    order = np.argsort(key, kind="mergesort")
    for j in range(order.size):
        i = order[j]
        if not cost[i] < math.inf:
            break
        helps = False
        for k in range(tasks):
            helps = helps or (slack[k] < 0.0 and cell.relevance[i, k] > 0.0)
        if helps:
            chosen[i] = True
            for k in range(tasks):
                slack[k] += cell.relevance[i, k]
    return measure_slack(cell, chosen, slack)


@jit
def repair(cell: Cell, cost: FloatArray, chosen: BoolArray, slack: FloatArray) -> bool:
    """Add the client that serves what is missing at the least cost, until every task is covered."""
    tasks = slack.size
    for _ in range(cell.free + 1):
        covered = True
        for k in range(tasks):
            covered = covered and slack[k] >= 0.0
        if covered:
            return True
        best = -1
        best_key = math.inf
        for i in range(cell.free):
            if chosen[i] or not cost[i] < math.inf:
                continue
            useful = 0.0
            for k in range(tasks):
                if slack[k] < 0.0:
                    useful += min(cell.relevance[i, k], -slack[k])
            if useful > 0.0 and cost[i] < best_key * useful:
                best = i
                best_key = cost[i] / useful
        if best < 0:
            return False
        chosen[best] = True
        for k in range(tasks):
            slack[k] += cell.relevance[best, k]
    return False


@jit
def _droppable(cell: Cell, i: int, slack: FloatArray) -> bool:
    for k in range(slack.size):
        if cell.relevance[i, k] > slack[k]:
            return False
    return True


@jit
def trim(cell: Cell, cost: FloatArray, chosen: BoolArray, slack: FloatArray) -> bool:
    """Drop what is not needed, the dearest first; tell whether anything went."""
    count = 0
    for i in range(cell.free):
        if chosen[i] and _droppable(cell, i, slack):
            count += 1
    if count == 0:
        return False
    spare = np.empty(count, dtype=np.int64)
    key = np.empty(count)
    count = 0
    for i in range(cell.free):
        if chosen[i] and _droppable(cell, i, slack):
            spare[count] = i
            key[count] = -cost[i]
            count += 1
    for j in np.argsort(key, kind="mergesort"):
        i = spare[j]
        if _droppable(cell, i, slack):
            chosen[i] = False
            for k in range(slack.size):
                slack[k] -= cell.relevance[i, k]
    return True


@jit
def _nearest(
    cell: Cell, cost: FloatArray, reduced: FloatArray, chosen: BoolArray, side: bool, core: IntArray
) -> int:
    """Write the clients of one side (chosen or not) with the smallest absolute reduced costs; return how many."""
    key = np.empty(core.size)
    filled = 0
    if core.size == 0:
        return 0
    for i in range(cell.free):
        if chosen[i] != side or not cost[i] < math.inf:
            continue
        r = abs(reduced[i])
        if filled < core.size or r < key[filled - 1]:
            j = filled if filled < core.size else core.size - 1
            while j > 0 and key[j - 1] > r:
                key[j] = key[j - 1]
                core[j] = core[j - 1]
                j -= 1
            key[j] = r
            core[j] = i
            filled = min(filled + 1, core.size)
    return filled


@jit
def _sets(cell: Cell, cost: FloatArray, core: IntArray, size: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """List the singles and pairs of a core by increasing cost: members (m, 2), costs (m,), relevances (m, K)."""
    tasks = cell.aim.size
    total = size + size * (size - 1) // 2
    member = np.empty((total, 2), dtype=np.int64)
    price = np.empty(total)
    m = 0
    for p in range(size):
        member[m, 0] = core[p]
        member[m, 1] = -1
        price[m] = cost[core[p]]
        m += 1
    for p in range(size):
        for q in range(p):
            member[m, 0] = core[p]
            member[m, 1] = core[q]
            price[m] = cost[core[p]] + cost[core[q]]
            m += 1
    order = np.argsort(price, kind="mergesort")
    member = member[order]
    price = price[order]
    gain = np.empty((total, tasks))
    for m in range(total):
        for k in range(tasks):
            gain[m, k] = cell.relevance[member[m, 0], k]
            if member[m, 1] >= 0:
                gain[m, k] += cell.relevance[member[m, 1], k]
    return member, price, gain


@jit
def exchange(
    cell: Cell,
    cost: FloatArray,
    reduced: FloatArray,
    chosen: BoolArray,
    slack: FloatArray,
    most_gain: float,
    width: int,
    max_moves: int,
) -> float:
    """Swap up to two selected clients for up to two others, the best swap first, until none lowers the cost.

    Only a core of clients is looked at: those whose reduced cost says that the relaxation hardly cares.

    Parameters
    ----------
    cell, cost, reduced : Cell, ndarray, ndarray
        The cell, costs at one theta and reduced costs at the relaxation's multipliers.
    chosen, slack : ndarray
        The selection, changed in place.
    most_gain : float
        No swap can gain more (cost of the selection less the dual bound); prunes the search.
    width : int
        Clients of either side in the core.
    max_moves : int
        Limit on swaps.

    Returns
    -------
    float
        What was gained, > 0 if anything was swapped.
    """
    tasks = slack.size
    inside = np.empty(min(width, cell.free), dtype=np.int64)
    outside = np.empty(min(width + width // 2, cell.free), dtype=np.int64)
    gained = 0.0
    need = np.empty(tasks)
    for _ in range(max_moves):
        n_in = _nearest(cell, cost, reduced, chosen, True, inside)
        n_out = _nearest(cell, cost, reduced, chosen, False, outside)
        leave, leave_cost, leave_gain = _sets(cell, cost, inside, n_in)
        enter, enter_cost, enter_gain = _sets(cell, cost, outside, n_out)
        best = 0.0
        best_leave, best_enter = -1, -1
        first = 0
        for p in range(leave_cost.size):
            floor = leave_cost[p] - (most_gain - gained) * (1.0 + 1e-9)
            while first < enter_cost.size and enter_cost[first] < floor:
                first += 1
            for k in range(tasks):
                need[k] = leave_gain[p, k] - slack[k]
            threshold = leave_cost[p] * (1.0 - 1e-12)
            for q in range(first, enter_cost.size):
                if enter_cost[q] >= threshold or leave_cost[p] - enter_cost[q] <= best:
                    break
                fits = True
                for k in range(tasks):
                    if enter_gain[q, k] < need[k]:
                        fits = False
                        break
                if fits:
                    best = leave_cost[p] - enter_cost[q]
                    best_leave, best_enter = p, q
                    break
        if best_leave < 0:
            break
        for s in range(2):
            i = leave[best_leave, s]
            if i >= 0:
                chosen[i] = False
            i = enter[best_enter, s]
            if i >= 0:
                chosen[i] = True
        for k in range(tasks):
            slack[k] += enter_gain[best_enter, k] - leave_gain[best_leave, k]
        gained += best
        if trim(cell, cost, chosen, slack):
            gained += 0.0
    return gained
