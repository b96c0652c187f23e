"""The bound of a node of the tree search: the relaxation's dual over the clients that are still undecided.

For any multipliers mu, with p the cost of the clients decided in, s the need and w the room of the node,

    D(mu) = p + s^T mu + sum_i min(0, cost_i - (R^T mu)_i) + sum_k min(0, mu_k) w_k

is at most the cost of any cover below the node: a surplus lies between 0 and the room. The bound-flipping dual
simplex of `vertex.py` climbs D from the basis of the node above, where a decided client has a column whose value must
be zero. Whatever the climb does, a node is only closed by D itself, summed up at the multipliers at hand.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray, IntArray
from .basis import invert
from .cover_state import ACTIVE, CLOSED, FIXED, HELD_IN, HELD_OUT, LIMIT, PIVOTS, CoverTree, log_step
from .jit import jit
from .vectors import EPS

__all__ = ["climb", "cutoff", "penalty"]


_MARGIN = 1e-12  # relative: a cover that saves less than this is not looked for
_ROUNDING = 1e-14  # of the sum of absolute terms, and an ulp a client: what rounding can have added to D
_FEASIBLE = 1e-9  # by which a basic value may leave its bounds
_BEYOND = 1e-9  # a ray is followed a little beyond the limit, so that D itself gets there


@jit
def cutoff(tree: CoverTree) -> float:
    """Return the bound from which a node holds nothing of interest."""
    bound: float = tree.amount[LIMIT] * (1.0 - _MARGIN)
    return bound


@jit
def _invert(tree: CoverTree) -> bool:
    """Invert the basis matrix; False when nearly singular."""
    tasks, n = tree.relevance.shape
    matrix = np.zeros((tasks, tasks))
    for p in range(tasks):
        column = tree.basis[p]
        if column < n:
            for k in range(tasks):
                matrix[k, p] = tree.relevance[k, tree.position[column]]
        else:
            matrix[column - n, p] = -1.0
    return invert(matrix, tree.inverse, 1e-9)


@jit
def _update_inverse(tree: CoverTree, leaving: int, entering: int) -> bool:
    """Replace a basic column; False when the pivot is too small to trust."""
    tasks, n = tree.relevance.shape
    inverse = tree.inverse
    image = np.zeros(tasks)
    for p in range(tasks):
        if entering >= n:
            image[p] = -inverse[p, entering - n]
        else:
            j = tree.position[entering]
            for k in range(tasks):
                image[p] += inverse[p, k] * tree.relevance[k, j]
    tree.basis[leaving] = entering
    if not abs(image[leaving]) > 1e-6:
        return _invert(tree)
    scale = 1.0 / image[leaving]
    for q in range(tasks):
        inverse[leaving, q] *= scale
    for p in range(tasks):
        if p != leaving and image[p] != 0.0:
            for q in range(tasks):
                inverse[p, q] -= image[p] * inverse[leaving, q]
    return True


@jit
def _set_multipliers(tree: CoverTree) -> None:
    """Write the multipliers at which every basic column's reduced cost is zero."""
    tasks, n = tree.relevance.shape
    tree.mu[:] = 0.0
    for p in range(tasks):
        if tree.basis[p] < n:
            cost = tree.cost[tree.position[tree.basis[p]]]
            for k in range(tasks):
                tree.mu[k] += tree.inverse[p, k] * cost
    for p in range(tasks):
        if tree.basis[p] >= n:
            tree.mu[tree.basis[p] - n] = 0.0


@jit
def _evaluate(tree: CoverTree, rhs: FloatArray) -> float:
    """Return D at the multipliers, less rounding; write reduced costs, and what is left for the basic columns."""
    tasks = tree.need.size
    active = tree.tally[ACTIVE]
    reduced, relevance = tree.reduced, tree.relevance
    for j in range(active):
        reduced[j] = tree.cost[j]
    for k in range(tasks):
        m = tree.mu[k]
        if m != 0.0:
            for j in range(active):
                reduced[j] -= m * relevance[k, j]
    _clear_basic(tree, reduced)
    value: float = tree.amount[FIXED]
    weight = value
    for k in range(tasks):
        rhs[k] = tree.need[k]
        value += tree.mu[k] * tree.need[k]
        weight += abs(tree.mu[k] * tree.need[k])
        if tree.mu[k] < 0.0:
            value += tree.mu[k] * tree.room[k]
            weight -= tree.mu[k] * tree.room[k]
            rhs[k] += tree.room[k]
    saved = 0.0
    for j in range(active):
        if reduced[j] < 0.0:
            saved -= reduced[j]
            for k in range(tasks):
                rhs[k] -= relevance[k, j]
    bound: float = value - saved - (_ROUNDING + EPS * active) * (weight + saved)
    return bound


@jit
def _clear_basic(tree: CoverTree, values: FloatArray) -> None:
    """Zero the entries of the basic clients among the undecided."""
    for p in range(tree.basis.size):
        if tree.basis[p] < tree.client.size:
            j = tree.position[tree.basis[p]]
            if j < tree.tally[ACTIVE]:
                values[j] = 0.0


@jit
def _value_along(tree: CoverTree, step: float, branch: int, selected: bool) -> float:
    """Return D at ``mu + step edge``, less rounding, with client `branch` (if any) held at a value."""
    tasks, n = tree.relevance.shape
    value: float = tree.amount[FIXED]
    weight = value
    for k in range(tasks):
        m = tree.mu[k] + step * tree.edge[k]
        value += m * tree.need[k]
        weight += abs(m * tree.need[k])
        if m < 0.0:
            value += m * tree.room[k]
            weight -= m * tree.room[k]
    saved = 0.0
    for j in range(tree.tally[ACTIVE]):
        r = tree.reduced[j] - step * tree.rate[j]
        if r < 0.0:
            saved -= r
    # Basic clients stay at reduced cost zero, but for rounding; a client that is held counts at its value.
    for p in range(tasks):
        i = tree.basis[p]
        if i >= n:
            continue
        j = tree.position[i]
        if j >= tree.tally[ACTIVE]:
            continue
        r = tree.cost[j]
        for k in range(tasks):
            r -= (tree.mu[k] + step * tree.edge[k]) * tree.relevance[k, j]
        weight += abs(r)
        if i != branch:
            saved -= min(r, 0.0)
        elif selected:
            value += r
    bound: float = value - saved - (_ROUNDING + EPS * tree.tally[ACTIVE]) * (weight + saved)
    return bound


@jit
def _sift(turn: FloatArray, order: IntArray, start: int, count: int) -> None:
    """Restore the heap below `start`."""
    t, j = turn[start], order[start]
    at = start
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and turn[child + 1] < turn[child]:
            child += 1
        if not turn[child] < t:
            break
        turn[at], order[at] = turn[child], order[child]
        at = child
    turn[at], order[at] = t, j


@jit
def _line_search(tree: CoverTree, slope: float, enough: float) -> tuple[int, float, float]:
    """Follow the edge until D stops rising, or has risen by `enough`.

    Returns the entering column (a position, or n + k), -1 when there is none; how much D rises; and the step.
    """
    tasks, n = tree.relevance.shape
    active = tree.tally[ACTIVE]
    rate, reduced, turn, order = tree.rate, tree.reduced, tree.turn, tree.order
    for j in range(active):
        rate[j] = 0.0
    for k in range(tasks):
        e = tree.edge[k]
        if e != 0.0:
            for j in range(active):
                rate[j] += e * tree.relevance[k, j]
    _clear_basic(tree, rate)
    count = 0
    for j in range(active):
        if (reduced[j] >= 0.0 and rate[j] > 1e-12) or (reduced[j] < 0.0 and rate[j] < -1e-12):
            turn[count] = reduced[j] / rate[j]
            order[count] = j
            count += 1
    for k in range(tasks):
        basic = False
        for p in range(tasks):
            basic = basic or tree.basis[p] == n + k
        m, fall = tree.mu[k], -tree.edge[k]
        if not basic and ((m >= 0.0 and fall > 1e-12) or (m < 0.0 and fall < -1e-12)):
            turn[count] = m / fall
            order[count] = n + k
            count += 1
    for start in range(count // 2 - 1, -1, -1):
        _sift(turn, order, start, count)
    gain, step = 0.0, 0.0
    while count > 0:
        t, j = turn[0], order[0]
        if gain + (t - step) * slope >= enough:
            return -1, enough, step + (enough - gain) / slope
        gain += (t - step) * slope
        step = t
        slope -= abs(rate[j]) if j < n else abs(tree.edge[j - n]) * tree.room[j - n]
        if slope <= 0.0:
            return j, gain, step
        count -= 1
        turn[0], order[0] = turn[count], order[count]
        _sift(turn, order, 0, count)
    if slope > _FEASIBLE:  # a ray: nothing below the node covers
        return -1, enough, step + (enough - gain) / slope
    return -1, gain, step


@jit
def climb(tree: CoverTree, max_pivots: int) -> float:
    """Raise D from the basis at hand and return it; at least `cutoff` means that the node is closed.

    The multipliers, reduced costs and basic values are those of the last basis.
    """
    tasks, n = tree.relevance.shape
    rhs = np.empty(tasks)
    if not _invert(tree):
        for k in range(tasks):
            tree.basis[k] = n + k
        _invert(tree)
    goal = cutoff(tree)
    pivots = 0
    while True:
        _set_multipliers(tree)
        value = _evaluate(tree, rhs)
        if value >= goal:
            log_step(tree, CLOSED, 0, 0.0)
            return value
        leaving, worst, target = -1, _FEASIBLE, 0.0
        for p in range(tasks):
            x, norm = 0.0, 0.0
            for k in range(tasks):
                x += tree.inverse[p, k] * rhs[k]
                norm += tree.inverse[p, k] * tree.inverse[p, k]
            tree.x[p] = x
            upper = 1.0
            if tree.basis[p] >= n:
                upper = max(tree.room[tree.basis[p] - n], 0.0)
            elif tree.position[tree.basis[p]] >= tree.tally[ACTIVE]:
                upper = 0.0
            violation = max(-x, x - upper) / math.sqrt(norm)
            if violation > worst:
                leaving, worst = p, violation
                target = upper if x > upper else 0.0
        if leaving < 0 or pivots == max_pivots:
            return value
        pivots += 1
        tree.tally[PIVOTS] += 1
        sign = 1.0 if tree.x[leaving] > target else -1.0
        for k in range(tasks):
            tree.edge[k] = sign * tree.inverse[leaving, k]
        enough = (goal - value) * (1.0 + _BEYOND) + _BEYOND * _BEYOND * goal
        entering, _, step = _line_search(tree, abs(tree.x[leaving] - target), enough)
        if entering < 0:
            # Short of the goal it is not returned: the reduced costs are those of `value`, and a slack must be too.
            along = _value_along(tree, step, -1, False)
            if along < goal:
                return value
            log_step(tree, CLOSED, 0, step)
            return along
        if not _update_inverse(tree, leaving, tree.client[entering] if entering < n else entering):
            return value


@jit
def penalty(tree: CoverTree, p: int, selected: bool, slack: float) -> float:
    """Return how much the first pivot raises D when the basic client of row p is held at a value.

    At least `slack` closes that branch; such a claim has been checked by D itself.
    """
    sign = -1.0 if selected else 1.0
    for k in range(tree.need.size):
        tree.edge[k] = sign * tree.inverse[p, k]
    away = 1.0 - tree.x[p] if selected else tree.x[p]
    goal = cutoff(tree)
    enough = slack * (1.0 + _BEYOND) + _BEYOND * _BEYOND * goal
    _, gain, step = _line_search(tree, away, enough)
    if gain >= slack:
        if not _value_along(tree, step, tree.basis[p], selected) >= goal:
            return slack * (1.0 - _BEYOND)
        log_step(tree, HELD_IN if selected else HELD_OUT, tree.basis[p], step)
    return gain
