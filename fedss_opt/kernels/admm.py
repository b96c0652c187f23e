"""The ADMM of section 4: selection, coverage and dual blocks, all in closed form, in one pass over the clients.

The relaxed selection a lives in the box with the clients' costs, its copy z in the covering set
``{R z >= 1}``, and rho ties them together. The projection onto the covering set moves along the rows of R
only, so the scaled dual is ``u = -R^T nu`` with one multiplier per task: neither u nor a has to be kept, and
an iteration reads and writes one vector, ``v = z - R^T nu``.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import BoolArray, FloatArray
from .cell import Cell
from .jit import jit
from .vectors import copy_values

__all__ = ["admm_iterations", "gram", "project_coverage", "rescale_dual"]


_RELAXATION = 1.6
_RIDGE = 1e-9  # added to the diagonal, relatively, where tasks ask for (nearly) the same


@jit
def gram(relevance: FloatArray) -> FloatArray:
    """Return ``R R^T``, (K, K), of a cell's (n, K) relevance."""
    n, tasks = relevance.shape
    product = np.zeros((tasks, tasks))
    for i in range(n):
        for k in range(tasks):
            r = relevance[i, k]
            if r != 0.0:
                for j in range(k + 1):
                    product[k, j] += r * relevance[i, j]
    for k in range(tasks):
        for j in range(k):
            product[j, k] = product[k, j]
    return product


@jit
def _solve_on(matrix: FloatArray, rhs: FloatArray, active: BoolArray, ridge: float, out: FloatArray) -> bool:
    """Solve the active rows and columns of a symmetric positive system by Cholesky; False if it breaks down."""
    tasks = rhs.size
    index = np.empty(tasks, dtype=np.int64)
    m = 0
    for k in range(tasks):
        out[k] = 0.0
        if active[k]:
            index[m] = k
            m += 1
    low = np.empty((m, m))
    y = np.empty(m)
    for p in range(m):
        for q in range(p + 1):
            s = matrix[index[p], index[q]]
            if p == q:
                s += ridge * s
            for t in range(q):
                s -= low[p, t] * low[q, t]
            if p == q:
                if not s > 1e-10 * matrix[index[p], index[p]]:
                    return False
                low[p, p] = math.sqrt(s)
            else:
                low[p, q] = s / low[q, q]
        s = rhs[index[p]]
        for t in range(p):
            s -= low[p, t] * y[t]
        y[p] = s / low[p, p]
    for p in range(m - 1, -1, -1):
        s = y[p]
        for t in range(p + 1, m):
            s -= low[t, p] * out[index[t]]
        out[index[p]] = s / low[p, p]
    return True


@jit
def project_coverage(matrix: FloatArray, received: FloatArray, nu: FloatArray) -> None:
    """Update nu so that ``z = v + R^T nu`` is the projection of v on ``{R z >= 1}``.

    nu >= 0, ``R v + R R^T nu >= 1``, complementary. With one task, or each client in one task (`matrix`
    diagonal), this is the closed form ``max(0, (1 - R_k v) / |R_k|^2)``. In general the active set of the last
    call is a warm start for block principal pivoting. Where that cycles or meets a singular system (tasks alike),
    a small ridge makes the system definite and single pivots, the last index first, come to an end (Murty, 1974).

    Parameters
    ----------
    matrix : ndarray, (K, K)
        ``R R^T``.
    received : ndarray, (K,)
        ``R v``.
    nu : ndarray, (K,)
        In: the last multipliers. Out: the new ones.
    """
    tasks = received.size
    diagonal = True
    for k in range(tasks):
        for j in range(k):
            diagonal = diagonal and matrix[k, j] == 0.0
    if diagonal:
        for k in range(tasks):
            nu[k] = max(0.0, (1.0 - received[k]) / matrix[k, k])
        return
    missing = np.empty(tasks)
    active = np.empty(tasks, dtype=np.bool_)
    for k in range(tasks):
        missing[k] = 1.0 - received[k]
        active[k] = nu[k] > 0.0
    trial = np.empty(tasks)
    ridge = 0.0
    for attempt in range(1000):
        if ridge == 0.0 and (attempt >= 12 or not _solve_on(matrix, missing, active, 0.0, trial)):
            ridge = _RIDGE
        if ridge > 0.0 and not _solve_on(matrix, missing, active, ridge, trial):
            return
        settled = True
        for p in range(tasks):
            k = tasks - 1 - p
            if active[k]:
                wrong = trial[k] < 0.0
            else:
                short = missing[k]
                for j in range(tasks):
                    short -= matrix[k, j] * trial[j]
                wrong = short > 1e-12 * (abs(missing[k]) + abs(missing[k] - short))
            if wrong:
                active[k] = not active[k]
                settled = False
                if ridge > 0.0:
                    break
        if settled:
            copy_values(trial, nu)
            return


@jit
def admm_iterations(
    cell: Cell,
    cost: FloatArray,
    rho: float,
    matrix: FloatArray,
    v: FloatArray,
    nu: FloatArray,
    last: FloatArray,
    count: int,
) -> tuple[float, float]:
    """Run `count` iterations in place and return the residuals of the last one.

    Parameters
    ----------
    cell : Cell
        The cell.
    cost : ndarray, (n,)
        Costs at the current price.
    rho : float
        Penalty, in the units of cost.
    matrix : ndarray, (K, K)
        `gram` of the cell's relevance.
    v : ndarray, (free,)
        ``z - R^T nu``.
    nu : ndarray, (K,)
        Scaled multipliers; ``rho nu`` estimates the covering multipliers.
    last : ndarray, (free,)
        Workspace: z before the last iteration.
    count : int
        Number of iterations, at least 1.

    Returns
    -------
    primal, dual : float
        ``|a - z| / max(|a|, |z|)`` and ``|z - z_last| / |R^T nu|``; infinite where the cell's `stop` was set.
    """
    tasks = nu.size
    inverse = 1.0 / rho
    received = np.empty(tasks)
    earlier = nu.copy()
    for _ in range(count):
        if cell.stop[0]:
            return math.inf, math.inf
        received[:] = 0.0
        copy_values(nu, earlier)
        for i in range(cell.free):
            pull = 0.0
            for k in range(tasks):
                pull += cell.relevance[i, k] * nu[k]
            z = v[i] + pull
            last[i] = z
            a = z + pull - cost[i] * inverse  # z - u - phi / rho
            a = min(max(a, 0.0), 1.0)
            new = _RELAXATION * a + (1.0 - _RELAXATION) * z - pull
            v[i] = new
            for k in range(tasks):
                received[k] += cell.relevance[i, k] * new
        project_coverage(matrix, received, nu)
    return _residuals(cell, v, nu, last, earlier)


@jit
def _residuals(cell: Cell, v: FloatArray, nu: FloatArray, last: FloatArray, earlier: FloatArray) -> tuple[float, float]:
    """Recover a and z of the last iteration from what is kept, and measure how far apart they are."""
    apart, change, size_a, size_z, size_u = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(cell.free):
        pull = 0.0
        before = 0.0
        for k in range(nu.size):
            pull += cell.relevance[i, k] * nu[k]
            before += cell.relevance[i, k] * earlier[k]
        z = v[i] + pull
        a = (v[i] + before - (1.0 - _RELAXATION) * last[i]) / _RELAXATION
        apart += (a - z) * (a - z)
        change += (z - last[i]) * (z - last[i])
        size_a += a * a
        size_z += z * z
        size_u += pull * pull
    primal = math.sqrt(apart) / max(math.sqrt(max(size_a, size_z)), 1e-300)
    dual = math.sqrt(change) / max(math.sqrt(size_u), 1e-300)
    return primal, dual


@jit
def rescale_dual(cell: Cell, factor: float, v: FloatArray, nu: FloatArray) -> None:
    """Carry v and nu over to a penalty `factor` times as large: z stays, the scaled dual shrinks."""
    for i in range(cell.free):
        pull = 0.0
        for k in range(nu.size):
            pull += cell.relevance[i, k] * nu[k]
        v[i] += pull - pull / factor
    for k in range(nu.size):
        nu[k] /= factor
