"""One step of the exact makespan loop: screen at a deadline just below the incumbent's, and solve what is left.

Any answer better than T by a fraction needs, at T less that fraction, a covering selection that costs less than the
carrier. With slack = B - D, a client whose reduced cost is at least the slack is in none of them, and one whose
negative is at least the slack is in all (section 6). The rest is a covering knapsack: one task has its own dynamic
program, several have a tree search.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..cells import cell_of
from ..certification import to_cell_units
from ..kernels import Cell, make_work
from ..kernels.cover_state import FOUND, FOUND_AT, NODES, CoverTree, make_cover_tree
from ..kernels.cover_tree import advance_cover
from ..kernels.knapsack import covering_knapsack
from ..kernels.lattice import to_levels
from ..kernels.relaxation import reduce_costs, relax_at
from ..solution import Certificate

if TYPE_CHECKING:
    from .exact import Incumbent

__all__ = ["Verdict", "improve_makespan"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_MAX_STATES = 50_000_000  # of the dynamic program: 400 MB of links
_MARGIN = 1e-12  # relative: sums of costs are compared no closer than their rounding
_PATIENCE = 1000  # nodes that a cover is given in any case
_NEVER = np.zeros(1, dtype=np.bool_)
_SLICE_S = 0.04  # of work between two looks at the clock


class Verdict(Enum):
    """What a step found."""

    PROVEN = "proven"
    BETTER = "better"
    STUCK = "stuck"


def improve_makespan(incumbent: Incumbent, certificate: Certificate, precision: float, time_left_s: float) -> Verdict:
    """Prove the incumbent optimal up to a relative precision, or replace it by a better one."""
    problem = incumbent.problem
    deadline = incumbent.objective_s * (1.0 - precision)
    cell, _ = cell_of(problem)
    work = make_work(cell)
    work.mu[:] = to_cell_units(cell, certificate.multipliers)
    value = relax_at(cell, work, deadline)
    carrier = cell.total_hz * (1.0 + _MARGIN)
    if value > carrier:
        incumbent.raise_bound(deadline)
        return Verdict.PROVEN
    reduce_costs(cell, work)  # the ascent may have left those of perturbed costs
    cost, reduced = work.cost[: cell.free], work.reduced
    slack = carrier - value
    inside = reduced <= -slack
    core = np.flatnonzero(~inside & (reduced < slack) & np.isfinite(cost))
    fixed = cost[inside].sum() + work.cost[cell.free :].sum()
    need = 1.0 - cell.relevance[inside].sum(axis=0) - _MARGIN * 0.1
    limit = carrier + 0.5 * cell.block_hz  # as many blocks as there are may be spent, one more may not
    chosen = _cover(cost[core], cell.relevance[core], need, limit - fixed, work.mu, time_left_s)
    if chosen is None:
        return Verdict.STUCK
    if not chosen.any() and (fixed >= limit or (need > 0.0).any()):
        incumbent.raise_bound(deadline)
        return Verdict.PROVEN
    picked = inside.copy()
    picked[core] = chosen
    return Verdict.BETTER if incumbent.take(_to_selection(cell, picked, problem.clients)) else Verdict.STUCK


def _to_selection(cell: Cell, picked: BoolArray, clients: int) -> BoolArray:
    selected = np.zeros(clients, dtype=np.bool_)
    selected[cell.client[: cell.free][picked]] = True
    selected[cell.client[cell.free :]] = True
    return selected


def _cover(
    cost: FloatArray, relevance: FloatArray, need: FloatArray, limit: float, mu: FloatArray, time_left_s: float
) -> BoolArray | None:
    """Return a cover cheaper than a limit, an empty one where there is proven to be none, None when undecided."""
    nothing = np.zeros(cost.size, dtype=np.bool_)
    open_tasks = np.flatnonzero(need > 0.0)
    if open_tasks.size == 0 or limit <= 0.0:
        return nothing
    if (relevance[:, open_tasks].sum(axis=0) < need[open_tasks]).any():
        return nothing
    useful = np.flatnonzero(relevance[:, open_tasks].any(axis=1))
    levels, needed, step = to_levels(np.ascontiguousarray(relevance[np.ix_(useful, open_tasks)]), need[open_tasks])
    cost = np.ascontiguousarray(cost[useful])
    if open_tasks.size == 1:
        verdict, _, picked, _ = covering_knapsack(
            cost, levels[:, 0].copy(), float(needed[0]), float(mu[open_tasks[0]] * step[0]), limit, _MAX_STATES, _NEVER
        )
        decided = None if verdict < 0 else picked if verdict == 1 else nothing[useful]
    else:
        decided = _search(make_cover_tree(cost, levels, needed, limit), time_left_s)
    if decided is None:
        return None
    nothing[useful] = decided
    return nothing


def _search(tree: CoverTree, time_left_s: float) -> BoolArray | None:
    """Search until nothing cheaper is left, or until a cover has stood for as long as it took to find it.

    Then its makespan is a lower deadline, whose screening and limit are worth more than going on here.
    """
    stop = time.perf_counter() + time_left_s
    nodes, ended = 1, False
    while not ended:
        started = time.perf_counter()
        if started >= stop:
            break
        ended = advance_cover(tree, nodes)
        if tree.tally[FOUND] and tree.tally[NODES] > 2 * tree.tally[FOUND_AT] + _PATIENCE:
            break
        if time.perf_counter() - started < 0.5 * _SLICE_S:  # nodes shrink and grow; Ctrl-C is heard in between
            nodes *= 2
        elif time.perf_counter() - started > _SLICE_S:
            nodes = max(nodes // 2, 1)
    return tree.best if ended or tree.tally[FOUND] else None
