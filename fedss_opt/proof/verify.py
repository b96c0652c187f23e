"""Follow the steps of a proof that no covering selection fits the carrier at a deadline.

Each client costs at least ``beta_n(T)``, rounded down (`costs`). With the covering constraints as `rows` has them and any
nonnegative worths w of a covered requirement,

    D = sum of the costs of those inside + sum_k w_k + sum_free min(0, cost_n - sum_k w_k A_kn)

is at most what any cover costs. Nothing fits where D exceeds the carrier; a client whose cost beyond its worth lifts D
above the carrier is in no selection that fits, and one whose worth beyond its cost does is in all. Sums are exact
(`math.fsum`) up to their last rounding; every term keeps a margin for its own.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..problem import Problem
from .costs import carrier_hz, least_bandwidths
from .knapsack import costs_at_least
from .rows import covering_row, open_need, surplus
from .steps import MinimalCover, ProofSteps, Screen
from .tree import follow_log

__all__ = ["verify"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ULP = 2.0**-52
_CUT = 4e-12  # of a part's least cost: what its search was cut off by, and the rounding of its figures


def verify(problem: Problem, deadline: float, steps: ProofSteps) -> str | None:
    """Say what is wrong with a proof that no answer finishes by a deadline; None where the proof holds.

    Parameters
    ----------
    problem : Problem
        The round.
    deadline : float
        Seconds; with ``inf`` the claim is that there is no answer at all.
    steps : ProofSteps
        From a search, or from anybody.
    """
    if math.isnan(deadline):
        return "the deadline is not a number"
    if deadline <= 0.0:
        return None if problem.mandatory.any() or (problem.coverage_target > 0.0).any() else "nobody has to upload"
    state = _State(problem, least_bandwidths(problem, deadline))
    if not np.isfinite(state.cost[problem.mandatory]).all():
        return None
    for screen in steps.screens:
        if state.is_short():
            return None
        wrong = state.force(screen)
        if wrong is not None:
            return wrong
        state.state_constraints()
        if state.dual(screen.worths) > state.carrier:
            return None
        wrong = state.decide(screen)
        if wrong is not None:
            return wrong
    if state.is_short():
        return None
    if not steps.screens:
        return "there are no steps"
    return state.add_up(steps)


class _State:
    """Who is decided, and what is left open, after some of the steps."""

    def __init__(self, problem: Problem, cost: FloatArray) -> None:
        self.problem = problem
        self.cost = cost
        self.carrier = carrier_hz(problem)
        self.inside: BoolArray = problem.mandatory.copy()
        self.available: BoolArray = problem.available & np.isfinite(cost)

    def is_short(self) -> bool:
        """Whether some task is short of its target with everybody who is left."""
        relevance, target = self.problem.relevance, self.problem.coverage_target
        return any(
            target[k] > 0.0 and surplus(relevance[k, self.available], float(target[k])) < 0.0 for k in range(target.size)
        )

    def force(self, screen: Screen) -> str | None:
        """Take in the clients that are said to be forced, if each is."""
        named = np.zeros(self.inside.size, dtype=np.bool_)
        named[screen.forced] = True
        named &= ~self.inside
        if not named.any():
            return None
        needed = np.zeros_like(named)
        for k in range(self.problem.tasks):
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
        self.row = np.zeros((problem.tasks, self.free.size))
        self.open = np.zeros(problem.tasks, dtype=np.bool_)
        for k in range(problem.tasks):
            target = float(problem.coverage_target[k])
            need = open_need(problem.relevance[k, self.inside], target) if target > 0.0 else 0.0
            if need > 0.0:
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
            if not (self.value + sign * self.beyond[at] - self.error[at] > self.carrier).all():
                return "a reduced cost does not decide what it is said to"
        self.inside[screen.inside] = True
        self.available[screen.outside] = False
        # Who serves no open task is in no cheapest cover.
        idle = self.free[~(self.row > 0.0).any(axis=0)]
        self.available[idle] = self.inside[idle]
        return None

    def add_up(self, steps: ProofSteps) -> str | None:
        """Tell whether what the parts cost at least, and D of the other tasks, exceed the carrier."""
        self.state_constraints()
        place = np.full(self.inside.size, -1)
        place[self.free] = np.arange(self.free.size)
        total = [self.fixed]
        other_tasks, other_clients = self.open.copy(), np.ones(self.free.size, dtype=np.bool_)
        for part in steps.parts:
            at = place[part.clients]
            at = at[at >= 0]
            if not other_tasks[part.tasks].all() or not other_clients[at].all():
                return "parts overlap"
            other_tasks[part.tasks], other_clients[at] = False, False
            rest = np.ones(self.free.size, dtype=np.bool_)
            rest[at] = False
            if (self.row[np.ix_(part.tasks, np.flatnonzero(rest))] > 0.0).any():
                return "a part leaves out a client that serves it"
            wrong = self._check_part(part, at)
            if wrong is not None:
                return wrong
            total.append(part.least_hz * (1.0 - _CUT))
        if other_tasks.any():
            if (self.row[np.ix_(other_tasks, ~other_clients)] > 0.0).any():
                return "parts share clients with other tasks"
            worths = np.where(other_tasks, np.maximum(steps.screens[-1].worths, 0.0), 0.0)
            total.append(self.dual(worths) - self.fixed)
        reached = math.fsum(total) * (1.0 - 4 * _ULP)
        return None if reached > self.carrier else f"the parts add up to {reached:.12g} of {self.carrier:.12g} Hz"

    def _check_part(self, part: MinimalCover, at: npt.NDArray[np.int64]) -> str | None:
        """Tell whether no cover of a part costs less than it is said to."""
        row, cost = self.row[np.ix_(part.tasks, at)], self.cost[self.free][at]
        least = part.least_hz * (1.0 - _CUT)
        if part.log is None:
            if part.tasks.size != 1:
                return "a part of several tasks has no log"
            return None if costs_at_least(cost, row[0], least) else "a cheaper cover of a task was not excluded"
        order = place_of(part.clients, self.free[at])
        return follow_log(part.log, cost, row, order, least, self._is_cover(part, at))

    def _is_cover(self, part: MinimalCover, at: npt.NDArray[np.int64]) -> object:
        tasks, clients = part.tasks, self.free[at]

        def is_cover(chosen: BoolArray) -> bool:
            selected = self.inside.copy()
            selected[clients[chosen]] = True
            return bool(self.problem.covers(selected)[tasks].all())

        return is_cover


def place_of(clients: npt.NDArray[np.int64], those: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where each client of a log stands among those who are still undecided, -1 where it is not."""
    where = {int(client): j for j, client in enumerate(those)}
    return np.array([where.get(int(client), -1) for client in clients], dtype=np.int64)
