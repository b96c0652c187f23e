"""Follow the steps of a proof that no covering selection fits the carrier at a deadline.

Each client costs at least ``beta_n(T)``, rounded down (`deadline_costs`). With the covering constraints as `rows` has
them and any nonnegative worths w of a covered requirement,

    D = sum of the costs of those inside + sum_k w_k + sum_free min(0, cost_n - sum_k w_k A_kn)

is at most what any cover costs. Nothing fits where D exceeds the carrier; a client whose cost beyond its worth lifts D
above the carrier is in no selection that fits, and one whose worth beyond its cost does is in all. Sums are exact
(`math.fsum`) up to their last rounding; every term keeps a margin for its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..array_types import BoolArray, IntArray
from ..problem import Problem
from .deadline_costs import least_bandwidths
from .node import ProofNode
from .one_task import costs_at_least
from .steps import MinimalCover, ProofSteps, Screen
from .tree_log import follow_log

__all__ = ["verify"]


_ULP = 2.0**-52
_CUT = 2e-12  # of a part's least cost: the 1e-12 that its search was cut off by, and the rounding of its figures


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
    parts: tuple[Screen | MinimalCover, ...] = (*steps.screens, *steps.parts)
    if not all(part.fits(problem.n_clients, problem.n_tasks) for part in parts):
        return "a step is not about a problem of this size, or holds what is no number"
    state = ProofNode(problem, least_bandwidths(problem, deadline))
    if not np.isfinite(state.cost[problem.mandatory]).all():
        return None
    for screen in steps.screens:
        if state.is_short():
            return None
        wrong = state.force(screen)
        if wrong is not None:
            return wrong
        state.state_constraints()
        if state.is_full() or state.dual(screen.worths) > state.carrier:
            return None
        wrong = state.decide(screen)
        if wrong is not None:
            return wrong
    if state.is_short() or state.is_full():
        return None
    if not steps.screens:
        return "there are no steps"
    return _add_up(state, steps)


def _add_up(state: ProofNode, steps: ProofSteps) -> str | None:
    """Tell whether what the parts cost at least, and D of the other tasks, exceed the carrier."""
    state.state_constraints()
    place = np.full(state.inside.size, -1)
    place[state.free] = np.arange(state.free.size)
    total = [state.fixed]
    # Of the other tasks only those with a worth raise the sum, and any of them may be left out.
    other_tasks = state.open & (steps.screens[-1].worths > 0.0)
    still_open = state.open.copy()
    other_clients = np.ones(state.free.size, dtype=np.bool_)
    for part in steps.parts:
        at = place[part.clients]
        at = at[at >= 0]
        if not still_open[part.tasks].all() or not other_clients[at].all():
            return "parts overlap, or are about tasks that are served"
        still_open[part.tasks], other_tasks[part.tasks], other_clients[at] = False, False, False
        rest = np.ones(state.free.size, dtype=np.bool_)
        rest[at] = False
        if (state.row[np.ix_(part.tasks, np.flatnonzero(rest))] > 0.0).any():
            return "a part leaves out a client that serves it"
        wrong = _check_part(state, part, at)
        if wrong is not None:
            return wrong
        total.append(part.least_hz * (1.0 - _CUT))
    if other_tasks.any():
        if (state.row[np.ix_(other_tasks, ~other_clients)] > 0.0).any():
            return "parts share clients with other tasks"
        worths = np.where(other_tasks, np.maximum(steps.screens[-1].worths, 0.0), 0.0)
        total.append(state.dual(worths) - state.fixed)
    reached = math.fsum(total) * (1.0 - 4 * _ULP)
    return None if reached > state.carrier else f"the parts add up to {reached:.12g} of {state.carrier:.12g} Hz"


def _check_part(state: ProofNode, part: MinimalCover, at: IntArray) -> str | None:
    """Tell whether no cover of a part costs less than it is said to."""
    row, cost = state.row[np.ix_(part.tasks, at)], state.cost[state.free][at]
    least = part.least_hz * (1.0 - _CUT)
    if not least < math.inf:
        return "a part's least cost is not a number"
    if part.log is None:
        if part.tasks.size != 1:
            return "a part of several tasks has no log"
        return None if costs_at_least(cost, row[0], least) else "a cheaper cover of a task was not excluded"
    order = _place_of(part.clients, state.free[at])
    return follow_log(part.log, cost, row, order, least, _is_cover(state, part, at))


def _is_cover(state: ProofNode, part: MinimalCover, at: IntArray) -> Callable[[BoolArray], bool]:
    tasks, clients = part.tasks, state.free[at]

    def is_cover(chosen: BoolArray) -> bool:
        selected = state.available.copy()  # whoever else may be selected: some serve the tasks by next to nothing
        selected[clients] = chosen
        return bool(state.problem.covers(selected)[tasks].all())

    return is_cover


def _place_of(clients: IntArray, those: IntArray) -> IntArray:
    """Return where each client of a log stands among those who are still undecided, -1 where it is not."""
    where = {int(client): j for j, client in enumerate(those)}
    return np.array([where.get(int(client), -1) for client in clients], dtype=np.int64)
