"""Branch and bound for total latency: the dual bound of section 5 at every node, on a cell with clients fixed.

Fixing clients makes a new, smaller cell (in: mandatory, out: unavailable), so a node needs nothing that the root does
not: the same relaxation, the same screening, the same rounding.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..cells import cell_of_node
from ..kernels import EPS, Cell, Work, make_work, members_of, state
from ..kernels.dual import total_bound
from ..kernels.opening import consider, round_relaxation, set_price
from ..kernels.relaxation import reduce_costs, relax
from ..solution import StopReason
from .options import Options, Progress

if TYPE_CHECKING:
    from .exact import Incumbent

__all__ = ["branch_and_bound"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

# A node of the heap: its bound, a tie-breaker, who is fixed in, who may be in, and a price to start from.
Node = tuple[float, int, BoolArray, BoolArray, float]


def branch_and_bound(
    incumbent: Incumbent, price: float, precision: float, options: Options, started: float
) -> tuple[StopReason | None, int]:
    """Raise the incumbent's bound (and better the incumbent) until they meet; return why it stopped, and the nodes."""
    problem = incumbent.problem
    counter = itertools.count()
    heap: list[Node] = [(incumbent.bound_s, next(counter), problem.mandatory, problem.available, price)]
    nodes = 0
    try:
        while heap:
            # Nodes were left out from the cutoff of their time on, which has only come down since.
            incumbent.raise_bound(min(heap[0][0], _cutoff(incumbent, precision)))
            if incumbent.closed(precision):
                return None, nodes
            if options.now() >= options.deadline(started):
                return StopReason.TIME, nodes
            if options.max_iterations is not None and nodes >= options.max_iterations:
                return StopReason.ITERATIONS, nodes
            nodes += 1
            for child in _expand(incumbent, heapq.heappop(heap), precision):
                heapq.heappush(heap, (child[0], next(counter), *child[1:]))
            if (
                options.callback is not None
                and nodes % 64 == 0
                and options.callback(
                    Progress(
                        iteration=nodes,
                        elapsed_s=options.now() - started,
                        objective_s=incumbent.objective_s,
                        lower_bound_s=incumbent.bound_s,
                    )
                )
            ):
                return StopReason.INTERRUPTED, nodes
    except KeyboardInterrupt:
        return StopReason.INTERRUPTED, nodes
    incumbent.raise_bound(_cutoff(incumbent, precision))
    return None, nodes


def _cutoff(incumbent: Incumbent, precision: float) -> float:
    """Return the bound from which a node holds nothing of interest."""
    return incumbent.objective_s * (1.0 - precision)


def _expand(incumbent: Incumbent, node: Node, precision: float) -> list[tuple[float, BoolArray, BoolArray, float]]:
    """Bound a node, look for a better answer in it, fix what its reduced costs decide, and split it in two."""
    problem = incumbent.problem
    parent_bound, _, inside, available, price = node
    cell, short = cell_of_node(problem, inside, available)
    if short.any():
        return []
    work = make_work(cell)
    relax(cell, work, price, 1e-7)
    s = work.state
    own_bound = float(total_bound(cell, work.bound_mu, s[state.BOUND_PRICE]))
    bound = max(parent_bound, own_bound)
    if cell.aim.size == 0 or round_relaxation(cell, work, 0.5):
        if cell.aim.size == 0:
            work.chosen[:] = False
        if consider(cell, work) and s[state.OBJECTIVE] < incumbent.objective_s:
            incumbent.take(_selection(problem.clients, cell, work))
    cutoff = _cutoff(incumbent, precision)
    if cell.aim.size == 0 or bound >= cutoff:
        return []
    price = float(s[state.BOUND_PRICE])
    fractions = {int(b): float(x) for b, x in zip(work.basis, work.x_basic, strict=True) if b < cell.free}
    set_price(cell, work, price)
    work.mu[:] = work.bound_mu
    reduce_costs(cell, work)
    slack = cutoff - own_bound  # the bound of these multipliers: the reduced costs are theirs
    inside, available = inside.copy(), available.copy()
    doubt = 16.0 * EPS * (1 + work.mu.size) * (2.0 * work.cost[: cell.free] + np.abs(work.reduced))
    sure = np.abs(work.reduced) - doubt
    inside[cell.client[cell.free :]] = True  # the forced clients
    inside[cell.client[: cell.free][(sure >= slack) & (work.reduced < 0.0)]] = True
    available[cell.client[: cell.free][(sure >= slack) & (work.reduced > 0.0)]] = False
    undecided = np.flatnonzero(sure < slack)
    if undecided.size == 0:  # the screened cell is a single selection
        last = inside.copy()
        incumbent.take(last)
        return []
    split = int(cell.client[_branching_client(undecided, fractions, work.reduced, work.cost)])
    with_it, without_it = inside.copy(), available.copy()
    with_it[split] = True
    without_it[split] = False
    return [(bound, with_it, available, price), (bound, inside, without_it, price)]


def _branching_client(
    undecided: npt.NDArray[np.int64], fractions: dict[int, float], reduced: FloatArray, cost: FloatArray
) -> int:
    """Prefer the dearest clearly fractional client; else the one whose reduced cost decides least."""
    split = [i for i in undecided.tolist() if 1e-6 < fractions.get(i, 0.0) < 1.0 - 1e-6]
    if split:
        return int(max(split, key=lambda i: float(cost[i]) * min(fractions[i], 1.0 - fractions[i])))
    return int(undecided[np.argmin(np.abs(reduced[undecided]))])


def _selection(clients: int, cell: Cell, work: Work) -> BoolArray:
    selected = np.zeros(clients, dtype=np.bool_)
    selected[cell.client[work.members[: members_of(cell, work.best, work.members)]]] = True
    return selected
