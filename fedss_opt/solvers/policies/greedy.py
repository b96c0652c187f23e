"""The greedy scheduling of Shi et al.: always add the client that lengthens the round least."""

from __future__ import annotations

import math

import numpy as np

from ...array_types import BoolArray, FloatArray, IntArray
from ...cells import carrier_hz, selection_cell
from ...kernels import Cell, selection_theta
from ...kernels.oracle import cost_pass
from ...kernels.roots import selection_value
from ...problem import Objective, Problem
from ...solution import Solution
from ..options import Options
from .covering import Refusal, optimal_split, refuse_late, run, time_alone_s

__all__ = ["greedy"]


def greedy(problem: Problem, options: Options) -> Solution:
    """Add the client that lengthens the round least under optimal bandwidths, until the tasks are covered.

    W. Shi, S. Zhou, Z. Niu, M. Jiang, L. Geng, "Joint Device Scheduling and Resource Allocation for Latency
    Constrained Wireless Federated Learning", IEEE TWC 20(1), 2021, their greedy scheduling; only clients
    who still help an uncovered task are asked. For total latency, the client that adds least to it.

    Notes
    -----
    To try every client at every step would take N^2 root solves. Let A be the selection so far and T(A + n)
    the best makespan with n added, the root of ``sum_A beta(T) + beta_n(T) = B`` (section 3.2 of the
    mathematics). The left side decreases in T, so (where no radio's greatest bandwidth binds)

        T(A + m) < T(A + n)   iff   beta_m(T') < beta_n(T')   at   T' = T(A + n).

    Hence a client of least beta at its *own* deadline is the best one; a client of least beta at the
    present deadline is a good first guess, and the client of least beta at the guess's deadline a strictly
    better one. The guesses end after one or two root solves and as many passes over the clients, at the
    exact choice. Of clients who lengthen the round equally, one that needs little bandwidth is taken.

    For total latency the same holds with phi_n(lambda) for beta_n(T): the best total is the maximum over
    lambda of ``sum_A phi(lambda) + phi_n(lambda) - lambda B``, so a client of least phi at its own price is
    the best. There the guesses may end early, at a client which is the best of those tried.
    """
    return run(problem, options, "greedy", _select, optimal_split)


def _select(problem: Problem, usable: BoolArray, _options: Options, stop: BoolArray) -> BoolArray:
    # Of everybody, but nobody has to be in it with all others: their least bandwidths may exceed the carrier together.
    cell = selection_cell(problem, problem.available, stop)._replace(total_hz=carrier_hz(problem))
    refuse_late(stop)
    state = _Step(
        cell, problem.mandatory, (problem.compute_s + time_alone_s(problem))[cell.client] * _weights(problem, cell)
    )
    selected = problem.mandatory.copy()
    relevance = problem.relevance[:, cell.client]
    while not (covered := problem.covers(selected)).all():
        refuse_late(stop)
        helpful = ~selected[cell.client] & (relevance[~covered] > 0.0).any(axis=0)
        selected[cell.client[state.add(np.flatnonzero(helpful))]] = True
    return selected


class _Step:
    """The members so far, and the search for the next one."""

    def __init__(self, cell: Cell, mandatory: BoolArray, alone: FloatArray) -> None:
        size = cell.client.size
        self.cell = cell
        self.alone = alone
        self.members: IntArray = np.empty(size, dtype=np.int64)
        first = np.flatnonzero(mandatory[cell.client])
        self.count = first.size
        self.members[: self.count] = first
        self.theta = selection_theta(cell, self.members, self.count, math.nan)
        self.cost = np.empty(size)
        self.slope = np.empty(size)

    def add(self, candidates: IntArray) -> int:
        """Add the best candidate to the members and return it."""
        room = self.cell.total_hz - self.cell.low[self.members[: self.count]].sum()
        best, theta = self._best(candidates[self.cell.low[candidates] <= room])
        refuse_late(self.cell.stop)
        if best < 0:
            raise Refusal(
                f"after {self.count} clients no further one fits into {self.cell.total_hz:g} Hz with its "
                "upload limit and bandwidth bounds; another selection may fit"
            )
        self.members[self.count] = best
        self.count += 1
        self.theta = theta
        return best

    def _best(self, candidates: IntArray) -> tuple[int, float]:
        """Best candidate and the theta with it; -1 where none fits."""
        best, least, at = -1, math.inf, self.theta
        guess = self._cheapest(candidates, self.theta)
        while guess >= 0 and guess != best:
            self.members[self.count] = guess
            theta = selection_theta(self.cell, self.members, self.count + 1, self.theta)
            value = selection_value(self.cell, self.members, self.count + 1, theta)
            if not value < least:
                break
            best, least, at = guess, value, theta
            guess = self._cheapest(candidates, theta)
        return best, at

    def _cheapest(self, candidates: IntArray, theta: float) -> int:
        """Candidate of least cost at theta, the fastest where theta excludes them all; -1 without any."""
        if candidates.size == 0:
            return -1
        if theta > 0.0:
            cost_pass(self.cell, theta, self.cost, self.slope)
            guess = int(candidates[np.argmin(self.cost[candidates])])
            if self.cost[guess] < math.inf:
                return guess
        return int(candidates[np.argmin(self.alone[candidates])])


def _weights(problem: Problem, cell: Cell) -> FloatArray:
    total = problem.objective is Objective.TOTAL
    return problem.weights[cell.client] if total else np.ones(cell.client.size)
