"""Whole resource blocks: tables of times, splits by dynamic programming, and greedy ones.

How many blocks there are, and how many a radio may hold, is worked out in rational numbers. Splits by dynamic
programming know nothing of prices, so greedy splits can be compared with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..array_types import BoolArray, FloatArray, IntArray
from ..problem import BLOCK_ROUNDING, Objective, Problem

__all__ = ["BlockTable", "Split", "best_of", "greedy_split"]


_MOST_BLOCKS = 100_000  # of the tables: N times as many floats


@dataclass(frozen=True)
class BlockTable:
    """Every client's numbers of blocks and what they are worth, of a problem with `resource_block_hz`."""

    problem: Problem

    @cached_property
    def blocks(self) -> int:
        """Whole blocks on the carrier."""
        count = math.floor(self._ratio(self.problem.bandwidth_hz) * (1 + Fraction(BLOCK_ROUNDING)))
        if count > _MOST_BLOCKS:
            raise ValueError(f"{count} blocks: {_MOST_BLOCKS} at most")
        return count

    def _ratio(self, bandwidth_hz: float) -> Fraction:
        return Fraction(float(bandwidth_hz)) / Fraction(float(self.problem.resource_block_hz or 0.0))

    @cached_property
    def cost(self) -> FloatArray:
        """Cost in s, (N, M + 1): finish time (makespan) or weighted time; inf where a limit forbids the number."""
        p, count = self.problem, np.arange(1, self.blocks + 1)
        cost = np.full((p.n_clients, self.blocks + 1), np.inf)
        for m in count:
            upload = p.upload_s(float(m) * float(p.resource_block_hz or 0.0))
            weight = 1.0 if p.objective is Objective.MAKESPAN else p.weights
            # 1e-13: the rounding of an upload time, where a longest upload is reached exactly.
            cost[:, m] = np.where(upload <= p.max_upload_s * (1.0 + 1e-13), weight * (p.compute_s + upload), np.inf)
        for n in range(p.n_clients):
            least = math.ceil(self._ratio(p.min_bandwidth_hz[n]) * (1 - Fraction(BLOCK_ROUNDING)))
            most = self.blocks
            if p.max_bandwidth_hz[n] < p.bandwidth_hz:
                most = min(most, math.floor(self._ratio(p.max_bandwidth_hz[n]) * (1 + Fraction(BLOCK_ROUNDING))))
            cost[n, : min(max(least, 1), self.blocks + 1)] = np.inf
            cost[n, most + 1 :] = np.inf
        return cost

    def least_counts(self, deadline: float = math.inf) -> FloatArray:
        """Least number of blocks with which each client ends before `deadline` (makespan) or at all; inf for none."""
        fits = self.cost < deadline
        return np.where(fits.any(axis=1), fits.argmax(axis=1), np.inf)

    @property
    def able(self) -> BoolArray:
        """Clients that can be selected at all, (N,)."""
        possible: BoolArray = self.problem.available & np.isfinite(self.least_counts())
        return possible


def _extend(table: BlockTable, used: FloatArray, n: int) -> FloatArray:
    """Add client n: least value for every number of blocks in use, from that without it."""
    before = sliding_window_view(np.concatenate([np.full(table.blocks, np.inf), used]), table.blocks + 1)
    cost = table.cost[n, ::-1]
    both = np.maximum(before, cost) if table.problem.objective is Objective.MAKESPAN else before + cost
    least: FloatArray = both.min(axis=1)
    return least


def best_of(table: BlockTable, rows: BoolArray) -> tuple[float, BoolArray]:
    """Return the value and the best of many selections: the dynamic program is shared by those that begin alike."""
    start = np.zeros(table.blocks + 1)
    start[1:] = np.inf
    best, chosen = math.inf, np.zeros(table.problem.n_clients, dtype=bool)
    stack: list[tuple[FloatArray, BoolArray, int]] = [(start, rows, 0)]
    while stack:
        used, alike, n = stack.pop()
        # Whoever else joins adds cost: a beginning that is no better cannot end better.
        if not len(alike) or not float(used.min()) < best:
            continue
        if n == table.problem.n_clients:
            best, chosen = float(used.min()), alike[0]
            continue
        stack.append((used, alike[~alike[:, n]], n + 1))
        with_it = alike[alike[:, n]]
        if len(with_it):
            stack.append((_extend(table, used, n), with_it, n + 1))
    return best, chosen


class Split(NamedTuple):
    """How blocks are shared: the value in s (inf: they do not fit), what a block is worth, s, and counts, (N,).

    A block is worth what the last one saved, or one more would save where there is none to hand out, or 0 where some
    are left over.
    """

    value: float
    saved: float
    counts: IntArray


def greedy_split(table: BlockTable, selected: BoolArray) -> Split:
    """Split block by block: to the last to finish (makespan), or to whom it shortens most (total)."""
    members = np.flatnonzero(selected)
    least, counts = table.least_counts()[members], np.zeros(selected.size, dtype=np.int64)
    if not np.isfinite(least).all() or least.sum() > table.blocks:
        return Split(math.inf, math.inf, counts)
    mine = least.astype(np.int64)
    makespan = table.problem.objective is Objective.MAKESPAN
    cost = np.hstack([table.cost[members], np.full((members.size, 1), np.inf)])
    rows = np.arange(members.size)
    saved = max(0.0, float((cost[rows, mine] - cost[rows, mine + 1]).max(initial=0.0)))
    for _ in range(table.blocks - int(mine.sum()) if members.size else 0):
        now, then = cost[rows, mine], cost[rows, mine + 1]
        i = int(np.argmax(now if makespan else now - then))
        if not np.isfinite(then[i]):
            saved = 0.0  # the slowest, or everybody, has all it may have
            break
        mine[i], saved = mine[i] + 1, float(now[i] - then[i])
    counts[members], final = mine, cost[rows, mine]
    return Split(float(final.max(initial=0.0) if makespan else final.sum()), saved, counts)
