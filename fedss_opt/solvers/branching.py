"""Branch and bound for total latency: the dual bound of section 5 at every node, on a cell with clients fixed.

Fixing clients makes a new, smaller cell (in: mandatory, out: unavailable), so a node needs nothing that the root does
not: the same relaxation, the same screening, the same rounding.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..array_types import BoolArray, FloatArray, IntArray
from ..cells import cell_of_node, problem_arrays
from ..kernels import EPS, Cell, RoundArrays, Work, make_work, members_of, state
from ..kernels.dual import total_bound
from ..kernels.opening import consider, round_relaxation, set_price
from ..kernels.relaxation import reduce_costs, relax
from ..problem import Problem
from ..proof import Branch, Screen
from ..solution import StopReason
from .options import Options
from .stopping import Stop

if TYPE_CHECKING:
    from .exact import Incumbent

__all__ = ["branch_and_bound", "branches_above"]


class _Node(NamedTuple):
    """What is known of the selections below a node."""

    bound: float
    inside: BoolArray
    available: BoolArray
    price: float
    """To start from."""


def branch_and_bound(
    incumbent: Incumbent, price: float, gap_tol: float, options: Options, started: float
) -> tuple[StopReason | None, int]:
    """Raise the incumbent's bound (and better the incumbent) until they meet; return why it stopped, and the nodes."""
    problem = incumbent.problem
    counter = itertools.count()
    root = _Node(incumbent.bound_s, problem.mandatory, problem.available, price)
    heap = [(root.bound, next(counter), root)]
    nodes = 0

    def cutoff() -> float:
        """Return the bound from which a node holds nothing of interest."""
        return incumbent.to_exclude(gap_tol)

    watch = Stop(options.deadline(started))
    arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required, watch.flag)
    try:
        with watch:
            while heap:
                # Nodes were left out from the cutoff of their time on, which has only come down since.
                incumbent.raise_bound(min(heap[0][0], cutoff()))
                if incumbent.closed(gap_tol):
                    return None, nodes
                if watch.flag[0]:
                    return StopReason.TIME, nodes
                if options.max_iterations is not None and nodes >= options.max_iterations:
                    return StopReason.ITERATIONS, nodes
                nodes += 1
                children, _ = _expand(arrays, heapq.heappop(heap)[2], cutoff, incumbent.take)
                if watch.flag[0]:
                    return StopReason.TIME, nodes
                for child in children:
                    heapq.heappush(heap, (child.bound, next(counter), child))
                if nodes % 64 == 0 and options.told_to_stop(started, iteration=nodes, **incumbent.figures):
                    return StopReason.INTERRUPTED, nodes
    except KeyboardInterrupt:
        return StopReason.INTERRUPTED, nodes
    incumbent.raise_bound(cutoff())
    return None, nodes


def branches_above(
    problem: Problem, claimed_s: float, price: float, stop: float, refute: Callable[[BoolArray], bool]
) -> list[Branch] | None:
    """Write down branches that all end above a claimed bound, for `fedss_opt.proof.verify_total`.

    Parameters
    ----------
    problem : Problem
        The round; its objective is total latency.
    claimed_s : float
        The bound, s.
    price : float
        s/Hz, to start from.
    stop : float
        Reading of the clock of `Options.now` at which to give up.
    refute : callable
        Told of selections that look better than the claim; returns whether one is, which ends the search.

    Returns
    -------
    list of Branch, or None
        In the order in which the verification visits them; None where the search was given up, or the claim refuted.
    """
    refuted = False

    def offer(selected: BoolArray) -> bool:
        nonlocal refuted
        refuted = refuted or refute(selected)
        return refuted

    stack = [_Node(0.0, problem.mandatory, problem.available, price)]
    branches: list[Branch] = []
    with Stop(stop) as watch:
        arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required, watch.flag)
        while stack:
            children, branch = _expand(arrays, stack.pop(), lambda: claimed_s, offer)
            if refuted or watch.flag[0]:
                return None
            branches.append(branch)
            stack.extend(reversed(children))
    return branches


def _expand(
    arrays: RoundArrays, node: _Node, cutoff: Callable[[], float], offer: Callable[[BoolArray], bool]
) -> tuple[list[_Node], Branch]:
    """Bound a node, offer what looks better in it, fix what its reduced costs decide, and split it in two.

    No children where nothing below the cutoff is left. The branch says why, or on whom it was split. Where `stop` is
    set meanwhile, none of this says anything.
    """
    cell, short = cell_of_node(arrays, node.inside, node.available)
    if short.any():
        return [], Branch(screen=None, price=0.0)
    work = make_work(cell)
    relax(cell, work, node.price, 1e-7)
    s = work.state
    price = float(s[state.BOUND_PRICE])
    own_bound = float(total_bound(cell, work.bound_mu, price))
    bound = max(node.bound, own_bound)
    screen = Screen.of(cell.task, work.bound_mu, arrays.target.size, forced=cell.client[cell.free :])
    branch = Branch(screen=screen, price=price)
    alone = cell.aim.size == 0  # nothing is open: whoever joined would only add to the cost
    if alone or round_relaxation(cell, work, 0.5):
        if alone:
            work.chosen[:] = False
        better = consider(cell, work) and s[state.OBJECTIVE] < cutoff()
        if alone and s[state.PRICE] < math.inf:
            branch.price = float(s[state.PRICE])  # the selection's own, whose bound is its objective
        if better:
            offer(_selection(arrays.payload.size, cell, work))
    limit = cutoff()
    if alone or bound >= limit:
        return [], branch
    fractions = {int(b): float(x) for b, x in zip(work.basis, work.x_basic, strict=True) if b < cell.free}
    set_price(cell, work, price)
    work.mu[:] = work.bound_mu
    reduce_costs(cell, work)
    slack = limit - own_bound  # the bound of these multipliers: the reduced costs are theirs
    doubt = 16.0 * EPS * (1 + work.mu.size) * (2.0 * work.cost[: cell.free] + np.abs(work.reduced))
    sure = np.abs(work.reduced) - doubt >= slack
    client = cell.client[: cell.free]
    screen.inside, screen.outside = client[sure & (work.reduced < 0.0)], client[sure & (work.reduced > 0.0)]
    inside, available = node.inside.copy(), node.available.copy()
    inside[cell.client[cell.free :]] = True
    inside[screen.inside] = True
    available[screen.outside] = False
    undecided = np.flatnonzero(~sure)
    branch.closed = False
    if undecided.size == 0:  # a single selection
        return [_Node(bound, inside, inside, price)], branch
    split = int(client[_branching_client(undecided, fractions, work.reduced, work.cost)])
    branch.split = split
    with_it, without_it = inside.copy(), available.copy()
    with_it[split] = True
    without_it[split] = False
    return [_Node(bound, with_it, available, price), _Node(bound, inside, without_it, price)], branch


def _branching_client(undecided: IntArray, fractions: dict[int, float], reduced: FloatArray, cost: FloatArray) -> int:
    """Prefer the dearest clearly fractional client; else the one whose reduced cost decides least."""
    split = [i for i in undecided.tolist() if 1e-6 < fractions.get(i, 0.0) < 1.0 - 1e-6]
    if split:
        return int(max(split, key=lambda i: float(cost[i]) * min(fractions[i], 1.0 - fractions[i])))
    return int(undecided[np.argmin(np.abs(reduced[undecided]))])


def _selection(clients: int, cell: Cell, work: Work) -> BoolArray:
    selected = np.zeros(clients, dtype=np.bool_)
    selected[cell.client[work.members[: members_of(cell, work.best, work.members)]]] = True
    return selected
