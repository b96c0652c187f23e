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
import numpy.typing as npt

from .cell import Cell
from .jit import jit

__all__ = ["reset_basis", "starting_basis", "vertex_ascent"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

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
def _column(relevance: FloatArray, j: int, k: int) -> float:
    """Entry k of column j: a client's relevance, or minus one for the surplus of task j - free."""
    if j < relevance.shape[0]:
        entry: float = relevance[j, k]
        return entry
    return -1.0 if j - relevance.shape[0] == k else 0.0


@jit
def _invert(relevance: FloatArray, basis: IntArray, inverse: FloatArray) -> bool:
    """Invert the basis matrix (columns = basic columns) by Gauss-Jordan with pivoting; False when singular."""
    m = basis.size
    work = np.empty((m, m))
    for p in range(m):
        for k in range(m):
            work[k, p] = _column(relevance, basis[p], k)
            inverse[k, p] = 1.0 if k == p else 0.0
    for p in range(m):
        best = p
        for k in range(p + 1, m):
            if abs(work[k, p]) > abs(work[best, p]):
                best = k
        if not abs(work[best, p]) > 1e-11:
            return False
        if best != p:
            for q in range(m):
                work[p, q], work[best, q] = work[best, q], work[p, q]
                inverse[p, q], inverse[best, q] = inverse[best, q], inverse[p, q]
        scale = 1.0 / work[p, p]
        for q in range(m):
            work[p, q] *= scale
            inverse[p, q] *= scale
        for k in range(m):
            if k != p and work[k, p] != 0.0:
                factor = work[k, p]
                for q in range(m):
                    work[k, q] -= factor * work[p, q]
                    inverse[k, q] -= factor * inverse[p, q]
    return True


@jit
def reset_basis(cell: Cell, basis: IntArray) -> None:
    """Make every surplus basic: all multipliers zero, a vertex at any cost."""
    for k in range(basis.size):
        basis[k] = cell.free + k


@jit
def starting_basis(cell: Cell, cost: FloatArray, mu: FloatArray, reduced: FloatArray, basis: IntArray) -> None:
    """Choose a nonsingular basis near `mu`: for every positive multiplier a client of small reduced cost."""
    tasks = mu.size
    reset_basis(cell, basis)
    largest = 0.0
    for k in range(tasks):
        largest = max(largest, mu[k])
    if not largest > 0.0:
        return
    # Relative reduced costs; only the few smallest are looked at, in order.
    pool = min(cell.free, 6 * tasks + 8)
    nearest = np.empty(pool, dtype=np.int64)
    key = np.empty(pool)
    filled = 0
    for i in range(cell.free):
        worth = 0.0
        for k in range(tasks):
            worth += cell.relevance[i, k] * mu[k]
        r = cost[i] - worth
        reduced[i] = r
        r = abs(r) / worth if worth > 0.0 else math.inf
        if filled < pool or r < key[filled - 1]:
            j = filled if filled < pool else pool - 1
            while j > 0 and key[j - 1] > r:
                key[j] = key[j - 1]
                nearest[j] = nearest[j - 1]
                j -= 1
            key[j] = r
            nearest[j] = i
            filled = min(filled + 1, pool)
    # Gaussian elimination picks independent columns: `echelon[p]` is the p-th, reduced, with its pivot in `row[p]`.
    echelon = np.zeros((tasks, tasks))
    row = np.empty(tasks, dtype=np.int64)
    found = 0
    taken = np.zeros(tasks, dtype=np.bool_)
    column = np.empty(tasks)
    for f in range(filled):
        if key[f] == math.inf:
            break
        i = nearest[f]
        for k in range(tasks):
            column[k] = cell.relevance[i, k] if mu[k] > 1e-9 * largest else 0.0
        size = 0.0
        for k in range(tasks):
            size = max(size, column[k])
        for p in range(found):  # in this order: each is zero in the rows of the pivots before it
            factor = column[row[p]]
            if factor != 0.0:
                for q in range(tasks):
                    column[q] -= factor * echelon[p, q]
                column[row[p]] = 0.0
        pivot = -1
        for k in range(tasks):
            if not taken[k] and abs(column[k]) > 1e-3 * size and (pivot < 0 or abs(column[k]) > abs(column[pivot])):
                pivot = k
        if pivot < 0:
            continue
        taken[pivot] = True
        row[found] = pivot
        for q in range(tasks):
            echelon[found, q] = column[q] / column[pivot]
        found += 1
        basis[pivot] = i


@jit
def vertex_ascent(
    cell: Cell,
    cost: FloatArray,
    basis: IntArray,
    mu: FloatArray,
    x_basic: FloatArray,
    reduced: FloatArray,
    turn: FloatArray,
    order: IntArray,
    max_pivots: int,
) -> tuple[bool, int]:
    """Climb from the vertex of `basis` to a maximiser of ``D(., theta)``.

    Parameters
    ----------
    cell : Cell
        The cell, at least one open task.
    cost : ndarray, (n,)
        Costs at theta (inf for clients out of reach).
    basis : ndarray of int, (K,)
        In: where to start (columns below `cell.free` are clients, the others surpluses). Out: the last basis.
    mu : ndarray, (K,)
        Out: its multipliers (clipped at 0).
    x_basic : ndarray, (K,)
        Out: values of the basic columns: fractional selections, or surpluses of coverage.
    reduced : ndarray, (free,)
        Out: reduced costs (0 for basic clients); a non-basic client is selected where negative. Where clients tie,
        those of the perturbed costs: their signs belong to `x_basic`.
    turn, order : ndarray, (free + K,)
        Workspace.
    max_pivots : int
        Limit.

    Returns
    -------
    optimal : bool
        Whether the relaxation was solved: every basic client within [0, 1], every surplus >= 0.
    pivots : int
        Edges walked.
    """
    tasks = mu.size
    inverse = np.empty((tasks, tasks))
    rhs = np.empty(tasks)
    edge = np.empty(tasks)
    room = np.zeros(tasks)  # upper bound of each surplus: everybody selected
    is_basic = np.zeros(cell.free + tasks, dtype=np.bool_)
    before = np.full(tasks, math.nan)
    floor = math.inf  # the least positive cost: what a cost of zero is perturbed in proportion to
    for i in range(cell.free):
        if cost[i] > 0.0:
            floor = min(floor, cost[i])
        for k in range(tasks):
            room[k] += cell.relevance[i, k]
    if floor == math.inf:
        floor = 1.0
    perturbation = 0.0
    for pivots in range(max_pivots + 1):
        if not _invert(cell.relevance, basis, inverse):
            return False, pivots
        if not _multipliers(cell.free, cost, basis, inverse, floor, perturbation, mu):
            return False, pivots
        if perturbation == 0.0 and _same(mu, before):
            perturbation = _PERTURBATION
            _multipliers(cell.free, cost, basis, inverse, floor, perturbation, mu)
        before[:] = mu
        is_basic[:] = False
        for p in range(tasks):
            is_basic[basis[p]] = True
        # Non-basic columns sit at the bound that the sign of their reduced cost asks for.
        for k in range(tasks):
            rhs[k] = 1.0
        for i in range(cell.free):
            worth = 0.0
            for k in range(tasks):
                worth += cell.relevance[i, k] * mu[k]
            r = _perturbed(cost[i], i, floor, perturbation) - worth
            if is_basic[i]:
                r = 0.0
            reduced[i] = r
            if r < 0.0:
                for k in range(tasks):
                    rhs[k] -= cell.relevance[i, k]
        for k in range(tasks):
            if not is_basic[cell.free + k] and mu[k] < 0.0:
                rhs[k] += room[k]
        leaving = -1
        worst = 1e-9
        rising = False
        for p in range(tasks):
            x = 0.0
            for k in range(tasks):
                x += inverse[p, k] * rhs[k]
            x_basic[p] = x
            upper = 1.0 if basis[p] < cell.free else room[basis[p] - cell.free]
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
                _multipliers(cell.free, cost, basis, inverse, floor, 0.0, mu)
                if _settle(mu):
                    return True, pivots
                mu[:] = before  # those of the perturbed costs are as good, but for the perturbation
            return _settle(mu), pivots
        if pivots == max_pivots:
            break
        # mu + t sign inverse[leaving]: the leaving column's reduced cost becomes -t sign.
        sign = 1.0 if rising else -1.0
        for k in range(tasks):
            edge[k] = sign * inverse[leaving, k]
        x = x_basic[leaving]
        upper = 1.0 if basis[leaving] < cell.free else room[basis[leaving] - cell.free]
        slope = x - upper if rising else -x
        entering = _line_search(cell, edge, mu, room, reduced, is_basic, slope, turn, order)
        if entering < 0:
            return False, pivots
        basis[leaving] = entering
    return False, max_pivots


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


@jit
def _line_search(
    cell: Cell,
    edge: FloatArray,
    mu: FloatArray,
    room: FloatArray,
    reduced: FloatArray,
    is_basic: npt.NDArray[np.bool_],
    slope: float,
    turn: FloatArray,
    order: IntArray,
) -> int:
    """Return the column at whose breakpoint the slope of D along `edge` turns negative, or -1."""
    tasks = mu.size
    count = 0
    for j in range(cell.free + tasks):
        if is_basic[j]:
            continue
        if j < cell.free:
            rate = 0.0
            for k in range(tasks):
                rate += cell.relevance[j, k] * edge[k]
            r = reduced[j]
        else:
            rate = -edge[j - cell.free]
            r = mu[j - cell.free]
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
            bend += _bend(cell.relevance, edge, room, order[s])
        if bend >= slope:
            high = i
            continue
        slope -= bend
        # Among equal breakpoints the steepest column enters: the best conditioned basis.
        best = -1
        best_bend = 0.0
        bend = 0.0
        for s in range(i, g):
            w = _bend(cell.relevance, edge, room, order[s])
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
