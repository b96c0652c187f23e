"""Can some covering selection be served by a deadline? Screening, components, and a search of what is left.

At a deadline T a selection costs the least bandwidths of its clients. With ``slack = B - D``, a client whose reduced
cost is at least the slack is in no selection that fits, and one whose negative is at least the slack is in all (section
6).
What is left falls apart into *components*: tasks that share no client. The least cost of a whole is the sum of theirs,

    min sum_n beta_n(T) a_n = sum_j m_j(T),

so nothing fits as soon as bounds ``LB_j <= m_j`` add up to more than the carrier. One component after the other is
solved within what the others' bounds leave: one task by its dynamic program, several by a tree search.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from ..cells import cell_of_node, problem_arrays
from ..certification import to_cell_units, to_problem_units
from ..kernels import EPS, MAKESPAN, Cell, Work, make_work
from ..kernels.cover_state import FOUND, FOUND_AT, LOGGED, NODES, PROPOSED, CoverTree, answer_proposal, make_cover_tree
from ..kernels.cover_tree import advance_cover
from ..kernels.dual import certified_value
from ..kernels.knapsack import covering_knapsack
from ..kernels.lattice import to_levels
from ..kernels.opening import set_price
from ..kernels.relaxation import reduce_costs, relax_at
from ..problem import Objective, Problem
from ..proof import MinimalCover, ProofSteps, Screen, least_bandwidths
from .stopping import Stop

__all__ = ["Finding", "find_selection"]


_MAX_STATES = 50_000_000  # of the dynamic program: 400 MB of links
# Relative to the carrier. What costs less is looked at, so that "nothing" stands above all that rounding can do: costs
# within 4 ulp, sums of a million of them within 3e-13 of their size, and the 1e-12 that a search is cut off by.
_BEYOND = 4e-12
_ROUNDING = 2e-13  # of the carrier: what a component's least cost may be overstated by
_PATIENCE = 1000  # nodes that a cover is given in any case
_SLICE_S = 0.04  # of work between two looks at the clock
_SMALL = 400  # clients of a core that is screened again whenever that decides anybody: it costs next to nothing
_LOG_ROWS = 20_000  # of a tree between two looks at its log
_LONGEST_LOG = 2_000_000  # rows of a proof; a longer one is given up


class Finding(Enum):
    """What a search came to."""

    NOTHING = "nothing"
    """No selection that covers the tasks can be served by the deadline: proven."""
    SELECTION = "selection"
    """Here is one that may be, cheaper than all others that were seen."""
    UNDECIDED = "undecided"
    """Neither, for want of time or memory."""


@dataclass(frozen=True)
class _Core:
    """What screening leaves: a cell of the undecided clients and of those in every selection that fits."""

    problem: Problem
    cell: Cell
    cost: FloatArray
    mu: FloatArray
    inside: BoolArray
    available: BoolArray
    room_hz: float
    """What a selection of the undecided may cost, to be looked at."""

    def selection(self, chosen: BoolArray | IntArray) -> BoolArray:
        """Return everybody who is in every selection, and the chosen of the free clients."""
        selected = self.inside.copy()
        selected[self.cell.client[: self.cell.free][chosen]] = True
        return selected


@dataclass(frozen=True)
class _Component:
    """Open tasks and undecided clients that no other ones share, as positions in the core's cell."""

    tasks: IntArray
    clients: IntArray


def find_selection(
    problem: Problem, deadline: float, multipliers: FloatArray, stop: float, steps: ProofSteps | None = None
) -> tuple[Finding, BoolArray | None]:
    """Look for a covering selection whose least bandwidths at a deadline fit the carrier.

    Parameters
    ----------
    problem : Problem
        The round; its objective does not matter.
    deadline : float
        Seconds; ``inf`` asks whether limits and requirements can be met at all.
    multipliers : ndarray, (K,)
        Nonnegative, per unit of relevance: where the relaxation starts from.
    stop : float
        Reading of `time.perf_counter` at which to give up.
    steps : ProofSteps, optional
        Takes down why there is nothing, for `fedss_opt.proof.verify`. Then the search stops at the first selection.

    Returns
    -------
    finding : Finding
    selection : ndarray of bool, (N,), or None
        It serves every task in exact arithmetic and costs at most the carrier, or within 4e-12 more.
    """
    if problem.objective is Objective.TOTAL:  # costs are least bandwidths here, whatever an answer is measured by
        problem = problem.replace(objective=Objective.MAKESPAN)
    with Stop(stop) as watch:
        core = _screen(problem, deadline, multipliers, watch.flag, steps)
        if core is None or core.room_hz <= 0.0:
            return Finding.NOTHING, None
        return _search(core, steps)


def _search(core: _Core, steps: ProofSteps | None) -> tuple[Finding, BoolArray | None]:
    """Find the cheapest cover of one component after the other, within what the bounds of the others leave."""
    problem = core.problem
    components = _components(core)
    whole = len(components) == 1
    bounds = [0.0 if whole else _least_cost(core, part) for part in components]
    chosen = np.zeros(core.cell.free, dtype=np.bool_)
    for j in sorted(range(len(components)), key=lambda j: components[j].clients.size):
        part = components[j]
        room = core.room_hz - math.fsum(bounds[:j] + bounds[j + 1 :])
        finding, cover, cost = _solve(core, part, room, patient=not whole or steps is not None)
        if finding is Finding.UNDECIDED:
            return finding, None
        if steps is not None:
            least = room if cover is None else cost - _ROUNDING * problem.bandwidth_hz
            if not _record(core, part, least, steps):
                return Finding.UNDECIDED, None
        if cover is None:
            return Finding.NOTHING, None
        bounds[j] = cost - _ROUNDING * problem.bandwidth_hz
        chosen[cover] = True
    if math.fsum(bounds) >= core.room_hz:
        return Finding.NOTHING, None
    selection = core.selection(chosen)
    # Each task was covered in exact arithmetic, but for those that presolve left out by a hair.
    return (Finding.SELECTION, selection) if problem.covers(selection).all() else (Finding.UNDECIDED, None)


def _screen(
    problem: Problem, deadline: float, multipliers: FloatArray, stop: BoolArray, steps: ProofSteps | None
) -> _Core | None:
    """Decide clients by their reduced costs until that stops paying; None where nothing fits."""
    inside, available = problem.mandatory, problem.available
    arrays = problem_arrays(problem, inside, available, problem.required, stop)
    reached = False
    while True:
        cell, short = cell_of_node(arrays, inside, available)
        if short.any():
            return None
        work = make_work(cell)
        work.mu[:] = to_cell_units(cell, multipliers)
        cost = work.cost
        if not reached:  # who cannot make it is gone, and others may then be forced: a relaxation comes after that
            reached = True
            set_price(cell, work, deadline)
            late = np.isinf(cost)
            if late[cell.free :].any():
                return None
            if late.any():
                available = available.copy()
                available[cell.client[late]] = False
                continue
        value = relax_at(cell, work, deadline)
        if not np.isfinite(value):  # the ascent came to no end: its last multipliers still prove something
            work.mu[:] = np.where(np.isfinite(work.mu), np.maximum(work.mu, 0.0), 0.0)
        multipliers = to_problem_units(cell, work.mu, problem.n_tasks)
        work.mu[:] = to_cell_units(cell, multipliers)
        value, _, error = certified_value(cell, MAKESPAN, work.mu, deadline)
        limit = cell.total_hz * (1.0 + _BEYOND) + 0.5 * cell.block_hz  # as many blocks as there are, and no more
        slack = limit - (value - error)
        step = Screen.of(cell.task, work.mu, problem.n_tasks, forced=cell.client[cell.free :])
        if steps is not None:
            steps.screens.append(step)
        if slack <= 0.0:
            return None
        reduce_costs(cell, work)
        doubt = 16.0 * EPS * (1 + work.mu.size) * (2.0 * cost[: cell.free] + np.abs(work.reduced))
        taken, left = -work.reduced - doubt >= slack, work.reduced - doubt >= slack
        decided = int(np.count_nonzero(taken) + np.count_nonzero(left))
        inside, available = inside.copy(), available.copy()
        inside[cell.client[cell.free :]] = True  # the forced clients
        inside[cell.client[: cell.free][taken]] = True
        step.inside, step.outside = cell.client[: cell.free][taken], cell.client[: cell.free][left]
        available[step.outside] = False
        if decided <= 0.1 * cell.free and not (decided and cell.free <= _SMALL):
            break
    if decided:
        cell, short = cell_of_node(arrays, inside, available)
        if short.any():
            return None
        work = _carry_over(cell, deadline, multipliers)
    if steps is not None:
        steps.screens.append(Screen.of(cell.task, work.mu, problem.n_tasks, forced=cell.client[cell.free :]))
    cost = work.cost
    if steps is not None:  # the proof's own, rounded down: a search that stops at its limit would be a hair beyond them
        proven = least_bandwidths(problem, deadline)[cell.client]
        cost = np.where(np.isfinite(proven), proven, cost)
    fixed = math.fsum(cost[cell.free :].tolist())
    inside[cell.client[cell.free :]] = True
    return _Core(problem, cell, cost[: cell.free].copy(), work.mu, inside, available, limit - fixed)


def _carry_over(cell: Cell, deadline: float, multipliers: FloatArray) -> Work:
    """Price a new cell at the deadline, with the multipliers that its clients were screened by."""
    work = make_work(cell)
    set_price(cell, work, deadline)
    work.mu[:] = to_cell_units(cell, multipliers)
    return work


def _components(core: _Core) -> list[_Component]:
    """Split the open tasks, and the undecided clients with them, by who shares a client."""
    serves = core.cell.relevance > 0.0
    if core.cell.aim.size == 0:
        return []
    shared = serves.astype(np.float32)
    joined = shared.T @ shared > 0.0
    np.fill_diagonal(joined, True)
    while not np.array_equal(joined, further := joined @ joined):  # friends of friends, to the end
        joined = further
    if joined.all():
        return [_Component(tasks=np.arange(joined.shape[0]), clients=np.arange(core.cell.free))]
    label = joined.argmax(axis=1)  # of every task the first one that it is joined to
    of_client = label[serves.argmax(axis=1)] if serves.size else label[:0]
    return [
        _Component(tasks=np.flatnonzero(label == first), clients=np.flatnonzero(of_client == first))
        for first in np.unique(label)
    ]


def _least_cost(core: _Core, part: _Component) -> float:
    """Return the component's dual value: what its cheapest cover costs at least, less what rounding can have added."""
    mu = core.mu[part.tasks]
    reduced = core.cost[part.clients] - core.cell.relevance[np.ix_(part.clients, part.tasks)] @ mu
    saved = reduced[reduced < 0.0].tolist()
    worth = math.fsum(mu.tolist())
    doubt = 16.0 * EPS * (1 + mu.size) * (worth - math.fsum(saved)) + _ROUNDING * core.problem.bandwidth_hz
    return max(math.fsum([worth, *saved]) - doubt, 0.0)


def _solve(core: _Core, part: _Component, room: float, *, patient: bool) -> tuple[Finding, IntArray | None, float]:
    """Find the component's cheapest cover that costs less than `room`: its clients in the cell, and its cost.

    With NOTHING there is none, and the whole does not fit. `patient` goes on to the optimum whatever has been found.
    """
    if room <= 0.0:
        return Finding.NOTHING, None, room
    cost, levels, needed, mu = _knapsack(core, part)
    if part.tasks.size == 1:
        verdict, best, picked, _ = covering_knapsack(
            cost, levels[:, 0].copy(), needed[0], mu[0], room, _MAX_STATES, core.cell.stop
        )
        if verdict == 0:
            return Finding.NOTHING, None, room
        if verdict == 1 and _covers(core, part)(picked):
            return Finding.SELECTION, part.clients[picked], best
    tree = make_cover_tree(cost, levels, needed, room, 0)
    ended = _run(tree, _covers(core, part), core.cell.stop, patient=patient)
    if tree.tally[FOUND]:
        best = math.fsum(cost[tree.best].tolist())
        return (Finding.SELECTION if ended or not patient else Finding.UNDECIDED), part.clients[tree.best], best
    return (Finding.NOTHING if ended else Finding.UNDECIDED), None, room


def _knapsack(core: _Core, part: _Component) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return a component's costs, relevances (whole levels where they are quantised), needs and multipliers."""
    relevance = np.ascontiguousarray(core.cell.relevance[np.ix_(part.clients, part.tasks)])
    levels, needed, step = to_levels(relevance, np.ones(part.tasks.size))
    return core.cost[part.clients], levels, needed, core.mu[part.tasks] * step


def _covers(core: _Core, part: _Component) -> Callable[[BoolArray], bool]:
    """Return what tells whether some of a component's clients cover its tasks, in exact arithmetic."""
    others = core.available.copy()
    others[core.cell.client[: core.cell.free][part.clients]] = False
    tasks = core.cell.task[part.tasks]

    def covers(picked: BoolArray) -> bool:
        selected = core.inside | others
        selected[core.cell.client[: core.cell.free][part.clients[picked]]] = True
        return bool(core.problem.covers(selected)[tasks].all())

    return covers


def _run(tree: CoverTree, covers: Callable[[BoolArray], bool], stop: BoolArray, *, patient: bool) -> bool:
    """Search until nothing cheaper is left, or until a cover has stood for as long as it took to find it.

    The latter unless `patient`: its makespan is then a lower deadline, whose screening and limit are worth more than
    going on here. Tells whether the search has come to its end.
    """
    nodes, ended = 1, False
    while not ended and not stop[0]:
        started = time.perf_counter()
        ended = advance_cover(tree, nodes)
        if tree.tally[PROPOSED]:
            answer_proposal(tree, covers(tree.offer))
            continue
        if not patient and tree.tally[FOUND] and tree.tally[NODES] > 2 * tree.tally[FOUND_AT] + _PATIENCE:
            break
        if time.perf_counter() - started < 0.5 * _SLICE_S:  # nodes shrink and grow; Ctrl-C is heard in between
            nodes *= 2
        elif time.perf_counter() - started > _SLICE_S:
            nodes = max(nodes // 2, 1)
    return ended


def _record(core: _Core, part: _Component, least: float, steps: ProofSteps) -> bool:
    """Write down why no cover of a component costs less than `least`; False where that takes too long, or is not so.

    One task mostly needs no steps: who verifies solves the knapsack anew. For several the tree is searched again, with
    the limit that is already known to be out of reach, so that its log holds from the first row to the last.
    """
    cost, levels, needed, mu = _knapsack(core, part)
    rows: list[FloatArray] = []
    excluded = -1
    if part.tasks.size == 1:
        excluded, _, _, _ = covering_knapsack(
            cost, levels[:, 0].copy(), needed[0], mu[0], least, _MAX_STATES, core.cell.stop
        )
    if excluded != 0:
        tree = make_cover_tree(cost, levels, needed, least, max(_LOG_ROWS, 2 * cost.size + 64))
        per_requirement = tree.need.copy()  # the tree scales its rows
        ended, length = False, 0
        while not ended:
            if core.cell.stop[0] or length > _LONGEST_LOG:
                return False
            ended = advance_cover(tree, 10_000)
            if tree.tally[PROPOSED]:
                if _covers(core, part)(tree.offer):
                    return False
                answer_proposal(tree, False)
            log = tree.log[: tree.tally[LOGGED]].copy()
            log[:, 2:] *= per_requirement
            rows.append(log)
            length += log.shape[0]
            tree.tally[LOGGED] = 0
    steps.parts.append(
        MinimalCover(
            tasks=core.cell.task[part.tasks],
            clients=core.cell.client[: core.cell.free][part.clients],
            least_hz=least,
            log=np.concatenate(rows) if rows else None,
        )
    )
    return True
