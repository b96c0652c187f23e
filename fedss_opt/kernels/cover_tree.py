"""The covering knapsack of several tasks, solved to proven optimality by a tree search.

Minimise ``cost^T a`` subject to ``R a >= need``, a binary. Depth first; a node's bound is that of `cover_bound.py`.
With the slack between a cover of interest and the bound, a client whose reduced cost is as large is decided, and so
is a basic (fractional) client whose first pivot on one side is. The basic client with the largest first pivots on
both sides is branched on, the lesser side first. The relaxation's choice with its fractional clients rounded up is
the cover that is tried at every node.

Costs and needs are sums of floats. A node is closed only with a margin above their rounding, and a cover is only
proposed: whether it is one, in exact arithmetic, is decided outside.
"""

from __future__ import annotations

import numpy as np

from .cover_bound import climb, cutoff, penalty
from .cover_state import (
    ACTIVE,
    BOUND,
    BRANCH_IN,
    BRANCH_OUT,
    CLOSED,
    CLOSED_MET,
    CLOSED_SHORT,
    CLOSED_UNMET,
    DECIDE_IN,
    DECIDE_OUT,
    DEPTH,
    DONE,
    FIXED,
    NODES,
    OFFER,
    PROPOSED,
    REFUSED,
    CoverTree,
    decide,
    has_room_in_log,
    keep_node,
    log_step,
    restore_node,
)
from .jit import jit

__all__ = ["advance_cover"]

_INTEGRAL = 1e-9  # a basic value this close to 0 or 1 is not branched on


@jit
def _short_task(tree: CoverTree) -> int:
    """Return a task whose need all undecided clients together miss, or -1."""
    for k in range(tree.room.size):
        if tree.room[k] < -tree.tolerance[k]:
            return k
    return -1


@jit
def _is_met(tree: CoverTree) -> bool:
    """Tell whether the clients decided in cover every task, as far as sums can tell."""
    for k in range(tree.need.size):
        if tree.need[k] > tree.tolerance[k]:
            return False
    return True


@jit
def _propose_decided(tree: CoverTree) -> None:
    """Propose the clients decided in as a cover."""
    tree.tally[PROPOSED] = 1
    tree.amount[OFFER] = tree.amount[FIXED]
    tree.offer[:] = tree.value
    for j in range(tree.tally[ACTIVE]):
        tree.offer[tree.client[j]] = False


@jit
def _propose_rounded(tree: CoverTree) -> None:
    """Propose the relaxation's choice with basic clients rounded up where needed, if it is cheaper than the best."""
    tasks, n = tree.relevance.shape
    active = tree.tally[ACTIVE]
    cost = tree.amount[FIXED]
    for j in range(active):
        if tree.reduced[j] < 0.0:
            cost += tree.cost[j]
    if not cost < cutoff(tree):
        return
    short = tree.need.copy()
    for j in range(active):
        if tree.reduced[j] < 0.0:
            for k in range(tasks):
                short[k] -= tree.relevance[k, j]
    raised = np.full(tasks, -1)
    for p in range(tasks):
        if tree.basis[p] < n and tree.position[tree.basis[p]] < active:
            j = tree.position[tree.basis[p]]
            raised[p] = j
            cost += tree.cost[j]
            for k in range(tasks):
                short[k] -= tree.relevance[k, j]
    while True:  # let go of the dearest that is not needed
        dearest = -1
        for p in range(tasks):
            if raised[p] < 0 or (dearest >= 0 and tree.cost[raised[p]] <= tree.cost[raised[dearest]]):
                continue
            spare = True
            for k in range(tasks):
                spare = spare and short[k] + tree.relevance[k, raised[p]] <= tree.tolerance[k]
            if spare:
                dearest = p
        if dearest < 0:
            break
        cost -= tree.cost[raised[dearest]]
        for k in range(tasks):
            short[k] += tree.relevance[k, raised[dearest]]
        raised[dearest] = -1
    for k in range(tasks):
        if short[k] > tree.tolerance[k]:
            return
    if not cost < cutoff(tree):
        return
    tree.tally[PROPOSED] = 1
    tree.amount[OFFER] = cost
    tree.offer[:] = tree.value
    for j in range(active):
        tree.offer[tree.client[j]] = tree.reduced[j] < 0.0
    for p in range(tasks):
        if raised[p] >= 0:
            tree.offer[tree.client[raised[p]]] = True


@jit
def _decide_by_reduced_cost(tree: CoverTree, slack: float) -> None:
    """Decide every client that cannot change sides at a cost below the slack."""
    logged = tree.log.shape[0] > 0  # asked here: a call costs as much as a decision
    if logged:
        log_step(tree, BOUND, 0, 0.0)
    for j in range(tree.tally[ACTIVE] - 1, -1, -1):
        if abs(tree.reduced[j]) >= slack:
            selected = tree.reduced[j] < 0.0
            if logged:
                log_step(tree, DECIDE_IN if selected else DECIDE_OUT, tree.client[j], 0.0)
            decide(tree, tree.client[j], selected)


@jit
def _branching_client(tree: CoverTree, slack: float) -> tuple[int, bool, bool]:
    """Choose the client to branch on and the side to enter first; or decide clients on the way.

    Returns the client, -1 when both sides of one are closed or some were decided, the side, and whether some were.
    """
    n = tree.client.size
    chosen, side, score = -1, False, -1.0
    changed = False
    for p in range(tree.basis.size):
        i = tree.basis[p]
        if i >= n or tree.position[i] >= tree.tally[ACTIVE]:
            continue
        if tree.x[p] < _INTEGRAL or tree.x[p] > 1.0 - _INTEGRAL:
            continue
        into = penalty(tree, p, True, slack)
        out = penalty(tree, p, False, slack)
        if into >= slack and out >= slack:
            return -1, False, False
        if into >= slack or out >= slack:
            decide(tree, i, out >= slack)
            changed = True
            continue
        product = max(into, 1e-6 * slack) * max(out, 1e-6 * slack)
        if product > score:
            chosen, side, score = i, into < out, product
    if changed:
        return -1, False, True
    if chosen >= 0:
        return chosen, side, False
    # No fractional client, yet nothing closed the node: rounding, or a climb cut short. Any client will do.
    for j in range(tree.tally[ACTIVE]):
        if chosen < 0 or abs(tree.reduced[j]) < abs(tree.reduced[tree.position[chosen]]):
            chosen = tree.client[j]
    return chosen, True, False


@jit
def _open(tree: CoverTree) -> bool:
    """Bound the node at hand and branch on it; False when it is closed.

    Returns early, to be called again, where it proposes a cover.
    """
    while True:
        short = _short_task(tree)
        if short >= 0:
            log_step(tree, CLOSED_SHORT, short, 0.0)
            return False
        if _is_met(tree):
            if not tree.amount[FIXED] < cutoff(tree):
                log_step(tree, CLOSED_MET, 0, 0.0)
                return False
            if tree.tally[REFUSED] == 0:
                _propose_decided(tree)
                return True
        if tree.tally[ACTIVE] == 0:
            log_step(tree, CLOSED_UNMET, 0, 0.0)
            return False
        bound = climb(tree, 20 + 10 * tree.need.size)
        if bound >= cutoff(tree):
            return False
        if tree.tally[REFUSED] == 0:
            _propose_rounded(tree)
            if tree.tally[PROPOSED] == 1:
                return True
        slack = cutoff(tree) - bound
        if slack <= 0.0:
            log_step(tree, CLOSED, 0, 0.0)
            return False
        _decide_by_reduced_cost(tree, slack)
        if tree.tally[ACTIVE] == 0:
            continue
        i, side, changed = _branching_client(tree, slack)
        if changed:
            continue
        if i < 0:
            return False
        log_step(tree, BRANCH_IN if side else BRANCH_OUT, i, 0.0)
        keep_node(tree, i, bound)
        decide(tree, i, side)
        return True


@jit
def _other_side(tree: CoverTree) -> bool:
    """Return to the deepest node with a side to enter and enter it; False when there is none."""
    for depth in range(tree.tally[DEPTH] - 1, -1, -1):
        i = tree.kept_client[depth]
        if i < 0 or tree.kept_bound[depth] >= cutoff(tree):
            continue
        restore_node(tree, depth)
        tree.kept_client[depth] = -1 - i
        tree.tally[DEPTH] = depth + 1
        decide(tree, i, not tree.value[i])
        return True
    return False


@jit
def advance_cover(tree: CoverTree, nodes: int) -> bool:
    """Look at up to `nodes` nodes; True when the search has ended.

    Then `best` is the cheapest cover if `tally[FOUND]` is set, and otherwise no cover is cheaper than the limit,
    but for a relative 1e-12. Until then `best` is the cheapest cover taken. Also returns where a cover is proposed
    (`tally[PROPOSED]`), which `answer_proposal` has to take or refuse, and where the log is full.
    """
    for _ in range(nodes):
        if tree.tally[DONE] == 1 or tree.tally[PROPOSED] == 1 or not has_room_in_log(tree):
            break
        tree.tally[NODES] += 1
        if not _open(tree) and not _other_side(tree):
            tree.tally[DONE] = 1
    ended: bool = tree.tally[DONE] == 1
    return ended
