"""Whole selections: covering, repairing, trimming and exchanging at fixed costs.

A selection is a boolean array over clients with its `slack`, what each task receives beyond what the heuristics
aim for; it covers when no slack is negative. Costs are those of one theta, so for the makespan any exchange that
lowers their sum lowers the makespan. The functions take the relevance alone, so they serve the whole cell and a
core of it alike.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .jit import jit
from .vectors import first_not_below, order_by

__all__ = ["cover_statically", "exchange", "measure_slack", "nearest_clients", "repair", "trim"]


@jit
def measure_slack(relevance: FloatArray, aim: FloatArray, chosen: BoolArray, slack: FloatArray) -> bool:
    """Write what each task receives beyond its aim (compensated sums); tell whether all are covered."""
    tasks = slack.size
    carry = np.zeros(tasks)
    for k in range(tasks):
        slack[k] = -aim[k]
    for i in range(chosen.size):
        if chosen[i]:
            for k in range(tasks):
                x = relevance[i, k]
                t = slack[k] + x
                carry[k] += (slack[k] - t) + x if abs(slack[k]) >= x else (x - t) + slack[k]
                slack[k] = t
    covered = True
    for k in range(tasks):
        slack[k] += carry[k]
        covered = covered and slack[k] >= 0.0
    return covered


@jit
def cover_statically(
    relevance: FloatArray, aim: FloatArray, cost: FloatArray, chosen: BoolArray, slack: FloatArray, stop: BoolArray
) -> bool:
    """Select clients by cost per relevance, in one sorted sweep, until every task is covered."""
    tasks = slack.size
    key = np.empty(cost.size)
    for i in range(cost.size):
        worth = 0.0
        for k in range(tasks):
            worth += relevance[i, k]
        key[i] = cost[i] / worth
        chosen[i] = False
    measure_slack(relevance, aim, chosen, slack)
    order = order_by(key, stop)
    if stop[0]:
        return False
    for j in range(order.size):
        i = order[j]
        if not cost[i] < math.inf:
            break
        helps = False
        for k in range(tasks):
            helps = helps or (slack[k] < 0.0 and relevance[i, k] > 0.0)
        if helps:
            chosen[i] = True
            for k in range(tasks):
                slack[k] += relevance[i, k]
    return measure_slack(relevance, aim, chosen, slack)


@jit
def repair(relevance: FloatArray, cost: FloatArray, chosen: BoolArray, slack: FloatArray, stop: BoolArray) -> bool:
    """Add the client that serves what is missing at the least cost, until every task is covered."""
    tasks = slack.size
    for _ in range(cost.size + 1):
        covered = True
        for k in range(tasks):
            covered = covered and slack[k] >= 0.0
        if covered:
            return True
        if stop[0]:
            return False
        best = -1
        best_key = math.inf
        for i in range(cost.size):
            if chosen[i] or not cost[i] < math.inf:
                continue
            useful = 0.0
            for k in range(tasks):
                if slack[k] < 0.0:
                    useful += min(relevance[i, k], -slack[k])
            if useful > 0.0 and cost[i] < best_key * useful:
                best = i
                best_key = cost[i] / useful
        if best < 0:
            return False
        chosen[best] = True
        for k in range(tasks):
            slack[k] += relevance[best, k]
    return False


@jit
def _droppable(relevance: FloatArray, i: int, slack: FloatArray) -> bool:
    for k in range(slack.size):
        if relevance[i, k] > slack[k]:
            return False
    return True


@jit
def trim(relevance: FloatArray, cost: FloatArray, chosen: BoolArray, slack: FloatArray, stop: BoolArray) -> float:
    """Drop what is not needed, the dearest first; return what it cost."""
    saved = 0.0
    count = 0
    for i in range(cost.size):
        if chosen[i] and _droppable(relevance, i, slack):
            count += 1
    if count == 0:
        return saved
    spare = np.empty(count, dtype=np.int64)
    key = np.empty(count)
    count = 0
    for i in range(cost.size):
        if chosen[i] and _droppable(relevance, i, slack):
            spare[count] = i
            key[count] = -cost[i]
            count += 1
    order = order_by(key, stop)
    for j in range(count):
        i = spare[order[j]]
        if _droppable(relevance, i, slack):
            chosen[i] = False
            saved += cost[i]
            for k in range(slack.size):
                slack[k] -= relevance[i, k]
    return saved


@jit
def nearest_clients(cost: FloatArray, reduced: FloatArray, chosen: BoolArray, side: bool, core: IntArray) -> int:
    """Write the clients of one side (chosen or not) with the smallest absolute reduced costs; return how many."""
    key = np.empty(core.size)
    filled = 0
    if core.size == 0:
        return 0
    for i in range(cost.size):
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
def _sets(
    cost: FloatArray, reduced: FloatArray, core: IntArray, size: int, sign: float, cutoff: float, stop: BoolArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """List singles and pairs of a core whose signed reduced costs sum to at most a cutoff.

    Returns members (m, 2) with -1 for none, costs (m,) and signed reduced costs (m,).
    """
    key = np.empty(size)
    for p in range(size):
        key[p] = sign * reduced[core[p]]
    rank = order_by(key, stop)
    total = 0
    for p in range(size):
        if key[rank[p]] <= cutoff:
            total += 1
        for q in range(p + 1, size):
            if key[rank[p]] + key[rank[q]] > cutoff:
                break
            total += 1
    member = np.empty((total, 2), dtype=np.int64)
    price = np.empty(total)
    value = np.empty(total)
    m = 0
    for p in range(size):
        i = core[rank[p]]
        if key[rank[p]] <= cutoff:
            member[m, 0] = i
            member[m, 1] = -1
            price[m] = cost[i]
            value[m] = key[rank[p]]
            m += 1
        for q in range(p + 1, size):
            pair = key[rank[p]] + key[rank[q]]
            if pair > cutoff:
                break
            j = core[rank[q]]
            member[m, 0] = i
            member[m, 1] = j
            price[m] = cost[i] + cost[j]
            value[m] = pair
            m += 1
    return member, price, value


@jit
def _most_negative_pair(reduced: FloatArray, core: IntArray, size: int, sign: float) -> float:
    """Return the least sum of signed reduced costs that a single or a pair of the core reaches."""
    first, second = math.inf, math.inf
    for p in range(size):
        r = sign * reduced[core[p]]
        if r < first:
            first, second = r, first
        elif r < second:
            second = r
    return min(first, first + second)


@jit
def _best_swap(
    relevance: FloatArray,
    slack: FloatArray,
    budget: float,
    leave: tuple[IntArray, FloatArray, FloatArray],
    enter: tuple[IntArray, FloatArray, FloatArray],
    stop: BoolArray,
) -> tuple[int, int, float]:
    """Return the swap with the greatest gain that keeps every task covered, or (-1, -1, 0)."""
    tasks = slack.size
    leave_set, leave_cost, leave_value = leave
    enter_set, enter_cost, enter_value = enter
    m = enter_cost.size
    order = order_by(enter_cost, stop)
    sorted_cost = np.empty(m)
    sorted_value = np.empty(m)
    enter_gain = np.empty((m, tasks))
    least_value = math.inf
    for q in range(m):
        i, j = enter_set[order[q], 0], enter_set[order[q], 1]
        sorted_cost[q] = enter_cost[order[q]]
        sorted_value[q] = enter_value[order[q]]
        least_value = min(least_value, sorted_value[q])
        for k in range(tasks):
            enter_gain[q, k] = relevance[i, k]
            if j >= 0:
                enter_gain[q, k] += relevance[j, k]
    need = np.empty(tasks)
    best, best_leave, best_enter = 0.0, -1, -1
    for p in range(leave_cost.size):
        if stop[0]:
            break
        room = budget - leave_value[p]
        if least_value > room - best:
            continue
        for k in range(tasks):
            need[k] = relevance[leave_set[p, 0], k] - slack[k]
            if leave_set[p, 1] >= 0:
                need[k] += relevance[leave_set[p, 1], k]
        spend = leave_cost[p]
        # By increasing cost from the greatest gain that the bound allows: the first that fits is P's best.
        first = first_not_below(sorted_cost, spend - (room - least_value) * (1.0 + 1e-9))
        threshold = min(spend * (1.0 - 1e-12), spend - best)  # a gain below rounding is none
        for q in range(first, m):
            if sorted_cost[q] >= threshold:
                break
            if sorted_value[q] > room - (spend - sorted_cost[q]) * (1.0 - 1e-9):
                continue
            fits = True
            for k in range(tasks):
                if enter_gain[q, k] < need[k]:
                    fits = False
                    break
            if fits:
                best = spend - sorted_cost[q]
                best_leave, best_enter = p, order[q]
                break
    return best_leave, best_enter, best


@jit
def exchange(
    relevance: FloatArray,
    cost: FloatArray,
    reduced: FloatArray,
    mu: FloatArray,
    chosen: BoolArray,
    slack: FloatArray,
    width: int,
    max_moves: int,
    stop: BoolArray,
) -> float:
    """Swap up to two selected clients for up to two others, the best swap first, until none lowers the cost.

    Only a core of clients is looked at: those whose reduced cost ``r = cost - R^T mu`` says that the relaxation
    hardly cares. A set Q may replace P only if ``R_Q >= R_P - slack``, hence its gain is at most
    ``r_P - r_Q + mu^T slack``, which rules out nearly all pairs of sets before their coverage is looked at.

    Parameters
    ----------
    relevance, cost, reduced, mu : ndarray
        (n, K), costs at one theta, reduced costs there and the multipliers they belong to.
    chosen, slack : ndarray
        The selection, changed in place.
    width : int
        Clients of either side in the core.
    max_moves : int
        Limit on swaps.
    stop : ndarray of bool, (1,)
        Set from outside when the swaps are to end.

    Returns
    -------
    float
        What was gained, > 0 if anything was swapped.
    """
    inside = np.empty(min(width, cost.size), dtype=np.int64)
    outside = np.empty(min(width + width // 2, cost.size), dtype=np.int64)
    gained = 0.0
    for _ in range(max_moves):
        if stop[0]:
            break
        n_in = nearest_clients(cost, reduced, chosen, True, inside)
        n_out = nearest_clients(cost, reduced, chosen, False, outside)
        budget = 0.0
        for k in range(slack.size):
            budget += mu[k] * max(slack[k], 0.0)
        in_best = _most_negative_pair(reduced, inside, n_in, -1.0)
        out_best = _most_negative_pair(reduced, outside, n_out, 1.0)
        leave = _sets(cost, reduced, inside, n_in, -1.0, budget - out_best, stop)
        enter = _sets(cost, reduced, outside, n_out, 1.0, budget - in_best, stop)
        p, q, gain = _best_swap(relevance, slack, budget, leave, enter, stop)
        if p < 0 or stop[0]:
            break
        for s in range(2):
            i = leave[0][p, s]
            if i >= 0:
                chosen[i] = False
                for k in range(slack.size):
                    slack[k] -= relevance[i, k]
            i = enter[0][q, s]
            if i >= 0:
                chosen[i] = True
                for k in range(slack.size):
                    slack[k] += relevance[i, k]
        gained += gain + trim(relevance, cost, chosen, slack, stop)
    return gained
