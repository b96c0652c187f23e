"""Bases of the relaxation: which K columns name a vertex of the dual, and the inverse of their matrix.

A column below the number of clients is a client, whose reduced cost is zero at the vertex; the others are the surpluses
of the tasks, whose multiplier is.
"""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray, IntArray
from .jit import jit

__all__ = ["invert", "invert_basis", "reset_basis", "starting_basis"]


@jit
def invert(matrix: FloatArray, inverse: FloatArray, least_pivot: float) -> bool:
    """Write the inverse of a matrix (which is used up) by Gauss-Jordan with pivoting; False when nearly singular."""
    m = matrix.shape[0]
    for p in range(m):
        for k in range(m):
            inverse[k, p] = 1.0 if k == p else 0.0
    for p in range(m):
        best = p
        for k in range(p + 1, m):
            if abs(matrix[k, p]) > abs(matrix[best, p]):
                best = k
        if not abs(matrix[best, p]) > least_pivot:
            return False
        if best != p:
            for q in range(m):
                matrix[p, q], matrix[best, q] = matrix[best, q], matrix[p, q]
                inverse[p, q], inverse[best, q] = inverse[best, q], inverse[p, q]
        scale = 1.0 / matrix[p, p]
        for q in range(m):
            matrix[p, q] *= scale
            inverse[p, q] *= scale
        for k in range(m):
            factor = matrix[k, p]
            if k != p and factor != 0.0:
                for q in range(m):
                    matrix[k, q] -= factor * matrix[p, q]
                    inverse[k, q] -= factor * inverse[p, q]
    return True


@jit
def invert_basis(relevance: FloatArray, basis: IntArray, inverse: FloatArray) -> bool:
    """Invert the basis matrix (columns = basic columns); False when singular."""
    clients = relevance.shape[0]
    matrix = np.zeros((basis.size, basis.size))
    for p in range(basis.size):
        if basis[p] < clients:
            for k in range(basis.size):
                matrix[k, p] = relevance[basis[p], k]
        else:
            matrix[basis[p] - clients, p] = -1.0
    return invert(matrix, inverse, 1e-11)


@jit
def reset_basis(clients: int, basis: IntArray) -> None:
    """Make every surplus basic: all multipliers zero, a vertex at any cost."""
    for k in range(basis.size):
        basis[k] = clients + k


@jit
def starting_basis(
    relevance: FloatArray, cost: FloatArray, mu: FloatArray, reduced: FloatArray, basis: IntArray
) -> None:
    """Choose a nonsingular basis near `mu`: for every positive multiplier a client of small reduced cost."""
    tasks = mu.size
    clients = relevance.shape[0]
    reset_basis(clients, basis)
    largest = 0.0
    for k in range(tasks):
        largest = max(largest, mu[k])
    if not largest > 0.0:
        return
    # Relative reduced costs; only the few smallest are looked at, in order.
    pool = min(clients, 6 * tasks + 8)
    nearest = np.empty(pool, dtype=np.int64)
    key = np.empty(pool)
    filled = 0
    for i in range(clients):
        worth = 0.0
        for k in range(tasks):
            worth += relevance[i, k] * mu[k]
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
            column[k] = relevance[i, k] if mu[k] > 1e-9 * largest else 0.0
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
