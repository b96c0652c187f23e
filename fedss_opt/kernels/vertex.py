"""Dual vertex ascent: from multipliers near the optimum to the exact optimum of the relaxation at one price.

``max_{mu >= 0} D(mu, theta)`` is concave and piecewise linear in K dimensions. A vertex is named by K
*basic* columns (clients whose reduced cost is zero, or surpluses of tasks whose multiplier is zero). From it,
the most infeasible basic column gives an edge along which D increases, and an exact line search along the
edge passes every breakpoint until the slope turns: the bound-flipping dual simplex method (Maros, 2003;
Kostina, 2002). A few passes over the clients replace the long tail of a first-order method.

Clients alike in cost and relevance make many vertices coincide, and edges of length zero lead in circles.
Once such an edge has been walked, costs are told apart by relative perturbations that are taken back in the end.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from .basis import invert_basis
from .jit import jit
from .line_search import line_search
from .vectors import copy_values

__all__ = ["vertex_ascent"]


_PERTURBATION = 1e-8  # far above the rounding of reduced costs, and far below any gap of interest
_PRIME = 2147483647


@jit
def _perturbed(cost: float, i: int, floor: float, perturbation: float) -> float:
    """Return a cost moved up by a share of its own, different for every client.

    Squares modulo a prime: shares must not be related linearly, or sums of them would tie again.
    """
    if perturbation == 0.0:
        return cost
    mixed = (i + 1) * 48271 % _PRIME
    mixed = mixed * mixed % _PRIME
    return cost + perturbation * (0.5 + mixed / _PRIME) * max(cost, floor)


@jit
def vertex_ascent(
    relevance: FloatArray,
    need: FloatArray,
    cost: FloatArray,
    basis: IntArray,
    mu: FloatArray,
    x_basic: FloatArray,
    reduced: FloatArray,
    max_pivots: int,
    stop: BoolArray,
) -> tuple[bool, int]:
    """Climb from the vertex of `basis` to a maximiser of ``D(., theta)``.

    Parameters
    ----------
    relevance : ndarray, (n, K)
        Clients to decide on; at least one task.
    need : ndarray, (K,)
        What they have to cover; what others cover already may be more than all of it.
    cost : ndarray, (n,) or longer
        Costs at theta (inf for clients out of reach).
    basis : ndarray of int, (K,)
        In: where to start (columns below n are clients, the others surpluses). Out: the last basis.
    mu : ndarray, (K,)
        Out: its multipliers (clipped at 0).
    x_basic : ndarray, (K,)
        Out: values of the basic columns: fractional selections, or surpluses of coverage.
    reduced : ndarray, (n,)
        Out: reduced costs (0 for basic clients); a non-basic client is selected where negative. Where clients tie,
        those of the perturbed costs: their signs belong to `x_basic`.
    max_pivots : int
        Limit.
    stop : ndarray of bool, (1,)
        Set from outside when the ascent is to end where it stands, as at `max_pivots`.

    Returns
    -------
    optimal : bool
        Whether the relaxation was solved: every basic client within [0, 1], every surplus >= 0.
    pivots : int
        Edges walked.
    """
    clients, tasks = relevance.shape
    inverse = np.empty((tasks, tasks))
    rhs = np.empty(tasks)
    turn = np.empty(clients + tasks)
    order = np.empty(clients + tasks, dtype=np.int64)
    edge = np.empty(tasks)
    room = np.zeros(tasks)  # upper bound of each surplus: everybody selected
    is_basic = np.zeros(clients + tasks, dtype=np.bool_)
    before = np.empty(tasks)
    for k in range(tasks):
        before[k] = math.nan
    floor = math.inf  # the least positive cost: what a cost of zero is perturbed in proportion to
    for i in range(clients):
        if cost[i] > 0.0:
            floor = min(floor, cost[i])
        for k in range(tasks):
            room[k] += relevance[i, k]
    for k in range(tasks):
        room[k] -= min(need[k], 0.0)
    if floor == math.inf:
        floor = 1.0
    perturbation = 0.0
    for pivots in range(max_pivots + 1):
        if not invert_basis(relevance, basis, inverse):
            return False, pivots
        if not _multipliers(clients, cost, basis, inverse, floor, perturbation, mu):
            return False, pivots
        if perturbation == 0.0 and _same(mu, before):
            perturbation = _PERTURBATION
            _multipliers(clients, cost, basis, inverse, floor, perturbation, mu)
        copy_values(mu, before)
        is_basic[:] = False
        for p in range(tasks):
            is_basic[basis[p]] = True
        # Non-basic columns sit at the bound that the sign of their reduced cost asks for.
        for k in range(tasks):
            rhs[k] = need[k]
        for i in range(clients):
            worth = 0.0
            for k in range(tasks):
                worth += relevance[i, k] * mu[k]
            r = _perturbed(cost[i], i, floor, perturbation) - worth
            if is_basic[i]:
                r = 0.0
            reduced[i] = r
            if r < 0.0:
                for k in range(tasks):
                    rhs[k] -= relevance[i, k]
        for k in range(tasks):
            if not is_basic[clients + k] and mu[k] < 0.0:
                rhs[k] += room[k]
        leaving = -1
        worst = 1e-9
        rising = False
        for p in range(tasks):
            x = 0.0
            for k in range(tasks):
                x += inverse[p, k] * rhs[k]
            x_basic[p] = x
            upper = 1.0 if basis[p] < clients else room[basis[p] - clients]
            norm = 0.0
            for k in range(tasks):
                norm += inverse[p, k] * inverse[p, k]
            violation = max(-x, x - upper) / math.sqrt(norm)
            if violation > worst:
                worst = violation
                leaving = p
                rising = x > upper
        if leaving < 0:
            if perturbation > 0.0:
                _multipliers(clients, cost, basis, inverse, floor, 0.0, mu)
                if _settle(mu):
                    return True, pivots
                copy_values(before, mu)  # those of the perturbed costs are as good, but for the perturbation
            return _settle(mu), pivots
        if pivots == max_pivots or stop[0]:
            break
        # mu + t sign inverse[leaving]: the leaving column's reduced cost becomes -t sign.
        sign = 1.0 if rising else -1.0
        for k in range(tasks):
            edge[k] = sign * inverse[leaving, k]
        x = x_basic[leaving]
        upper = 1.0 if basis[leaving] < clients else room[basis[leaving] - clients]
        slope = x - upper if rising else -x
        entering = line_search(relevance, edge, mu, room, reduced, is_basic, slope, turn, order)
        if entering < 0:
            return False, pivots
        basis[leaving] = entering
    return False, pivots


@jit
def _multipliers(
    free: int,
    cost: FloatArray,
    basis: IntArray,
    inverse: FloatArray,
    floor: float,
    perturbation: float,
    mu: FloatArray,
) -> bool:
    """Write the multipliers at which every basic column's reduced cost is zero; False when one is out of reach."""
    mu[:] = 0.0
    for p in range(mu.size):
        if basis[p] < free:
            c = cost[basis[p]]
            if not c < math.inf:
                return False
            c = _perturbed(c, basis[p], floor, perturbation)
            for k in range(mu.size):
                mu[k] += inverse[p, k] * c
    return True


@jit
def _same(mu: FloatArray, before: FloatArray) -> bool:
    """Tell whether two vertices coincide, up to rounding."""
    largest, apart = 0.0, 0.0
    for k in range(mu.size):
        if math.isnan(before[k]):
            return False
        largest = max(largest, abs(mu[k]))
        apart = max(apart, abs(mu[k] - before[k]))
    return apart <= 1e-11 * largest


@jit
def _settle(mu: FloatArray) -> bool:
    """Clear the rounding of zero multipliers; False when one is really negative."""
    largest = 0.0
    for k in range(mu.size):
        largest = max(largest, abs(mu[k]))
    for k in range(mu.size):
        if mu[k] < 0.0:
            if mu[k] < -1e-9 * largest:
                return False
            mu[k] = 0.0
    return True
