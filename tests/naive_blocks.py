"""Whole resource blocks by enumeration: every selection, every number of blocks for each of its clients.

The slow, obvious twin of what the allocator does for a problem with ``resource_block_hz``. Nothing here comes from the
kernels or the solvers.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from fedss_opt import Objective, Problem

from . import naive

__all__ = ["best_split", "brute_force_blocks", "whole_blocks"]


def whole_blocks(problem: Problem) -> int:
    """Blocks that fit on the carrier; a quotient that is whole but for the rounding of decimals counts as whole."""
    return int(Fraction(problem.bandwidth_hz) / Fraction(problem.resource_block_hz) * (1 + Fraction(4e-15)))


def _table(problem: Problem, n: int, allowance: float) -> list[float]:
    """Weighted time of client n on 1, 2, ... blocks; inf where a limit is broken by more than the allowance."""
    row = []
    for count in range(1, whole_blocks(problem) + 1):
        b = np.full(problem.n_clients, count * problem.resource_block_hz)
        upload = float(naive.times(problem, b)[n] - problem.compute_s[n])
        kept = (
            upload <= problem.max_upload_s[n] * (1.0 + allowance)
            and problem.min_bandwidth_hz[n] <= b[n] * (1.0 + allowance)
            and b[n] <= problem.max_bandwidth_hz[n] * (1.0 + allowance)
        )
        finish = float(problem.compute_s[n]) + upload
        weight = 1.0 if problem.objective is Objective.MAKESPAN else float(problem.weights[n])
        row.append(weight * finish if kept else math.inf)
    return row


def best_split(problem: Problem, selected: np.ndarray, allowance: float = 0.0) -> float:
    """Objective of a selection under the best whole blocks, one client after the other; inf where none fit."""
    combine = max if problem.objective is Objective.MAKESPAN else float.__add__
    best = {0: 0.0}  # blocks used -> objective so far
    for n in np.flatnonzero(selected):
        table = _table(problem, int(n), allowance)
        following: dict[int, float] = {}
        for (used, value), more in itertools.product(best.items(), range(1, whole_blocks(problem) + 1)):
            total = used + more
            if total <= whole_blocks(problem):
                following[total] = min(following.get(total, math.inf), combine(value, table[more - 1]))
        best = following
    return min(best.values(), default=math.inf)


def brute_force_blocks(problem: Problem, allowance: float = 0.0) -> float:
    """The optimum over all selections and all whole numbers of blocks; inf where there is none."""
    best = math.inf
    for row in itertools.product((False, True), repeat=problem.n_clients):
        selected = np.array(row, dtype=bool)
        if (problem.mandatory & ~selected).any() or (selected & ~problem.available).any():
            continue
        if naive.covers(problem, selected):
            best = min(best, best_split(problem, selected, allowance))
    return best
