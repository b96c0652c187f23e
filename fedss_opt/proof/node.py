"""What a proof has decided so far, and what that leaves open: each step is believed only where figures say the same."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..problem import Problem
from .deadline_costs import carrier_hz
from .rows import covering_row, open_need, surplus
from .steps import Screen

__all__ = ["ProofNode"]


_ULP = 2.0**-52


class ProofNode:
    """Who is decided, and what is left open, after some of the steps.

    Parameters
    ----------
    problem : Problem
        The round.
    cost : ndarray, (N,)
        What each client costs, rounded down; ``inf`` for those who are out of reach.

    Attributes
    ----------
    limit : float
        What selections of interest cost at most: the carrier, unless told otherwise.
    """

    def __init__(self, problem: Problem, cost: FloatArray) -> None:
        self.problem = problem
        self.cost = cost
        self.carrier = carrier_hz(problem)
        self.limit = self.carrier
        self.inside: BoolArray = problem.mandatory.copy()
        self.available: BoolArray = problem.available & np.isfinite(cost)

    def is_short(self) -> bool:
        """Tell whether some task is short of its target with everybody who is left."""
        relevance, target = self.problem.relevance, self.problem.coverage_target
        return any(
            target[k] > 0.0 and surplus(relevance[k, self.available], float(target[k])) < 0.0
            for k in range(target.size)
        )

    def is_full(self) -> bool:
        """Tell whether those inside alone exceed the carrier: to the last digit, as least bandwidths may fill it."""
        return math.fsum([*self.cost[self.inside].tolist(), -self.carrier]) > 0.0

    def force(self, screen: Screen) -> str | None:
        """Take in the clients that are said to be forced, if each is."""
        named = np.zeros(self.inside.size, dtype=np.bool_)
        named[screen.forced] = True
        named &= ~self.inside
        if not named.any():
            return None
        needed = np.zeros_like(named)
        for k in range(self.problem.n_tasks):
            target = float(self.problem.coverage_target[k])
            if target > 0.0:
                needed |= self.problem.relevance[k] > surplus(self.problem.relevance[k, self.available], target)
        if (named & ~(needed & self.available)).any():
            return "a client that is said to be forced is not"
        self.inside |= named
        return None

    def state_constraints(self) -> None:
        """Write the open tasks' constraints on the free clients, and what those inside cost."""
        problem = self.problem
        self.free = np.flatnonzero(self.available & ~self.inside)
        self.fixed = math.fsum(self.cost[self.inside].tolist()) * (1.0 - _ULP)
        self.row = np.zeros((problem.n_tasks, self.free.size))
        self.open = np.zeros(problem.n_tasks, dtype=np.bool_)
        for k in range(problem.n_tasks):
            target = float(problem.coverage_target[k])
            need = open_need(problem.relevance[k, self.inside], target) if target > 0.0 else Fraction(0)
            if need > 0:
                self.open[k] = True
                self.row[k] = covering_row(problem.relevance[k, self.free], need)

    def dual(self, worths: FloatArray) -> float:
        """Return D, rounded down; keep every free client's cost beyond its worth, and that difference's error."""
        worths = np.where(self.open & np.isfinite(worths), np.maximum(worths, 0.0), 0.0)
        worth = worths @ self.row
        cost = self.cost[self.free]
        self.beyond = cost - worth
        self.error = _ULP * (worths.size + 4) * (cost + worth)
        saved = np.minimum(self.beyond - self.error, 0.0)
        self.value = math.fsum([self.fixed, *worths.tolist(), *saved.tolist()])
        self.value -= _ULP * abs(self.value)
        return self.value

    def decide(self, screen: Screen) -> str | None:
        """Decide the clients that the screen names, if each one's reduced cost does."""
        place = np.full(self.inside.size, -1)
        place[self.free] = np.arange(self.free.size)
        for named, sign in ((screen.inside, -1.0), (screen.outside, 1.0)):
            at = place[named]
            if (at < 0).any():
                return "a client is decided twice"
            lift = np.maximum(sign * self.beyond[at], 0.0)  # of the bound, with the client held at the other side
            if not (self.value + lift - self.error[at] > self.limit).all():
                return "a reduced cost does not decide what it is said to"
        self.inside[screen.inside] = True
        self.available[screen.outside] = False
        return None
